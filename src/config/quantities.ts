/** What a percentage and a size look like in the configuration, also the `pattern`s of the JSON Schema. */
export const PERCENT_PATTERN = '^(\\d+(?:\\.\\d+)?) ?%$';
export const SIZE_PATTERN = '^(\\d+(?:\\.\\d+)?) ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$';

const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** `5%` as the ratio 0.05; null where the text is not a percentage. */
export function parsePercent(text: string): number | null {
  const digits = new RegExp(PERCENT_PATTERN).exec(text)?.[1];
  if (digits === undefined) return null;
  const ratio = Number((Number(digits) / 100).toPrecision(12));
  return Number.isFinite(ratio) ? ratio : null;
}

/** The ratio 0.05 as `5%`. */
export function formatPercent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(10))}%`;
}

/** `500MB`, `2GiB`, `1.5 kB` in whole bytes; null where the text is not a size that can be counted exactly. */
export function parseSize(text: string): number | null {
  const [, digits, unit] = new RegExp(SIZE_PATTERN).exec(text) ?? [];
  const factor = unit === undefined ? undefined : BYTES[unit];
  if (digits === undefined || factor === undefined) return null;
  const sizeBytes = Math.round(Number(digits) * factor);
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : null;
}

/** Bytes in the largest unit that needs no more than three decimals, binary units where only they are whole: `2GiB`, `500MB`. */
export function formatSize(sizeBytes: number): string {
  const units = ['TiB', 'TB', 'GiB', 'GB', 'MiB', 'MB', 'KiB', 'kB'] as const;
  for (const unit of units) {
    const factor = BYTES[unit];
    if (factor === undefined || sizeBytes < factor) continue;
    const text = `${Number((sizeBytes / factor).toFixed(unit.includes('i') ? 0 : 3))}${unit}`;
    if (parseSize(text) === sizeBytes) return text;
  }
  return `${sizeBytes}B`;
}
