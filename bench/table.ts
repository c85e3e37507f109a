import { markdownTable } from 'markdown-table';
import { wilsonInterval } from '../src/benchmark/statistics.ts';

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

export const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`;

/** `19 of 20 (76.4 % to 99.1 %)`: with the 95 % interval of Wilson (1927). */
export function shareWithInterval(count: number, trials: number): string {
  if (trials === 0) return '-';
  const { low, high } = wilsonInterval(count, trials);
  return `${count} of ${trials} (${percent(low)} to ${percent(high)})`;
}
