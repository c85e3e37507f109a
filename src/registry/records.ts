import type { Fingerprint } from '../benchmark/measurement.ts';
import type { Bump } from '../contract/comparison.ts';
import type { Inspection, ModelInterface } from '../model/inspection.ts';
import type { ModelIdentity, ModelPart } from '../model/model-identity.ts';
import type { Gate } from '../regression/verdict.ts';

export type { ModelIdentity, ModelPart };

/** Where the bytes of a version are. */
export type BytesLocation =
  /** On the branch: `blobs/<sha256>`, one for each part. */
  | { readonly kind: 'blob' }
  /** In the source repository at a commit. `repository` is its address, null for the one that holds the registry. */
  | {
      readonly kind: 'commit';
      readonly repository: string | null;
      readonly commit: string;
      readonly path: string;
    }
  | {
      readonly kind: 'lfs';
      readonly repository: string | null;
      readonly commit: string;
      readonly path: string;
      readonly oid: string;
    }
  | { readonly kind: 'oci'; readonly reference: string };

export interface RecordAuthor {
  readonly name: string;
  readonly email: string;
}

/** `registry.json`. */
export interface RegistryFormat {
  readonly format: number;
  readonly createdAt: string;
  readonly tool: { readonly name: string; readonly version: string };
}

/** `models/<name>/model.json`. */
export interface ModelRecord {
  readonly name: string;
  readonly createdAt: string;
  readonly description: string | null;
  readonly owners: readonly string[];
  readonly tags: readonly string[];
}

/** `models/<name>/versions/<version>.json`; immutable. */
export interface VersionRecord {
  readonly model: string;
  /** Semantic version. */
  readonly version: string;
  readonly previous: string | null;
  readonly bump: Bump;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly parts: readonly ModelPart[];
  readonly interface: ModelInterface;
  readonly inspection: Inspection | null;
  readonly bytes: BytesLocation;
  readonly source: { readonly commit: string | null; readonly path: string };
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly author: RecordAuthor;
  readonly runUrl: string | null;
}

/** `models/<name>/benchmarks/<fingerprint>/<yyyy-mm>/<id>.json`; immutable. */
export interface MeasurementRecord {
  readonly id: string;
  readonly model: string;
  readonly sha256: string;
  readonly version: string | null;
  readonly commit: string | null;
  readonly createdAt: string;
  readonly fingerprint: Fingerprint;
  /** By metric name, in the metric's unit (ms, bytes, count). */
  readonly metrics: Readonly<Record<string, number>>;
  /** Launch statistics behind a metric, in its unit. */
  readonly samples: Readonly<Record<string, readonly number[]>>;
  readonly runUrl: string | null;
}

/** `verdicts/<sha256>/<id>.json`; immutable. */
export interface VerdictRecord {
  readonly id: string;
  readonly model: string;
  readonly sha256: string;
  readonly gate: Gate;
  /** Digest of the rules that were applied. */
  readonly policyDigest: string;
  readonly baseCommit: string | null;
  readonly commit: string | null;
  readonly toolVersion: string;
  readonly createdAt: string;
  readonly runUrl: string | null;
}

/** `models/<name>/events/<yyyy-mm>/<id>.json`; immutable. */
export interface EventRecord {
  readonly id: string;
  readonly model: string;
  readonly version: string | null;
  readonly kind: string;
  readonly createdAt: string;
  readonly author: RecordAuthor;
}
