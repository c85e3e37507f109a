import type { JudgedVerdict } from '../../registry/promotion.ts';
import type { ConditionOutcome, MeasurementRecord, VersionRecord } from '../../registry/records.ts';
import { makeStatement, PREDICATE_TYPES, type Statement, type Subject } from './statement.ts';

/** One model of an image, and all that the registry knows of its verdict. */
export interface ProvenModel {
  readonly name: string;
  readonly sha256: string;
  readonly version: VersionRecord | null;
  readonly verdict: JudgedVerdict | null;
  /** The newest of each kind of machine, of exactly these bytes. */
  readonly measurements: readonly MeasurementRecord[];
  /** How the conditions of publishing stood. */
  readonly conditions: readonly ConditionOutcome[];
}

/** The predicate of our own: what was measured, against what, by which run, and what was decided. */
export interface VerdictPredicate {
  readonly model: {
    readonly name: string;
    readonly version: string | null;
    readonly sha256: string;
    readonly parts: readonly { readonly path: string; readonly sha256: string }[];
  };
  readonly source: { readonly commit: string | null; readonly path: string | null };
  readonly verdict: {
    readonly id: string;
    readonly gate: 'passed' | 'warned' | 'failed' | 'no-verdict';
    readonly cases: 'passed' | 'failed' | 'none';
    readonly decidedAt: string;
    readonly policyDigest: string;
    /** What would have failed and was let through on purpose. */
    readonly accepted: readonly { readonly finding: string; readonly by: string }[];
    /** Whom the record's own signature on the registry branch is by; null: it has none that holds. */
    readonly signedBy: string | null;
  } | null;
  /** The commit that it was held against; null: it stood alone. */
  readonly against: { readonly commit: string } | null;
  readonly measurements: readonly {
    readonly id: string;
    readonly measuredAt: string;
    readonly machine: object;
    readonly metrics: Readonly<Record<string, number>>;
    readonly run: string | null;
  }[];
  readonly run: {
    readonly url: string | null;
    readonly tool: { readonly name: string; readonly version: string };
  } | null;
  readonly publication: { readonly forced: boolean; readonly conditions: readonly ConditionOutcome[] };
}

export function verdictPredicate(model: ProvenModel, forced: boolean): VerdictPredicate {
  const { version, verdict: judged } = model;
  const verdict = judged?.verdict ?? null;
  return {
    model: {
      name: model.name,
      version: version?.version ?? null,
      sha256: model.sha256,
      parts: (version?.parts ?? []).map(({ path, sha256 }) => ({ path, sha256 })),
    },
    source: { commit: version?.source.commit ?? null, path: version?.source.path ?? null },
    verdict:
      verdict === null
        ? null
        : {
            id: verdict.id,
            gate: verdict.gate,
            cases: verdict.cases ?? 'none',
            decidedAt: verdict.createdAt,
            policyDigest: verdict.policyDigest,
            accepted: verdict.accepted ?? [],
            signedBy: judged?.signature.kind === 'valid' ? judged.signature.identity : null,
          },
    against: verdict?.baseCommit == null ? null : { commit: verdict.baseCommit },
    measurements: model.measurements.map(({ id, createdAt, fingerprint, metrics, runUrl }) => ({
      id,
      measuredAt: createdAt,
      machine: fingerprint,
      metrics,
      run: runUrl,
    })),
    run:
      verdict === null
        ? null
        : { url: verdict.runUrl, tool: { name: 'quickserveml', version: verdict.toolVersion } },
    publication: { forced, conditions: model.conditions },
  };
}

/**
 * The verdict on one model of an image. The files of the model are subjects beside the image, so that a model can be
 * verified by itself too.
 */
export function verdictStatement(images: readonly Subject[], model: ProvenModel, forced: boolean): Statement {
  const parts = model.version?.parts ?? [{ path: model.name, sha256: model.sha256 }];
  const files = parts.map(({ path, sha256 }) => ({ name: path, digest: { sha256 } }));
  return makeStatement([...images, ...files], PREDICATE_TYPES.verdict, verdictPredicate(model, forced));
}
