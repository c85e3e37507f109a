import type { ProofMode } from './proof-modes.ts';

/** quickserveml.yml after validation, before its quantities are parsed: keys and texts as they stand in the file. */
export interface RawConfig {
  readonly version?: 1;
  readonly budget?: string;
  readonly registry?: {
    readonly branch?: string;
    readonly remote?: string;
    readonly record?: 'auto' | 'always' | 'never';
    readonly 'blob-limit'?: string;
    readonly compact?: 'auto' | 'manual';
    readonly namespace?: string;
    readonly signers?: string;
    readonly 'signed-commits'?: boolean;
    readonly promotion?: Readonly<Record<string, RawPromotion>>;
  };
  readonly runtime?: {
    readonly version?: string;
    readonly provider?: string;
    readonly 'load-timeout'?: string;
    readonly 'memory-limit'?: string;
  };
  readonly defaults?: {
    readonly benchmark?: RawBenchmark;
    readonly policy?: RawPolicy;
    readonly publish?: RawPublish;
  };
  readonly models?: Readonly<Record<string, RawModel>>;
  readonly deploy?: {
    readonly load?: number;
    readonly replicas?: number;
    readonly 'max-replicas'?: number;
    readonly cpus?: number;
    readonly memory?: string;
    readonly prices?: readonly {
      readonly machine?: string;
      readonly cpus?: number;
      readonly memory?: string;
      readonly hourly?: number;
    }[];
  };
  readonly comment?: { readonly enabled?: boolean; readonly key?: string };
  readonly alerts?: {
    readonly after?: number;
    readonly places?: Readonly<Record<string, RawAlertPlace>>;
  };
}

export interface RawAlertPlace {
  /** Required by the schema. */
  readonly kind?: 'issue' | 'slack' | 'teams' | 'webhook';
  readonly 'url-env'?: string;
  readonly 'secret-env'?: string;
  readonly 'token-env'?: string;
  readonly repository?: string;
  readonly labels?: readonly string[];
}

export interface RawPromotion {
  readonly verdict?: boolean;
  readonly cases?: boolean;
  readonly signature?: boolean;
  readonly from?: readonly string[];
  readonly approvers?: readonly string[];
  readonly approvals?: number;
}

export interface RawBenchmark {
  readonly budget?: string;
  readonly threads?: number;
  readonly seed?: number;
}

export interface RawPublish {
  readonly image?: string | readonly string[];
  readonly platforms?: readonly string[];
  readonly 'base-image'?: string;
  readonly gates?: readonly ('passed' | 'warned' | 'no-verdict')[];
  readonly signature?: boolean;
  readonly proofs?: ProofMode;
  readonly port?: number;
}

export interface RawMetric {
  readonly gate?: 'hard' | 'warn' | 'off';
  readonly 'max-regression'?: string;
  readonly 'max-increase'?: string;
  readonly max?: string | number;
  readonly min?: string | number;
}

export type RawAccept =
  | string
  | { readonly finding: string; readonly sha256?: string; readonly reason?: string };

export interface RawPolicy {
  readonly latency?: RawMetric;
  readonly 'load-time'?: RawMetric;
  readonly memory?: RawMetric;
  readonly throughput?: RawMetric;
  readonly 'file-size'?: RawMetric;
  readonly parameters?: RawMetric;
  readonly nodes?: RawMetric;
  readonly contract?: { readonly gate?: 'hard' | 'warn' | 'off'; readonly accept?: readonly RawAccept[] };
  readonly inconclusive?: 'pass' | 'fail';
  readonly 'no-baseline'?: 'pass' | 'fail';
  readonly history?: 'hard' | 'warn' | 'off';
  readonly runtime?: 'hard' | 'warn' | 'off';
}

export interface RawDataset {
  /** Required by the schema. */
  readonly path?: string;
  readonly label?: string;
  readonly output?: string;
  readonly classes?: readonly string[];
  readonly average?: 'macro' | 'micro' | 'weighted' | 'binary';
  readonly batch?: number;
  readonly metrics?: Readonly<Record<string, { readonly min?: number; readonly 'max-drop'?: number }>>;
}

export type RawDims = Readonly<Record<string, number | readonly number[]>>;

export interface RawProfile {
  readonly dims?: RawDims;
  readonly cases?: string;
  readonly dataset?: string;
}

export interface RawModel {
  /** Required by the schema; missing only while errors are collected and the path was one of them. */
  readonly path?: string;
  readonly dims?: RawDims;
  readonly ranges?: Readonly<Record<string, { readonly min?: number; readonly max: number }>>;
  readonly profiles?: Readonly<Record<string, RawProfile>>;
  readonly cases?: string;
  readonly tolerance?: Readonly<Record<string, { readonly absolute?: number; readonly relative?: number }>>;
  readonly contract?: string;
  readonly dataset?: RawDataset;
  readonly prepare?: string;
  readonly benchmark?: RawBenchmark;
  readonly policy?: RawPolicy;
  readonly publish?: RawPublish;
}

/** `over` on top of `under`: mappings key by key, everything else replaced. Neither is changed. */
export function overlay(under: unknown, over: unknown): unknown {
  if (over === undefined) return under;
  if (!isMapping(under) || !isMapping(over)) return over;
  const keys = new Set([...Object.keys(under), ...Object.keys(over)]);
  return Object.fromEntries([...keys].map(key => [key, overlay(ownValue(under, key), ownValue(over, key))]));
}

/** A mapping of the file, not a list, not null. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of the mapping itself: `constructor` and the like are not found on a prototype. */
export function ownValue(mapping: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(mapping, key) ? mapping[key] : undefined;
}
