import type { Reference } from './production.ts';
import type { TimedMetric } from './timed.ts';

interface MetricProblem {
  readonly metric: TimedMetric;
  /** Name of the set of inputs; left out where the metric does not depend on them, or there is one set only. */
  readonly workload?: string;
  /** In the metric's unit, as it was last told. */
  readonly now: number;
}

/** What is wrong with a model in production. */
export type HealthProblem =
  | (MetricProblem & { readonly kind: 'worse'; readonly reference: Reference })
  | (MetricProblem & { readonly kind: 'over-limit'; readonly limit: number })
  /** It cannot be loaded or run. */
  | { readonly kind: 'broken'; readonly code: string; readonly message: string };

/** How a model in production is on one kind of machine. */
export interface Health {
  readonly state: 'healthy' | 'degraded';
  readonly version: string;
  /** When it got worse. ISO 8601, UTC; null: it is not. */
  readonly since: string | null;
  /** Empty where it is healthy. */
  readonly problems: readonly HealthProblem[];
}

export const HEALTHY = { state: 'healthy', since: null, problems: [] } as const;

/** What a run means for those who are told. */
export type Transition =
  /** It is as it was: nobody is told again. */
  | { readonly kind: 'same'; readonly health: Health }
  | { readonly kind: 'degraded' | 'changed' | 'recovered' | 'accepted'; readonly health: Health };

/** Under this ratio between what was told and what is, nothing has changed that is worth another message. */
const WORTH_TELLING = 0.1;

const nameOf = (problem: HealthProblem): string =>
  problem.kind === 'broken'
    ? `broken ${problem.code}`
    : `${problem.kind} ${problem.metric} ${problem.workload ?? ''}`;

/** Whether something was wrong in this way already, however much. */
export const isKnownProblem = (told: Health | null, problem: HealthProblem): boolean =>
  told?.problems.some(one => nameOf(one) === nameOf(problem)) === true;

function isSameProblem(told: HealthProblem, now: HealthProblem): boolean {
  if (nameOf(told) !== nameOf(now)) return false;
  if (told.kind === 'broken' || now.kind === 'broken') return true;
  return Math.abs(Math.log(now.now / told.now)) <= Math.log1p(WORTH_TELLING);
}

const areSame = (told: readonly HealthProblem[], now: readonly HealthProblem[]): boolean =>
  told.length === now.length && told.every(one => now.some(other => isSameProblem(one, other)));

/**
 * What follows from this run's problems and what was told last.
 * @param told null: nothing was ever told of this model on this kind of machine.
 * @param at when this run was. ISO 8601, UTC.
 * @param accepted somebody takes the present level as the new normal one
 */
export function nextHealth(
  told: Health | null,
  now: { readonly version: string; readonly problems: readonly HealthProblem[]; readonly at: string },
  accepted: boolean,
): Transition {
  const { version, problems, at } = now;
  const before = told ?? { ...HEALTHY, version };
  if (accepted && (before.state === 'degraded' || problems.length > 0))
    return { kind: 'accepted', health: { ...HEALTHY, version } };
  if (problems.length === 0) {
    return before.state === 'healthy'
      ? { kind: 'same', health: before }
      : { kind: 'recovered', health: { ...HEALTHY, version } };
  }
  const health: Health = { state: 'degraded', version, since: before.since ?? at, problems };
  if (before.state === 'healthy') return { kind: 'degraded', health };
  return before.version === version && areSame(before.problems, problems)
    ? { kind: 'same', health: before }
    : { kind: 'changed', health };
}

/** The level that a metric has to come back to; null where it is not worse. */
export function standingOf(
  told: Health | null,
  metric: TimedMetric,
  workload: string | undefined,
): Reference | null {
  const problem = told?.problems.find(
    one => one.kind === 'worse' && one.metric === metric && one.workload === workload,
  );
  return problem?.kind === 'worse' ? problem.reference : null;
}
