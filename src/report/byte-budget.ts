/** A part of a text that can be shown in several lengths. */
export interface Section {
  /** 1 is what must be seen; sections with a higher number are left out first. */
  readonly importance: number;
  /** From the fullest to the shortest; each is complete in itself. Called only as far as needed. */
  readonly variants: readonly (() => string)[];
}

export interface FittedSections {
  /** In the order of the sections; null where none of the variants fitted. */
  readonly texts: readonly (string | null)[];
  readonly omitted: number;
  /** True where a section is missing or not shown in full. */
  readonly reduced: boolean;
}

/**
 * Chooses for each section the fullest variant for which there is room: the more important ones choose first.
 * Nothing is ever cut: a variant is taken whole or not at all. `separatorBytes` is counted once a section.
 */
export function fitSections(
  sections: readonly Section[],
  budgetBytes: number,
  separatorBytes: number,
): FittedSections {
  const texts: (string | null)[] = sections.map(() => null);
  const order = sections
    .map((section, index) => ({ section, index }))
    .toSorted((a, b) => a.section.importance - b.section.importance);
  let left = budgetBytes;
  let reduced = false;
  for (const { section, index } of order) {
    for (const [variant, render] of section.variants.entries()) {
      const text = render();
      const size = Buffer.byteLength(text) + separatorBytes;
      if (size > left) continue;
      texts[index] = text;
      left -= size;
      reduced ||= variant > 0;
      break;
    }
  }
  const omitted = texts.filter(text => text === null).length;
  return { texts, omitted, reduced: reduced || omitted > 0 };
}
