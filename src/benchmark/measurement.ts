import type { Dtype } from '../model/inspection.ts';

export type PairMetric = 'latency' | 'load-time' | 'memory';

/** Everything that decides how a pair of models is measured: serialisable, printed by `--dry-run`. */
export interface MeasurementPlan {
  readonly budgetMs: number;
  readonly threads: number;
  readonly provider: string;
  readonly seed: number;
  /** Values for symbolic dimensions by symbol name; symbols that are not named get 1. */
  readonly dims: Readonly<Record<string, number>>;
  /** Bounds of synthetic values by input; the usual ones for those that are not named. */
  readonly ranges?: Readonly<Record<string, { readonly min: number; readonly max: number }>>;
  /** Folder with a `test_data_set_*` case whose inputs are used instead of synthetic ones, or null. */
  readonly casesPath: string | null;
  /** Practical margin of latency, as a ratio: 0.05 is 5 %. Bounds are 0.4 and 1 times this (facts of detection). */
  readonly tolerance: number;
  /** One-sided error of each look at the data, after correction for the number of comparisons planned. */
  readonly alpha: number;
  /** What is measured; all where it is not given. */
  readonly metrics?: readonly PairMetric[];
  /** Practical margin of load time, as a ratio; 0.2 where it is not given. */
  readonly loadTimeTolerance?: number;
  /** Practical margin of peak memory, as a ratio; 0.1 where it is not given. */
  readonly memoryTolerance?: number;
}

/** A tensor that is fed to both models. `data` is little-endian, as in ONNX raw_data; strings are listed instead. */
export interface FeedTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array | readonly string[];
}

export interface FeedSet {
  readonly origin: 'case' | 'dataset' | 'synthetic';
  /** sha256 over names, dtypes, shapes and bytes: the same for base and candidate. */
  readonly digest: string;
  readonly tensors: readonly FeedTensor[];
}

/** One launch of the A/B procedure: one fresh process that measured both models interleaved. */
export interface LaunchPair {
  /** Median over the block pairs of ln(candidate / base). */
  readonly logRatio: number;
  /** 25th-percentile block statistics in milliseconds a run, in block order. */
  readonly baseBlocksMs: readonly number[];
  readonly candidateBlocksMs: readonly number[];
  readonly runs: number;
  /** Share of wall time that the measuring thread stood in the run queue; null where it cannot be read. */
  readonly waitShare: number | null;
  readonly clock: 'wall-minus-wait' | 'wall';
}

/** One launch for load time: one fresh process that loaded both models many times, in turns. */
export interface LoadPair {
  /** Median over the pairs of loads of ln(candidate / base). */
  readonly logRatio: number;
  /** Medians, milliseconds a load. */
  readonly baseMs: number;
  readonly candidateMs: number;
  readonly loads: number;
}

/** One model alone in a fresh process. */
export interface SoloLaunch {
  /** The first load of the process: a part of its cold start. */
  readonly firstLoadMs: number;
  /** Median of repeated loads; of the first alone where only memory was asked for. */
  readonly loadMs: number;
  readonly firstRunMs: number;
  /** Peak resident size of the process after load and runs, minus nothing: the whole process. */
  readonly peakRssBytes: number;
  /** 25th-percentile block statistics in milliseconds a run; empty where only load time and memory were asked for. */
  readonly blocksMs: readonly number[];
  readonly runs: number;
  /** Share of wall time that the measuring thread stood in the run queue; null where it cannot be read. */
  readonly waitShare: number | null;
}

/** What the sequential test says of one measured metric. A regression that a second series did not confirm is inconclusive. */
export type Decision =
  | { readonly kind: 'regressed' }
  | { readonly kind: 'improved' }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'inconclusive'; readonly reason: string };

/** Between these a value lies, in its unit. */
export interface ValueBounds {
  readonly low: number;
  readonly high: number;
}

