import type { Fingerprint } from '../benchmark/measurement.ts';
import type { Bump } from '../contract/comparison.ts';
import type { Inspection, ModelInterface } from '../model/inspection.ts';
import type { ModelIdentity, ModelPart } from '../model/model-identity.ts';
import type { HealthProblem } from '../regression/health.ts';
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
  | { readonly kind: 'oci'; readonly reference: string }
  /** Nowhere that is known: an imported version whose file was not there. */
  | { readonly kind: 'none'; readonly reason: string };

/** The vocabulary of a version's life. */
export const VERSION_STATUSES = [
  'draft',
  'validated',
  'staging',
  'production',
  'archived',
  'failed',
] as const;
export type VersionStatus = (typeof VERSION_STATUSES)[number];

/** A detached SSH signature (`ssh-keygen -Y sign`), in its armour. */
export interface RecordSignature {
  readonly kind: 'ssh';
  /** Whom the configuration's list of signers must name for the key. */
  readonly identity: string;
  readonly value: string;
}

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
  /** What the version begins as. Default: draft. */
  readonly status?: VersionStatus;
  readonly description?: string | null;
  readonly tags?: readonly string[];
  /** Numbers that somebody else measured, by name. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** What an import brought along and has no place of its own. */
  readonly imported?: Readonly<Record<string, unknown>>;
}

/** `models/<name>/digests/<2>/<sha256>.json`; immutable. */
export interface DigestRecord {
  readonly sha256: string;
  readonly version: string;
}

/** A set of inputs that a model was measured with. */
export interface RecordedInputs {
  /** `long, batch=8`; empty where the model has only one set. */
  readonly name: string;
  /** sha256 over names, dtypes, shapes and bytes: times of other inputs are no comparison. */
  readonly digest: string;
}

/** What depends on the inputs, measured with another set of them in the same run. */
export interface FurtherMeasurement {
  readonly inputs: RecordedInputs;
  readonly metrics: Readonly<Record<string, number>>;
  readonly samples: Readonly<Record<string, readonly number[]>>;
}

/** `models/<name>/benchmarks/<fingerprint>/<yyyy-mm>/<id>.json`; immutable. */
export interface MeasurementRecord {
  readonly id: string;
  readonly model: string;
  /** null where an import did not say which bytes were measured. */
  readonly sha256: string | null;
  readonly version: string | null;
  readonly commit: string | null;
  readonly createdAt: string;
  readonly fingerprint: Fingerprint;
  /** By metric name, in the metric's unit (ms, bytes, count). */
  readonly metrics: Readonly<Record<string, number>>;
  /** Launch statistics behind a metric, in its unit. */
  readonly samples: Readonly<Record<string, readonly number[]>>;
  /** What it was measured with; left out by imports and earlier versions. */
  readonly inputs?: RecordedInputs;
  /** What was measured with further sets of inputs; left out where there are none. */
  readonly furtherInputs?: readonly FurtherMeasurement[];
  readonly runUrl: string | null;
  /** Units of imported metrics whose names say none. */
  readonly units?: Readonly<Record<string, string>>;
  readonly imported?: Readonly<Record<string, unknown>>;
}

/** A break or regression that was let through on purpose: `slower:digits`, by a label, the configuration or a flag. */
export interface AcceptedFinding {
  readonly finding: string;
  readonly by: string;
}

/** `verdicts/<2>/<sha256>/<id>.json`; immutable. */
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
  /** Whether the test cases were run, and how they ended. */
  readonly cases?: 'passed' | 'failed' | 'none';
  /** What would have failed and somebody let through; left out where there is nothing, and by earlier versions. */
  readonly accepted?: readonly AcceptedFinding[];
  readonly signature?: RecordSignature;
}

interface EventFacts {
  /** Orders the events of a model: greater than every id that its writer saw, whatever the clocks say. */
  readonly id: string;
  readonly model: string;
  /** null: about the model as a whole. */
  readonly version: string | null;
  /** By the writer's clock. ISO 8601, UTC. */
  readonly createdAt: string;
  readonly author: RecordAuthor;
  readonly runUrl: string | null;
  readonly reason: string | null;
}

/** A condition of a promotion, and how it stood when the event was written. */
export interface ConditionOutcome {
  readonly name: string;
  readonly met: boolean;
  readonly detail: string;
}

/** Where an image of a version is. */
export interface DeployedImage {
  /** `ghcr.io/acme/digits`, without tag and digest. */
  readonly name: string;
  /** Of the index: `sha256:...`. */
  readonly digest: string;
  /** That stand for it since then. */
  readonly tags: readonly string[];
}

/** What happened. Kinds that a later version adds are kept and shown, and change nothing here. */
export type EventContent =
  | {
      readonly kind: 'status';
      readonly status: VersionStatus;
      readonly conditions: readonly ConditionOutcome[];
    }
  | {
      readonly kind: 'update';
      readonly description?: string;
      readonly addTags?: readonly string[];
      readonly removeTags?: readonly string[];
      readonly owners?: readonly string[];
      /** null takes a metric away. */
      readonly metrics?: Readonly<Record<string, number | null>>;
      readonly note?: string;
    }
  | { readonly kind: 'approval'; readonly status: VersionStatus }
  /** An image with this version was published. */
  | {
      readonly kind: 'deployment';
      readonly images: readonly DeployedImage[];
      /** That the server in them listens on; records of earlier releases have none. */
      readonly port?: number;
      /** How the conditions of publishing stood. */
      readonly conditions: readonly ConditionOutcome[];
      /** Published although they were not all met. */
      readonly forced: boolean;
    }
  /** How the version in production was on one kind of machine, and who was told so; written where either changed. */
  | {
      readonly kind: 'health';
      /** Key of the fingerprint. */
      readonly fingerprint: string;
      readonly state: 'healthy' | 'degraded';
      /** When it got worse; null: it is not. */
      readonly since: string | null;
      readonly problems: readonly HealthProblem[];
      /** Somebody took the level since then as the new normal one; null: nobody. */
      readonly acceptedFrom: string | null;
      /** Names this state; the same in later events that only say who else was told. */
      readonly key: string;
      /** Of what was last told, by the name of the place. */
      readonly told: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'tombstone' }
  /** `compact --rewrite` took these blobs away. */
  | { readonly kind: 'purge'; readonly digests: readonly string[] };

/** `models/<name>/events/<yyyy-mm>/<id>.json`; immutable. */
export type EventRecord = EventFacts & EventContent;
