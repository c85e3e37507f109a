import { markdownTable } from 'markdown-table';
import type { BytesLocation } from '../../registry/records.ts';
import { formatValue } from '../../report/format-values.ts';
import { terminalSafe } from '../../shared/terminal-text.ts';

/** A table for people. @param align one letter a column, `l` or `r`. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  align: string,
): string {
  const safe = rows.map(row => row.map(cell => terminalSafe(cell).replaceAll(/\s*\n\s*/g, ' ')));
  return markdownTable([[...header], ...safe], { align: [...align] });
}

const UNITS: Readonly<Record<string, 'ms' | 'bytes'>> = {
  latency: 'ms',
  'load-time': 'ms',
  memory: 'bytes',
  size: 'bytes',
};

/** A metric's number with the unit that its name has here. */
export function metricText(metric: string, value: number | undefined): string {
  if (value === undefined) return '';
  const unit = UNITS[metric];
  return unit === undefined ? String(Number(value.toPrecision(6))) : formatValue(value, unit);
}

/** So many loose months are worth a word: a machine that runs no more leaves one, which costs nothing. */
const LOOSE_MONTHS_WORTH_A_WORD = 12;

/** What `list` and `verify` add where closed months pile up; empty where they do not. */
export function compactionHint(closedMonths: number): string {
  if (closedMonths < LOOSE_MONTHS_WORTH_A_WORD) return '';
  return `\n\n${closedMonths} closed months are loose, which makes every write slower: quickserveml registry compact`;
}

export const dayOf = (iso: string): string => iso.slice(0, 10);

/** Where a version's bytes are, in a few words. */
export function locationText(bytes: BytesLocation): string {
  switch (bytes.kind) {
    case 'blob':
      return 'on the registry branch';
    case 'commit':
      return `commit ${bytes.commit.slice(0, 12)}, ${bytes.path}`;
    case 'lfs':
      return `Git LFS, commit ${bytes.commit.slice(0, 12)}, ${bytes.path}`;
    case 'oci':
      return `OCI artifact ${bytes.reference}`;
    case 'none':
      return `gone: ${bytes.reason}`;
    default:
      return 'a place that this version does not know';
  }
}
