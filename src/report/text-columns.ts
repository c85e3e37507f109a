/** One column of a plain-text table. */
export interface TextColumn {
  readonly align: 'left' | 'right';
  /** Longer cells are cut with an ellipsis, at their end. */
  readonly widest?: number;
  /** Cuts at the start instead: the end of a path tells more. */
  readonly keepEnd?: boolean;
}

const characters = (text: string): readonly string[] => [...text];

function cutTo(text: string, { widest, keepEnd }: TextColumn): string {
  const all = characters(text);
  if (widest === undefined || all.length <= widest) return text;
  return keepEnd === true ? `…${all.slice(1 - widest).join('')}` : `${all.slice(0, widest - 1).join('')}…`;
}

/** Rows of cells under each other, indented by two, two spaces between the columns. Cells are escaped already. */
export function renderColumns(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const fitted = rows.map(row => row.map((cell, index) => cutTo(cell, columns[index] ?? { align: 'left' })));
  const widths = columns.map((_, index) =>
    Math.max(0, ...fitted.map(row => characters(row[index] ?? '').length)),
  );
  return fitted.map(row =>
    `  ${row
      .map((cell, index) => {
        const space = ' '.repeat((widths[index] ?? 0) - characters(cell).length);
        return columns[index]?.align === 'right' ? space + cell : cell + space;
      })
      .join('  ')}`.trimEnd(),
  );
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar for a share of a whole, in eighths of a character. */
export function renderBar(share: number, widest: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * widest * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}
