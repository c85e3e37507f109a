import { FRESH_PROCESS_LOOKS, LATENCY_LOOKS, rulesFor, widenForTiny } from '../launch-sequence.ts';
import type { Launcher, LaunchModel } from '../launcher.ts';
import type { MeasurementPlan, PairEvidence, SoloLaunch } from '../measurement.ts';
import { conclude, evidenceOf, runSeries, type Track } from '../series.ts';
import { median } from '../statistics.ts';

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

/** A regression that was found late may use so much more than the budget to be measured again. */
const CONFIRMATION_SHARE = 0.5;

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

interface Pair {
  readonly base: SoloLaunch;
  readonly candidate: SoloLaunch;
}

/**
 * Compares one metric of base and candidate in processes of their own: pairs in alternating order, judged by the same
 * sequential test as models in one process. A regression is measured again.
 * @throws QuickServeError as a launch.
 */
export async function measureApart(input: ApartInput): Promise<PairEvidence> {
  const { metric, tolerance, plan, sides, now } = input;
  const deadline = now() + plan.budgetMs;
  const settings = { provider: plan.provider, threads: plan.threads };
  const blocks = NEEDS_BLOCKS.includes(metric);
  const valueFrom = VALUES[metric];
  const rules = rulesFor(tolerance, plan.alpha, metric === 'memory' ? FRESH_PROCESS_LOOKS : LATENCY_LOOKS);
  const isTime = metric !== 'memory';
  const track: Track<Pair> = {
    ratioOf: ({ base, candidate }) => Math.log(valueFrom(candidate) / valueFrom(base)),
    rulesOf: pairs =>
      pairs.length === 0 || !isTime
        ? rules
        : widenForTiny(rules, median(pairs.map(({ base }) => valueFrom(base)))),
  };
  const launch = (side: 'base' | 'candidate', timeLimitMs: number): Promise<SoloLaunch> =>
    sides[side].launcher.launchSolo({ model: sides[side].model, side, settings, blocks, timeLimitMs });
  const series = (until: number) =>
    runSeries<Pair>({
      tracks: [track],
      deadline: until,
      now,
      onLaunch: (done, planned) => input.onLaunch?.(done, planned),
      launch: async (index, timeLimitMs) => {
        const end = now() + timeLimitMs;
        const left = (): number => Math.max(1, end - now());
        if (index % 2 === 0) {
          const base = await launch('base', left());
          return { base, candidate: await launch('candidate', left()) };
        }
        const candidate = await launch('candidate', left());
        return { base: await launch('base', left()), candidate };
      },
    });
  const first = await series(deadline);
  const again =
    conclude(first, track).kind === 'regressed'
      ? await series(deadline + CONFIRMATION_SHARE * plan.budgetMs)
      : null;
  return evidenceOf(
    first,
    again,
    track,
    { base: ({ base }) => valueFrom(base), candidate: ({ candidate }) => valueFrom(candidate) },
    plan.alpha,
  );
}
