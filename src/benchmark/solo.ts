import { QuickServeError } from '../shared/errors.ts';
import { median } from '../shared/quantile.ts';
import type { MeasuringProgress } from './interleaved.ts';
import type { Launcher } from './launcher.ts';
import type { FeedSet, MeasurementPlan, SoloLaunch, SoloMeasurement } from './measurement.ts';
import { mean, typicalBounds } from './statistics.ts';

/** As many as the first look of a pair; fewer where the budget ends before. */
export const SOLO_LAUNCHES = 5;

export interface SoloInput {
  readonly plan: MeasurementPlan;
  /** Absolute path. */
  readonly modelPath: string;
  readonly feeds: FeedSet;
  readonly launcher: Launcher;
  /** Monotonic clock, milliseconds. */
  readonly now: () => number;
  readonly onProgress?: (progress: MeasuringProgress) => void;
}

/**
 * Measures one model without a base: five fresh processes within `plan.budgetMs` (always at least one), each with
 * load time, first run, steady-state blocks and peak memory; medians over the launches.
 * @throws QuickServeError where the model cannot be loaded or run, or its process died (see Launcher).
 */
export async function measureSolo(input: SoloInput): Promise<SoloMeasurement> {
  const { plan, launcher, now } = input;
  const start = now();
  const deadline = start + plan.budgetMs;
  const launches: SoloLaunch[] = [];
  const launch = (timeLimitMs: number | null): Promise<SoloLaunch> =>
    launcher.launchSolo({
      model: { path: input.modelPath, feeds: input.feeds },
      side: 'candidate',
      settings: { provider: plan.provider, threads: plan.threads },
      blocks: true,
      timeLimitMs,
    });
  while (launches.length < SOLO_LAUNCHES) {
    const remainingMs = deadline - now();
    if (launches.length > 0 && remainingMs <= (now() - start) / launches.length) break;
    try {
      launches.push(await launch(launches.length === 0 ? null : remainingMs));
    } catch (error) {
      const cutOff =
        error instanceof QuickServeError && error.code === 'WORKER_TIMEOUT' && launches.length > 0;
      if (cutOff) break;
      throw error;
    }
    input.onProgress?.({ phase: 'latency', done: launches.length, planned: SOLO_LAUNCHES });
  }
  const samples = {
    latencyMs: launches.map(each => median(each.blocksMs)),
    loadMs: launches.map(each => each.loadMs),
    peakRssBytes: launches.map(each => each.peakRssBytes),
  };
  const waits = launches.map(each => each.waitShare).filter(share => share !== null);
  return {
    kind: 'solo',
    latencyMs: median(samples.latencyMs),
    loadMs: median(samples.loadMs),
    firstRunMs: median(launches.map(each => each.firstRunMs)),
    peakRssBytes: median(samples.peakRssBytes),
    samples,
    bounds: {
      latencyMs: typicalBounds(samples.latencyMs, plan.alpha),
      loadMs: typicalBounds(samples.loadMs, plan.alpha),
      peakRssBytes: typicalBounds(samples.peakRssBytes, plan.alpha),
    },
    launches: launches.length,
    runs: launches.reduce((sum, each) => sum + each.runs, 0),
    waitShare: waits.length === 0 ? null : mean(waits),
    durationMs: now() - start,
    feedDigest: input.feeds.digest,
    feedOrigin: input.feeds.origin,
  };
}
