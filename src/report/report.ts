import type { Fingerprint } from '../benchmark/measurement.ts';
import type { CasesReport } from '../cases/cases-report.ts';
import type { ContractComparison } from '../contract/comparison.ts';
import type { Outline } from '../model/drawing/outline.ts';
import type { Inspection } from '../model/inspection.ts';
import type { Gate, MetricComparison } from '../regression/verdict.ts';
import type { Finding } from '../shared/finding.ts';

/** Where the candidate stands in relation to the base commit. */
export type ModelState =
  | { readonly kind: 'changed' }
  | { readonly kind: 'identical' }
  | { readonly kind: 'added' }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'moved'; readonly from: string; readonly identical: boolean }
  /** It is in production, and is held against its own history: a run of `watch`. `since`: ISO 8601, UTC, or null. */
  | { readonly kind: 'production'; readonly version: string; readonly since: string | null }
  /** There is nothing to compare with: no base commit could be had. */
  | { readonly kind: 'no-base'; readonly reason: string };

export type FeedOrigin = 'case' | 'dataset' | 'synthetic';

/** One set of inputs that a model was measured with. */
export interface MeasuredInputs {
  readonly name: string;
  readonly launches: number;
  readonly durationMs: number;
  /** sha256 over names, dtypes, shapes and bytes of what the candidate was fed with. */
  readonly feedDigest: string;
  /** Left out where the base was fed with the same. */
  readonly baseFeedDigest?: string;
  readonly feedOrigin: FeedOrigin;
}

/** What else the machine did while it measured. */
export interface MeasurementNoise {
  /** Share of the CPUs' time that the host gave to other guests; null where it cannot be read. */
  readonly stealShare: number | null;
  /** Load average of the last minute by CPUs at the end; null where there is none. */
  readonly loadPerCpu: number | null;
  /** How far the numbers can be trusted, as one plain sentence. */
  readonly trust: string;
}

interface MeasurementExtras {
  readonly baseFeedDigest?: string;
  /** Left out where there is only one set of inputs. */
  readonly inputs?: readonly MeasuredInputs[];
  readonly noise?: MeasurementNoise;
}

/** How the times of one model were obtained; of several sets of inputs, those of the first. */
export type MeasurementSummary =
  | (MeasurementExtras & {
      readonly kind: 'interleaved';
      readonly launches: number;
      readonly runs: number;
      readonly durationMs: number;
      readonly confirmed: boolean;
      readonly feedDigest: string;
      readonly feedOrigin: FeedOrigin;
      /** Mean share of time that the measuring thread waited for a CPU, or null where it cannot be read. */
      readonly waitShare: number | null;
    })
  | (MeasurementExtras & {
      readonly kind: 'alone';
      readonly launches: number;
      readonly durationMs: number;
      readonly feedDigest?: string;
      readonly feedOrigin?: FeedOrigin;
    })
  | { readonly kind: 'not-measured'; readonly reason: string };

/** What the registry knows of a model on this very machine (fingerprint), oldest first; the candidate is not among them. */
export interface ModelHistory {
  readonly fingerprint: string;
  readonly points: readonly HistoryPoint[];
}

export interface HistoryPoint {
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly commit: string | null;
  readonly version: string | null;
  /** In the units of the metrics: ms, ms, bytes. */
  readonly metrics: Readonly<Partial<Record<TimedMetricName, number>>>;
}

export type TimedMetricName = 'latency' | 'load-time' | 'memory';

/** One layer as profiled in base and candidate; a side that has no such layer is null. */
export interface LayerRow {
  /** The node's name. */
  readonly name: string;
  /** `Conv`, `com.microsoft:Gelu`. */
  readonly operator: string;
  /** Milliseconds a run, without what runs inside it. */
  readonly baseMs: number | null;
  readonly candidateMs: number | null;
  /** A difference that is not larger may be chance; left out where it is not known. */
  readonly noiseMs?: number;
  /** Multiply-accumulates a run; null where they are not counted. */
  readonly baseMacs: number | null;
  readonly candidateMacs: number | null;
}

export interface ModelLayers {
  /** The inputs that were run; left out where a model has only one set of them. */
  readonly workload?: string;
  /** Processes that ran both models in turns. */
  readonly launches?: number;
  /** Those that matter, by how much they changed, else by time. */
  readonly rows: readonly LayerRow[];
  /** What is not in `rows`. */
  readonly others: {
    readonly count: number;
    readonly baseMs: number | null;
    readonly candidateMs: number | null;
  };
  /** The same by operator, the largest change first; left out where there is no base. */
  readonly operators?: readonly OperatorRow[];
}

