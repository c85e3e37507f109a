import type { Finding } from '../shared/finding.ts';
import { ACCEPTING_LABEL } from '../shared/finding-names.ts';
import { shortenText, visibleText } from './escape.ts';
import type { ReportShard } from './report.ts';

/** Acceptances and shards in a message; the rest is counted. */
const SHOWN = 10;

/** A name or an acceptance of a report, for a message. */
export const printable = (words: string): string => visibleText(shortenText(words, 120));

function listed(words: readonly string[]): string {
  const more = words.length > SHOWN ? ` and ${words.length - SHOWN} more` : '';
  return words.slice(0, SHOWN).join(', ') + more;
}

/**
 * Parts that were let through different findings, because a label came or went while they ran: what one of them passed
 * another would have failed, so together they are no verdict.
 */
export function tornAcceptances(shards: readonly ReportShard[]): readonly Finding[] {
  const all = [...new Set(shards.flatMap(({ acceptances }) => acceptances))].toSorted();
  const torn = all.flatMap(acceptance => {
    const saw = shards.filter(({ acceptances }) => acceptances.includes(acceptance));
    if (saw.length === shards.length) return [];
    return [`${printable(acceptance)} (only by ${listed(saw.map(({ index }) => String(index)))})`];
  });
  if (torn.length === 0) return [];
  return [
    {
      code: 'SHARDS_ACCEPTED_DIFFERENTLY',
      severity: 'error',
      message: `The shards did not see the same acceptances: ${listed(torn)}.`,
      hint: 'A label was added or removed while they ran, or could not be read by some: run all shards again.',
    },
  ];
}

/** Labels that came after the shards had run: to run the merge alone again does not make them count. */
export function lateAcceptances(
  shards: readonly ReportShard[],
  labels: readonly string[],
): readonly Finding[] {
  const seen = new Set(shards.flatMap(({ acceptances }) => acceptances));
  const late = labels.filter(label => label.startsWith(ACCEPTING_LABEL) && !seen.has(label)).toSorted();
  if (late.length === 0) return [];
  return [
    {
      code: 'ACCEPTED_AFTER_SHARDS',
      severity: 'warning',
      message: `No shard saw ${listed(late.map(printable))}, so it does not count.`,
      hint: 'Run the shards again, not only the merge.',
    },
  ];
}
