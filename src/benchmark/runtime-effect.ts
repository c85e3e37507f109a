import type { Launcher, LaunchModel } from './launcher.ts';
import type { MeasurementPlan, PairEvidence } from './measurement.ts';
import { measureApart } from './scenarios/apart.ts';

/**
 * Two runtimes cannot live in one process, so what cancels there stays here: the layout of a process makes short models
 * differ by 1.6 % (35 us a run) to 3.8 % (6 us) between processes, against 0.3 to 2.1 % in one. The tolerated difference
 * is twice that of a comparison of models.
 */
const TOLERANCE_FACTOR = 2;

export interface RuntimeEffectInput {
  readonly plan: MeasurementPlan;
  readonly model: LaunchModel;
  /** One for each runtime; each launch is a fresh process. */
  readonly base: Launcher;
  readonly candidate: Launcher;
  /** Monotonic clock, milliseconds. */
  readonly now: () => number;
  readonly onLaunch?: (done: number, planned: number) => void;
}

/** What another runtime alone does to the latency of the same bytes, and the difference that was tolerated. */
export interface RuntimeEffect {
  readonly latency: PairEvidence;
  readonly tolerance: number;
}

/**
 * Measures the same model under two runtimes, in processes of their own (measureApart).
 * @throws QuickServeError as a launch.
 */
export async function measureRuntimeEffect(input: RuntimeEffectInput): Promise<RuntimeEffect> {
  const { plan, model, base, candidate, now, onLaunch } = input;
  const tolerance = TOLERANCE_FACTOR * plan.tolerance;
  const latency = await measureApart({
    metric: 'latency',
    tolerance,
    plan,
    sides: { base: { launcher: base, model }, candidate: { launcher: candidate, model } },
    now,
    ...(onLaunch === undefined ? {} : { onLaunch }),
  });
  return { latency, tolerance };
}
