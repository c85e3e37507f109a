import type { Fingerprint } from '../benchmark/measurement.ts';
import type { ContractComparison } from '../contract/comparison.ts';
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
  /** There is nothing to compare with: no base commit could be had. */
  | { readonly kind: 'no-base'; readonly reason: string };

/** How the times of one model were obtained. */
export type MeasurementSummary =
  | {
      readonly kind: 'interleaved';
      readonly launches: number;
      readonly runs: number;
      readonly durationMs: number;
      readonly confirmed: boolean;
      readonly feedDigest: string;
      readonly feedOrigin: 'case' | 'synthetic';
      /** Mean share of time that the measuring thread waited for a CPU, or null where it cannot be read. */
      readonly waitShare: number | null;
    }
  | { readonly kind: 'alone'; readonly launches: number; readonly durationMs: number }
  | { readonly kind: 'not-measured'; readonly reason: string };

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
}

/** A break or regression that somebody let through on purpose; `finding` is what they named: `slower:digits`, `break:digits`. */
export interface Acceptance {
  readonly finding: string;
  readonly by: 'label' | 'configuration' | 'flag';
}

export interface CommitInfo {
  readonly sha: string;
  /** How it was found, for people: `merge base of main`, `first parent of the merge commit`, `--base v1.2`. */
  readonly role: string;
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
}
