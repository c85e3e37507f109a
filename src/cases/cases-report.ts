import type { ErrorDetails } from '../shared/errors.ts';
import type { AccuracyReport } from './accuracy-report.ts';
import type { ElementStatistics } from './tensor-comparison.ts';
import type { Tolerance } from './tolerance.ts';

/** One output of one case. */
export type OutputOutcome =
  | {
      readonly kind: 'close';
      readonly output: string;
      readonly tolerance: Tolerance;
      readonly statistics: ElementStatistics;
    }
  | {
      readonly kind: 'different';
      readonly output: string;
      readonly tolerance: Tolerance;
      readonly statistics: ElementStatistics;
    }
  /** Other type, shape or structure, or not there at all. */
  | { readonly kind: 'mismatch'; readonly output: string; readonly reason: string };

/** One case: inputs that were run, and what came of them. */
export type CaseOutcome =
  | { readonly kind: 'passed'; readonly name: string; readonly outputs: readonly OutputOutcome[] }
  | { readonly kind: 'failed'; readonly name: string; readonly outputs: readonly OutputOutcome[] }
  /** There is nothing to compare with; `--update` writes it down. */
  | { readonly kind: 'no-reference'; readonly name: string }
  /** Expected outputs were written; `changed` are those that were others before. */
  | { readonly kind: 'updated'; readonly name: string; readonly changed: readonly OutputOutcome[] }
  /** The model failed on these inputs. */
  | { readonly kind: 'error'; readonly name: string; readonly error: ErrorDetails }
  /** The runtime's Node binding cannot pass such values: nobody's fault, and no verdict. */
  | { readonly kind: 'not-runnable'; readonly name: string; readonly reason: string };

/** How far base and candidate are apart in one output, on the same inputs. */
export interface OutputDrift {
  readonly output: string;
  /** null where type or shape differ; `reason` then says how. */
  readonly statistics: ElementStatistics | null;
  readonly reason: string | null;
  /** Of the two outputs as vectors, over all runs; null where one is all zeros or they are no numbers. */
  readonly cosine: number | null;
  /** Share of rows (last dimension) with the same largest element; null for outputs of no or one class. */
  readonly topOneAgreement: number | null;
  readonly rows: number;
}

export interface DriftReport {
  /** What differs between the two sides: a drift of the same bytes comes from the runtime. */
  readonly cause: 'model' | 'runtime' | 'model-and-runtime' | 'nothing';
  readonly inputs: 'case' | 'synthetic';
  readonly runs: number;
  readonly outputs: readonly OutputDrift[];
}

/** Everything that cases and datasets say of one model. Carried by ModelReport; every part may be missing. */
export interface CasesReport {
  readonly cases: readonly CaseOutcome[];
  readonly drift: DriftReport | null;
  readonly accuracy: AccuracyReport | null;
}

/** Failed cases fail the gate; what could not be run or has no reference does not. */
export const casesFailed = ({ cases, accuracy }: CasesReport): boolean =>
  cases.some(({ kind }) => kind === 'failed' || kind === 'error') ||
  (accuracy?.metrics.some(({ outcome }) => outcome.kind === 'below-minimum' || outcome.kind === 'dropped') ??
    false);