/** All layers of one operator in base and candidate. */
export interface OperatorRow {
  readonly operator: string;
  readonly baseCount: number;
  readonly candidateCount: number;
  readonly baseMs: number;
  readonly candidateMs: number;
}

export interface ModelReport {
  readonly name: string;
  /** Relative to the repository's root, with `/`. */
  readonly path: string;
  readonly state: ModelState;
  readonly gate: Gate;
  readonly base: Inspection | null;
  readonly candidate: Inspection | null;
  readonly contract: ContractComparison | null;
  readonly metrics: readonly MetricComparison[];
  readonly measurement: MeasurementSummary;
  /** The version that a record would make or made, and the one it follows; null where nothing is to be recorded. */
  readonly version: { readonly previous: string | null; readonly next: string } | null;
  readonly findings: readonly Finding[];
  /** What would have failed and was accepted on purpose. */
  readonly accepted: readonly Acceptance[];
  /** What a break of the contract means by the policy that was applied; hard where it is left out. */
  readonly contractGate?: 'hard' | 'warn' | 'off';
  /** False for a model that was discovered: its policy is in `defaults`. True where it is left out. */
  readonly configured?: boolean;
  /** Cases, drift and accuracy; absent where nothing was tested. */
  readonly cases?: CasesReport;
  /** Earlier measurements; absent where there are none that may be compared. */
  readonly history?: ModelHistory;
  /** Where the time goes; absent where nothing was profiled. */
  readonly layers?: ModelLayers;
  /** The same with further sets of inputs that are slower. */
  readonly otherLayers?: readonly ModelLayers[];
  /** The graph of the candidate, for a drawing; absent where it did not change or is too large to be read. */
  readonly outline?: Outline;
}

/** A break, a regression or a failed test that somebody let through on purpose; `finding` is what they named: `slower:digits`, `break:digits`. */
export interface Acceptance {
  readonly finding: string;
  readonly by: 'label' | 'configuration' | 'flag';
}

export interface CommitInfo {
  readonly sha: string;
  /** How it was found, for people: `merge base of main`, `first parent of the merge commit`, `--base v1.2`. */
  readonly role: string;
}

/** One part of a check that was split; the same in the reports of all its parts, but for `index`. */
export interface ReportShard {
  /** From 1. */
  readonly index: number;
  /** Names of the models that each shard checks, shard 1 first: a missing report can be named with what it had. */
  readonly assignment: readonly (readonly string[])[];
  /** Comparisons planned over all shards: the errors of the whole check are bounded, not those of each part. */
  readonly comparisons: number;
  /** Labels and flags that let findings through, as this part saw them: they may change while the parts run. */
  readonly acceptances: readonly string[];
}

/** The whole outcome of a check, as plain data. Every format is a pure function of it. Published as schemas/report.schema.json. */
export interface Report {
  readonly schemaVersion: 1;
  readonly tool: { readonly name: 'quickserveml'; readonly version: string };
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly gate: Gate;
  readonly base: CommitInfo | null;
  readonly head: CommitInfo | null;
  readonly change: {
    readonly platform: 'github' | 'gitlab' | 'jenkins' | 'local';
    /** `owner/name`, or null on a laptop. */
    readonly repository: string | null;
    readonly pullRequest: number | null;
    /** Page of the CI run, or null. */
    readonly runUrl: string | null;
    /** Prefix to which `/<path>` is added to link a file of the head commit, or null. */
    readonly filesUrl: string | null;
  };
  readonly models: readonly ModelReport[];
  /** What concerns the whole check: configuration changed in the same pull request, deleted models, ... */
  readonly findings: readonly Finding[];
  readonly environment: Fingerprint | null;
  readonly seed: number;
  readonly durationMs: number;
  readonly registry: {
    readonly branch: string;
    readonly recording: 'planned' | 'recorded' | 'skipped' | 'failed';
    /** Why it was skipped or failed; empty otherwise. */
    readonly reason: string;
    readonly entries: readonly { readonly model: string; readonly version: string; readonly new: boolean }[];
  };
  /** Only in the report of a shard: its verdict is `merge`'s to give. */
  readonly shard?: ReportShard;
}
