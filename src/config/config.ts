import type { MetricName, MetricPolicy } from '../regression/verdict.ts';
import type { AlertsConfig } from './alerts.ts';
import type { ProofMode } from './proof-modes.ts';

/** The configuration, parsed once: every default filled in, every quantity in its unit. */
export interface Config {
  readonly version: 1;
  /** The file that was read, relative to the repository's root, or null where there was none. */
  readonly source: string | null;
  readonly registry: RegistryConfig;
  readonly runtime: RuntimeConfig;
  /** null: nothing is listed; the models are the ONNX files of the repository. */
  readonly models: readonly ModelConfig[] | null;
  /** What a model has that sets nothing itself. */
  readonly defaults: ModelDefaults;
  readonly comment: CommentConfig;
  readonly deploy: DeployConfig;
  readonly alerts: AlertsConfig;
  /** Time for the measurements of a whole check, shared out over the models; null: only each model's own budget. */
  readonly budgetMs: number | null;
}

/** What is set of a delivery; null: it follows from the measurement. */
export interface DeployConfig {
  readonly loadPerSecond: number | null;
  readonly replicas: number | null;
  readonly maxReplicas: number | null;
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly prices: readonly {
    readonly machine: string;
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly hourly: number;
  }[];
}

export type RecordMode = 'auto' | 'always' | 'never';

interface RegistryConfig {
  readonly branch: string;
  /** Address of another repository that holds the registry; null: the repository's own remote. */
  readonly remote: string | null;
  readonly record: RecordMode;
  /** Models up to this size are stored on the branch itself. */
  readonly blobLimitBytes: number;
  /** Writes pack the closed months that they find on their way. */
  readonly packMonths: boolean;
  /** Before the names of this repository's models in a registry that several repositories share; null: none. */
  readonly namespace: string | null;
  /** Allowed-signers file, relative to the root, by which signatures are checked; null: none. */
  readonly signersPath: string | null;
  /** Every commit of the registry branch must be signed by one of the signers. */
  readonly signedCommits: boolean;
  /** What a promotion to a status demands, by status. */
  readonly promotion: Readonly<Record<string, PromotionConfig>>;
}

export interface PromotionConfig {
  readonly verdict: boolean;
  readonly cases: boolean;
  readonly signature: boolean;
  readonly from: readonly string[];
  readonly approvers: readonly string[];
  /** How many of the approvers must have approved. */
  readonly approvals: number;
}

export interface RuntimeConfig {
  readonly version: string;
  readonly provider: string;
  readonly loadTimeoutMs: number;
  readonly memoryLimitBytes: number;
}

export interface CommentConfig {
  readonly enabled: boolean;
  /** Tells the comments of several checks of one pull request apart. */
  readonly key: string;
}

export interface BenchmarkConfig {
  /** Time for one model, launches and confirmation included. */
  readonly budgetMs: number;
  readonly threads: number;
  readonly seed: number;
}

/** How a version becomes an image. */
export interface PublishConfig {
  /** Names of images without tags, one a registry. */
  readonly images: readonly string[];
  /** `linux/amd64`, `linux/arm64`. */
  readonly platforms: readonly string[];
  readonly baseImage: string;
  /** Outcomes of the latest verdict with which it is published. */
  readonly gates: readonly ('passed' | 'warned' | 'no-verdict')[];
  /** The verdict must be signed by one of the signers. */
  readonly signature: boolean;
  readonly proofs: ProofMode;
  readonly port: number;
}

interface ModelDefaults {
  readonly benchmark: BenchmarkConfig;
  readonly policy: Policy;
  readonly publish: PublishConfig;
}

export interface ModelConfig {
  readonly name: string;
  /** Relative to the repository's root, with `/`. */
  readonly path: string;
  /** Sizes for symbolic dimensions, by symbol. An object without a prototype: the names are the model's. */
  readonly dims: Readonly<Record<string, readonly number[]>>;
  /** Bounds of the values that are made for an input, by its name. Absent where none are set. */
  readonly ranges?: Readonly<Record<string, ValueRange>>;
  /** Several sets of inputs that are each measured; absent: one, of `dims` and `casesPath`. */
  readonly profiles?: readonly InputProfile[];
  /** Folder with `test_data_set_*` cases, relative to the root, or null. */
  readonly casesPath: string | null;
  readonly benchmark: BenchmarkConfig;
  readonly policy: Policy;
  /** Absent where nothing of it is configured. */
  readonly tests?: TestConfig;
  /** Absent where the model says nothing of its own: then `defaults.publish` holds. */
  readonly publish?: PublishConfig;
}

/** Smallest and largest value, both possible: `{min: 0, max: 30521}` for a vocabulary of 30,522. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

/** A named set of inputs. */
export interface InputProfile {
  readonly name: string;
  /** On top of the model's own. */
  readonly dims: Readonly<Record<string, readonly number[]>>;
  /** Folder with a case, relative to the root; null: the model's. */
  readonly casesPath: string | null;
  /** File with rows, relative to the root, or null. */
  readonly datasetPath: string | null;
}

/** What a model must still give, and how it comes about. */
export interface TestConfig {
  /** By output; `*` for all others. An object without a prototype: the names are the model's. */
  readonly tolerances: Readonly<Record<string, { readonly absolute?: number; readonly relative?: number }>>;
  /** File with the interface that callers rely on, relative to the root, or null. */
  readonly contractPath: string | null;
  readonly dataset: DatasetConfig | null;
  /** Shell command that makes the model, or null. */
  readonly prepare: string | null;
}

export interface DatasetConfig {
  /** Relative to the repository's root, with `/`. */
  readonly path: string;
  readonly label: string | null;
  readonly output: string | null;
  readonly classes: readonly string[] | null;
  readonly average: 'macro' | 'micro' | 'weighted' | 'binary';
  /** null: the evaluation's own choice. */
  readonly batch: number | null;
  readonly metrics: readonly DatasetMetric[];
}

export interface DatasetMetric {
  readonly name: string;
  readonly min: number | null;
  readonly maxDrop: number | null;
}

/** A contract break that is accepted on purpose. */
export interface AcceptEntry {
  readonly finding: string;
  /** Of the candidate for which it is accepted, lower-case hex; null: of any. */
  readonly sha256: string | null;
  readonly reason: string;
}

interface ContractPolicy {
  readonly gate: 'hard' | 'warn' | 'off';
  readonly accept: readonly AcceptEntry[];
}

/** The rules that decide what a measurement or a change of the interface means. */
export interface Policy {
  readonly latency: MetricPolicy;
  readonly loadTime: MetricPolicy;
  readonly memory: MetricPolicy;
  readonly throughput: MetricPolicy;
  readonly fileSize: MetricPolicy;
  readonly parameters: MetricPolicy;
  readonly nodes: MetricPolicy;
  readonly contract: ContractPolicy;
  readonly inconclusive: 'pass' | 'fail';
  readonly noBaseline: 'pass' | 'fail';
  /** What it means to be above recorded measurements, where the base could not be measured. */
  readonly history: 'hard' | 'warn' | 'off';
  /** What it means that a newer runtime alone makes the model slower. */
  readonly runtime: 'hard' | 'warn' | 'off';
}

/** The policy's field for each metric that can be compared. */
export const METRIC_FIELDS = {
  latency: 'latency',
  'load-time': 'loadTime',
  memory: 'memory',
  throughput: 'throughput',
  'file-size': 'fileSize',
  parameters: 'parameters',
  nodes: 'nodes',
} as const satisfies Record<MetricName, keyof Policy>;
