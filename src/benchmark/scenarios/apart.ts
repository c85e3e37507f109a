import { median } from '../../shared/quantile.ts';
import { FRESH_PROCESS_LOOKS, LATENCY_LOOKS, rulesFor, widenForTiny } from '../launch-sequence.ts';
import type { Launcher, LaunchModel } from '../launcher.ts';
import type { MeasurementPlan, PairEvidence, SoloLaunch } from '../measurement.ts';
import { compareInTurns } from './turns.ts';

/** What can be compared of processes that each hold one model. */
export type ApartMetric = 'latency' | 'load-time' | 'first-run' | 'memory';

const VALUES: Readonly<Record<ApartMetric, (launch: SoloLaunch) => number>> = {
  latency: launch => median(launch.blocksMs),
  'load-time': launch => launch.loadMs,
  'first-run': launch => launch.firstRunMs,
  memory: launch => launch.peakRssBytes,
};

/** Only these need the steady state; the others end with the first run. */
const NEEDS_BLOCKS: readonly ApartMetric[] = ['latency', 'load-time'];

export interface ApartInput {
  readonly metric: ApartMetric;
  /** Difference that is tolerated, as a ratio. */
  readonly tolerance: number;
  readonly plan: Pick<MeasurementPlan, 'budgetMs' | 'provider' | 'threads' | 'alpha'>;
  readonly sides: Readonly<
    Record<'base' | 'candidate', { readonly launcher: Launcher; readonly model: LaunchModel }>
  >;
  /** Monotonic clock, milliseconds. */
  readonly now: () => number;
  readonly onLaunch?: (done: number, planned: number) => void;
}

/**
 * Compares one metric of base and candidate in processes of their own: pairs in alternating order, judged by the same
 * sequential test as models in one process. A regression is measured again.
 * @throws QuickServeError as a launch.
 */
export async function measureApart(input: ApartInput): Promise<PairEvidence> {
  const { metric, tolerance, plan, sides, now } = input;
  const settings = { provider: plan.provider, threads: plan.threads };
  const blocks = NEEDS_BLOCKS.includes(metric);
  const isTime = metric !== 'memory';
  const rules = rulesFor(tolerance, plan.alpha, isTime ? LATENCY_LOOKS : FRESH_PROCESS_LOOKS);
  return compareInTurns<SoloLaunch>({
    measure: (side, timeLimitMs) =>
      sides[side].launcher.launchSolo({ model: sides[side].model, side, settings, blocks, timeLimitMs }),
    statisticOf: VALUES[metric],
    rulesOf: values => (isTime && values.length > 0 ? widenForTiny(rules, median(values)) : rules),
    alpha: plan.alpha,
    budgetMs: plan.budgetMs,
    now,
    ...(input.onLaunch === undefined ? {} : { onTurn: input.onLaunch }),
  });
}
