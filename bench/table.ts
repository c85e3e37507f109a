import { markdownTable } from 'markdown-table';

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  if (low === undefined || high === undefined) throw new RangeError('no value has no median');
  return (low + high) / 2;
}

export const milliseconds = (value: number): string =>
  `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;

/** A markdown table; all columns but the first are numbers and stand right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return markdownTable([header, ...rows], { align: header.map((_, index) => (index === 0 ? 'l' : 'r')) });
}

/** `**missed**` where a value is over its goal. */
export const against = (value: number, goal: number, text: string): string =>
  value <= goal ? `≤ ${text}` : `≤ ${text}: **missed**`;
