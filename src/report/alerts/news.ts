import type { Health, HealthProblem } from '../../regression/health.ts';
import { shortenText } from '../escape.ts';
import { formatAmount, formatCount, formatSignedPercent, formatValue } from '../format-values.ts';
import { METRIC_WORDS, metricLabel, metricNoun, TIMED_UNITS, withWorkload } from '../metric-words.ts';

/** One model in production, as it stands on one kind of machine. */
export interface AlertItem {
  readonly model: string;
  readonly version: string;
  /** What happened to it; `standing` where it is as it was told before. */
  readonly change: 'degraded' | 'changed' | 'recovered' | 'accepted' | 'retired' | 'standing';
  readonly health: Health;
  /** The machine in words, `Xeon, 2 cores`. */
  readonly machine: string;
  /** Where it began, and what was different from then on; null where that is not known. */
  readonly onset: string | null;
}

/** What one place is told in one message, as plain data: every kind of message is a pure function of it. */
export interface AlertNews {
  /** The same for every attempt to send it: a receiver that saw it can drop the second one. */
  readonly id: string;
  readonly kind: 'change' | 'test';
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** `acme/models`, or null where it is not known. */
  readonly repository: string | null;
  readonly runUrl: string | null;
  /** What is new for this place, at least one but in a test. */
  readonly items: readonly AlertItem[];
  /** Everything that is worse now, what is new too. */
  readonly standing: readonly AlertItem[];
}

const NAME_MAX_CHARACTERS = 60;
const MESSAGE_MAX_CHARACTERS = 300;

/** `got 21 % slower`, to stand behind a model's name. */
export function problemClause(problem: HealthProblem): string {
  switch (problem.kind) {
    case 'broken':
      return 'does not run any more';
    case 'over-limit':
      return `is over its limit of ${formatValue(problem.limit, TIMED_UNITS[problem.metric])} for ${metricNoun(problem)}`;
    case 'worse':
      return withWorkload(
        METRIC_WORDS[problem.metric].worse(` ${formatAmount(problem.now / problem.reference.typical - 1)}`),
        problem,
      );
  }
}

/** One sentence with the numbers. */
export function problemSentence(problem: HealthProblem): string {
  if (problem.kind === 'broken')
    return `${problem.code}: ${shortenText(problem.message, MESSAGE_MAX_CHARACTERS)}`;
  const unit = TIMED_UNITS[problem.metric];
  const label = metricLabel(problem);
  const now = formatValue(problem.now, unit);
  if (problem.kind === 'over-limit')
    return `${label}: ${now}, and the limit is ${formatValue(problem.limit, unit)}.`;
  const { typical, low, high, points } = problem.reference;
  return `${label}: ${now} instead of ${formatValue(typical, unit)} (${formatSignedPercent(problem.now / typical - 1)}). Of ${formatCount(points, 'earlier measurement')}, 99 % would lie between ${formatValue(low, unit)} and ${formatValue(high, unit)}.`;
}

/** What happened, in a few words behind the model's name. */
function clauseOf({ change, health }: AlertItem): string {
  if (change === 'recovered') return 'has recovered';
  if (change === 'accepted') return 'is accepted as it is now';
  if (change === 'retired') return 'is not in production any more';
  const [first] = health.problems;
  const clause = first === undefined ? 'got worse' : problemClause(first);
  const more = health.problems.length - 1;
  return more > 0 ? `${clause}, and ${formatCount(more, 'more thing')} about it` : clause;
}

export const itemName = ({ model, version }: AlertItem): string =>
  `${shortenText(model, NAME_MAX_CHARACTERS)} ${shortenText(version, NAME_MAX_CHARACTERS)}`;

/** The whole message in one line, raw text. */
export function newsTitle({ kind, items }: AlertNews): string {
  if (kind === 'test') return 'A sample alert: nothing is wrong';
  const [first] = items;
  if (first !== undefined && items.length === 1)
    return first.change === 'retired'
      ? itemLine(first)
      : `${itemName(first)} in production ${clauseOf(first)}`;
  const worse = items.filter(({ health }) => health.state === 'degraded').length;
  const well = items.length - worse;
  return [
    ...(worse === 0 ? [] : [`${formatCount(worse, 'model')} in production got worse`]),
    ...(well === 0
      ? []
      : [`${formatCount(well, 'model')} in production ${well === 1 ? 'is' : 'are'} well again`]),
  ].join(' · ');
}

/** Everything about one item, a sentence each, raw text. */
export function itemSentences(item: AlertItem): readonly string[] {
  const { health, change, machine, onset } = item;
  if (change === 'recovered') return [`It is back at its usual level. Machine: ${machine}.`];
  if (change === 'retired') return [`It was worse on the machine ${machine}.`];
  if (change === 'accepted')
    return [`Its present level counts as the normal one from now on. Machine: ${machine}.`];
  return [
    ...health.problems.map(problemSentence),
    ...(onset === null ? [] : [onset]),
    `Worse since ${health.since?.slice(0, 16).replace('T', ' ') ?? 'now'} UTC. Machine: ${machine}.`,
  ];
}

/** The line of one item: its name and what happened. */
export const itemLine = (item: AlertItem): string => `${itemName(item)} ${clauseOf(item)}`;

/** At most so many items are written out in a message; a page of the run has the rest. */
export const ITEMS_MAX = 10;

export const leftOut = (items: readonly AlertItem[]): string | null =>
  items.length > ITEMS_MAX ? `and ${formatCount(items.length - ITEMS_MAX, 'more model')}` : null;
