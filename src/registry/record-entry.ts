import type { Fingerprint } from '../benchmark/measurement.ts';
import type { Bump } from '../contract/comparison.ts';
import type { Inspection, ModelInterface } from '../model/inspection.ts';
import type { Gate } from '../regression/verdict.ts';
import type {
  AcceptedFinding,
  BytesLocation,
  FurtherMeasurement,
  ModelIdentity,
  RecordedInputs,
  VersionRecord,
  VersionStatus,
} from './records.ts';
import type { SourceRelation } from './versions.ts';

/** Measured values of a model on one machine. */
export interface MeasurementEntry {
  readonly fingerprint: Fingerprint;
  /** By metric name, in the metric's unit (ms, bytes, count). */
  readonly metrics: Readonly<Record<string, number>>;
  readonly samples?: Readonly<Record<string, readonly number[]>>;
  readonly inputs?: RecordedInputs;
  readonly furtherInputs?: readonly FurtherMeasurement[];
}

export interface VerdictEntry {
  readonly gate: Gate;
  /** Digest of the rules that were applied. */
  readonly policyDigest: string;
  readonly baseCommit: string | null;
  /** Whether the test cases were run, and how they ended. Default: none were. */
  readonly cases?: 'passed' | 'failed' | 'none';
  /** What would have failed and was let through. Default: nothing was. */
  readonly accepted?: readonly AcceptedFinding[];
}

/** One model of a check that is to be recorded. */
export interface RecordEntry {
  readonly model: string;
  readonly identity: ModelIdentity;
  readonly bytes: {
    /** Where each part's bytes are on this machine, by its sha256. Parts that are not here are kept by pointer. */
    readonly files: ReadonlyMap<string, string>;
    /** A model of at most this size, all parts together, is stored on the branch itself. */
    readonly blobLimitBytes: number;
    /** Where the bytes of larger models are. */
    readonly otherwise: Exclude<BytesLocation, { kind: 'blob' }> | null;
  };
  readonly interface: ModelInterface;
  readonly inspection: Inspection | null;
  readonly source: { readonly commit: string | null; readonly path: string };
  /** How the contract changes against the newest version; called again on every retry. */
  readonly bumpOf: (previous: VersionRecord | null) => Bump;
  /** How this entry's commit lies to that of the newest version. Without it, it counts as newer. */
  readonly relationTo?: (newest: VersionRecord) => Promise<SourceRelation>;
  readonly measurement: MeasurementEntry | null;
  readonly verdict: VerdictEntry | null;
  /** A number that was chosen; without one it follows from the newest version and the bump. */
  readonly version?: string;
  readonly status?: VersionStatus;
  readonly description?: string | null;
  readonly tags?: readonly string[];
  readonly metrics?: Readonly<Record<string, number>>;
  /** What an import brought along. */
  readonly imported?: Readonly<Record<string, unknown>>;
}

/** What became of an entry. */
export interface RecordOutcome {
  readonly model: string;
  /** The version that has these bytes; null where a late job brought bytes that are no version. */
  readonly version: string | null;
  readonly new: boolean;
  /** The newest version before a new one. */
  readonly previous: string | null;
  /** Why there is no new version; empty where there is one. */
  readonly reason: string;
}
