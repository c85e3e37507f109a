import { markdownTable } from 'markdown-table';
import type { BytesLocation } from '../../registry/records.ts';
import { formatValue } from '../../report/format-values.ts';
import { TIMED_UNITS } from '../../report/metric-words.ts';
import type { Finding } from '../../shared/finding.ts';
import { terminalSafe } from '../../shared/terminal-text.ts';

/**
 * A table for people. Columns in which no row says anything are left out, so that what is said fits the terminal.
 * @param align one letter a column, `l` or `r`.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  align: string,
): string {
  const safe = rows.map(row => row.map(cell => terminalSafe(cell).replaceAll(/\s*\n\s*/g, ' ')));
  const told = header.flatMap((_, column) => (safe.some(row => row[column] !== '') ? [column] : []));
  const pick = <T>(cells: readonly T[]): T[] => cells.filter((_, column) => told.includes(column));
  return markdownTable([pick(header), ...safe.map(pick)], { align: pick([...align]) });
}

const UNITS: Readonly<Record<string, 'ms' | 'bytes'>> = { ...TIMED_UNITS, size: 'bytes' };

/** A metric's number with the unit that its name has here. */
export function metricText(metric: string, value: number | undefined): string {
  if (value === undefined) return '';
  const unit = UNITS[metric];
  return unit === undefined ? String(Number(value.toPrecision(6))) : formatValue(value, unit);
}

/** So many loose months are worth a word: a machine that runs no more leaves one, which costs nothing. */
const LOOSE_MONTHS_WORTH_A_WORD = 12;

/** What is said where closed months pile up; null where they do not. */
export function looseMonthsFinding(closedMonths: number): Finding | null {
  if (closedMonths < LOOSE_MONTHS_WORTH_A_WORD) return null;
  return {
    code: 'REGISTRY_MONTHS_LOOSE',
    severity: 'info',
    message: `${closedMonths} closed months are loose, which makes every write slower`,
    hint: 'quickserveml registry compact',
  };
}

/** The same behind a table; empty where there is nothing to say. */
export function compactionHint(closedMonths: number): string {
  const finding = looseMonthsFinding(closedMonths);
  return finding === null ? '' : `\n\n${finding.message}: ${finding.hint}`;
}

export const dayOf = (iso: string): string => iso.slice(0, 10);

/** `2026-01-31 12:59`, in UTC, to the minute. @param iso ISO 8601, in any zone. */
export function minuteOf(iso: string): string {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? iso : new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

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
