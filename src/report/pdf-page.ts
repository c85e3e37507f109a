import type { jsPDF } from 'jspdf';
import { visibleText } from './escape.ts';

/** Typographic characters that the built-in fonts of PDF lack, and what stands for them. */
const SUBSTITUTES: Readonly<Record<string, string>> = {
  '−': '-',
  '→': '->',
  '≤': '<=',
  '≥': '>=',
  '≈': '~',
  '│': '|',
  '✅': '',
  '\u00A0': ' ',
};

/** Windows-1252, the encoding of PDF's built-in fonts, beyond Latin-1. */
const WINDOWS_1252 = /[€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]/u;

/**
 * One line of text as the built-in fonts can show it. What they lack is shown by its code point (`‹U+4E2D›`): a font for
 * all of Unicode would be larger than the whole tool.
 */
export function pdfText(text: string): string {
  return [...visibleText(text)]
    .map(character => {
      const substitute = SUBSTITUTES[character];
      if (substitute !== undefined) return substitute;
      const point = character.codePointAt(0) ?? 0;
      if ((point >= 0x20 && point <= 0x7e) || (point >= 0xa1 && point <= 0xff)) return character;
      return WINDOWS_1252.test(character) ? character : `‹U+${point.toString(16).toUpperCase()}›`;
    })
    .join('');
}

export type Colour = readonly [red: number, green: number, blue: number];

export const INK: Colour = [27, 32, 39];
export const SOFT: Colour = [87, 96, 106];
export const LINE: Colour = [217, 222, 228];
export const BASE: Colour = [107, 116, 128];
export const CANDIDATE: Colour = [11, 92, 173];

export interface TextStyle {
  readonly size?: number;
  readonly bold?: boolean;
  readonly colour?: Colour;
  /** Space below, points. */
  readonly after?: number;
}

export interface Column {
  readonly label: string;
  /** Share of the width; all together are 1. */
  readonly share: number;
  readonly right?: boolean;
}

const MARGIN = 42;
const LINE_HEIGHT = 1.32;
const CELL_LINES_MAX = 6;

/** An A4 document that is written from top to bottom; what does not fit goes to the next page. */
export class PdfPage {
  readonly #document: jsPDF;
  #y = MARGIN;

  constructor(document: jsPDF) {
    this.#document = document;
  }

  get left(): number {
    return MARGIN;
  }

  get width(): number {
    return this.#document.internal.pageSize.getWidth() - MARGIN * 2;
  }

  get y(): number {
    return this.#y;
  }

  /** Makes sure that `height` points fit on the page, else starts a new one. */
  reserve(height: number): void {
    if (this.#y + height <= this.#document.internal.pageSize.getHeight() - MARGIN) return;
    this.#document.addPage();
    this.#y = MARGIN;
  }

  skip(height: number): void {
    this.#y += height;
  }

  #font({ size = 9.5, bold = false, colour = INK }: TextStyle): number {
    this.#document.setFont('helvetica', bold ? 'bold' : 'normal');
    this.#document.setFontSize(size);
    this.#document.setTextColor(...colour);
    return size * LINE_HEIGHT;
  }

  #wrap(text: string, width: number): readonly string[] {
    return this.#document.splitTextToSize(text, width) as string[];
  }

  text(text: string, style: TextStyle = {}): void {
    const height = this.#font(style);
    for (const line of this.#wrap(pdfText(text), this.width)) {
      this.reserve(height);
      // A page break forgets nothing, but the font belongs to the line.
      this.#font(style);
      this.#document.text(line, MARGIN, this.#y + height * 0.75);
      this.#y += height;
    }
    this.#y += style.after ?? 0;
  }

  rule(colour: Colour, thickness: number): void {
    this.#document.setFillColor(...colour);
    this.#document.rect(MARGIN, this.#y, this.width, thickness, 'F');
    this.#y += thickness + 8;
  }

  #row(columns: readonly Column[], cells: readonly string[], style: TextStyle): void {
    const height = this.#font(style);
    const wrapped = columns.map(({ share }, index) =>
      this.#wrap(pdfText(cells[index] ?? ''), this.width * share - 8).slice(0, CELL_LINES_MAX),
    );
    const rowHeight = Math.max(1, ...wrapped.map(lines => lines.length)) * height + 5;
    this.reserve(rowHeight);
    this.#font(style);
    let x = MARGIN;
    for (const [index, { share, right = false }] of columns.entries()) {
      const width = this.width * share;
      for (const [line, words] of (wrapped[index] ?? []).entries()) {
        this.#document.text(
          words,
          right ? x + width - 6 : x + 2,
          this.#y + height * (line + 0.75),
          right ? { align: 'right' } : {},
        );
      }
      x += width;
    }
    this.#y += rowHeight;
    this.#document.setDrawColor(...LINE);
    this.#document.line(MARGIN, this.#y - 3, MARGIN + this.width, this.#y - 3);
  }

  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    this.reserve(40);
    const labels = columns.map(({ label }) => label);
    this.#row(columns, labels, { bold: true, size: 8.5, colour: SOFT });
    for (const cells of rows) this.#row(columns, cells, { size: 8.5 });
    this.#y += 8;
  }

  dot(x: number, y: number, colour: Colour): void {
    this.#document.setFillColor(...colour);
    this.#document.circle(x, y, 2, 'F');
  }

  line(fromX: number, fromY: number, toX: number, toY: number, colour: Colour, thickness: number): void {
    this.#document.setDrawColor(...colour);
    this.#document.setLineWidth(thickness);
    this.#document.line(fromX, fromY, toX, toY);
    this.#document.setLineWidth(0.5);
  }

  label(text: string, x: number, y: number, align: 'left' | 'center'): void {
    this.#font({ size: 7.5, colour: SOFT });
    this.#document.text(pdfText(text), x, y, { align });
  }
}