/** The launches of one metric, base against candidate, and what follows from them. */
export interface PairEvidence {
  readonly decision: Decision;
  /** Median over the launches, in the metric's unit (ms or bytes); null where no launch ended in time. */
  readonly base: number | null;
  /** `base * (1 + difference.estimate)`, so that the three agree; the median over the launches where there is one alone. */
  readonly candidate: number | null;
  /** One value a launch, in the metric's unit. */
  readonly samples: { readonly base: readonly number[]; readonly candidate: readonly number[] };
  /** ln(candidate / base), one a launch: of the confirming series where there was one. */
  readonly logRatios: readonly number[];
  /** candidate / base - 1 with one-sided bounds of error `alpha` each; null for fewer than two launches. */
  readonly difference: {
    readonly estimate: number;
    readonly low: number;
    readonly high: number;
    readonly confidence: number;
  } | null;
  /** One-sided bounds (error `alpha` each) of the candidate's typical value; null for fewer than two launches. */
  readonly candidateBounds: ValueBounds | null;
  /** A regression was found and measured again with fresh launches. */
  readonly remeasured: boolean;
}

/** A model and its base, measured in the same job. */
export interface PairMeasurement {
  readonly kind: 'pair';
  readonly latency: PairEvidence;
  readonly loadTime: PairEvidence;
  readonly memory: PairEvidence;
  /** Cold start: median of the first run after loading, milliseconds. */
  readonly firstRunMs: { readonly base: number; readonly candidate: number };
  /** Every regression in here was measured again with fresh launches and stayed one; false where there is none. */
  readonly confirmed: boolean;
  /** One-sided error of each look, as planned. */
  readonly alpha: number;
  /** All processes that were started, those for load time and memory included. */
  readonly launches: number;
  readonly runs: number;
  readonly waitShare: number | null;
  readonly clock: 'wall-minus-wait' | 'wall';
  readonly durationMs: number;
  /** Of the candidate's inputs. */
  readonly feedDigest: string;
  /** Another digest than the candidate's only where their interfaces differ. */
  readonly baseFeedDigest: string;
  readonly feedOrigin: FeedSet['origin'];
}

/** One model measured alone: for a new model, and for the history of absolute values. */
export interface SoloMeasurement {
  readonly kind: 'solo';
  /** Median over the launches of each launch's median block, milliseconds a run. */
  readonly latencyMs: number;
  readonly loadMs: number;
  readonly firstRunMs: number;
  readonly peakRssBytes: number;
  /** One value a launch. */
  readonly samples: {
    readonly latencyMs: readonly number[];
    readonly loadMs: readonly number[];
    readonly peakRssBytes: readonly number[];
  };
  /** One-sided bounds (error `alpha` of the plan each) of the typical values; null for fewer than two launches. */
  readonly bounds: {
    readonly latencyMs: ValueBounds | null;
    readonly loadMs: ValueBounds | null;
    readonly peakRssBytes: ValueBounds | null;
  };
  readonly launches: number;
  readonly runs: number;
  readonly waitShare: number | null;
  readonly durationMs: number;
  readonly feedDigest: string;
  readonly feedOrigin: FeedSet['origin'];
}

/** The measured machine. `key` is what histories are grouped by; the rest is recorded beside it. */
export interface Fingerprint {
  /** Short hex digest of the fields that must be equal for times to be comparable. */
  readonly key: string;
  readonly cpuModel: string;
  readonly isa: string;
  readonly cores: number;
  readonly cpuQuota: number | null;
  readonly memoryGiB: number;
  readonly os: string;
  readonly kernel: string;
  readonly arch: string;
  readonly nodeVersion: string;
  readonly runtimeVersion: string;
  readonly provider: string;
  readonly threads: number;
  /** Milliseconds for a fixed piece of work (calibrate): not in the key, since it varies with the neighbours. */
  readonly calibrationMs?: number;
  /** Of the first CPU, such as `performance`; left out where it cannot be read. */
  readonly governor?: string;
  /** The CPU says of itself that it is a virtual one; left out where that cannot be read. */
  readonly virtualised?: boolean;
}
