import type { AccuracyReport } from '../../cases/accuracy-report.ts';
import type { CaseOutcome } from '../../cases/cases-report.ts';
import type { Policy } from '../../config/config.ts';
import { describeCase, describeMetric } from '../../report/cases-words.ts';
import type { Finding } from '../../shared/finding.ts';

const FAILED_CASE_HINT =
  'If the new outputs are right, write them down: quickserveml test MODEL --cases FOLDER --update';

/** Cases that fail are errors; what could not be run or has no reference is said. */
export function caseFindings(cases: readonly CaseOutcome[]): readonly Finding[] {
  return cases.flatMap((outcome): readonly Finding[] => {
    const { headline, details } = describeCase(outcome);
    const message = [headline.replace(/^FAILED\s+/, 'Case '), ...details.map(line => line.trim())].join('; ');
    switch (outcome.kind) {
      case 'failed':
        return [{ code: 'CASE_FAILED', severity: 'error', message, hint: FAILED_CASE_HINT }];
      case 'error':
        return [
          {
            code: outcome.error.code,
            severity: 'error',
            message: `Case ${outcome.name}: ${outcome.error.message}`,
            hint: outcome.error.hint,
          },
        ];
      case 'no-reference':
        return [
          {
            code: 'CASE_NO_REFERENCE',
            severity: 'info',
            message: `Case ${outcome.name} has no expected outputs.`,
            hint: 'quickserveml test MODEL --cases FOLDER --update writes them.',
          },
        ];
      case 'not-runnable':
        return [
          {
            code: 'CASE_NOT_RUNNABLE',
            severity: 'info',
            message: `Case ${outcome.name} was not run: ${outcome.reason}`,
            hint: 'Nothing to do: the runtime cannot take such values.',
          },
        ];
      default:
        return [];
    }
  });
}

/** Limits that are broken are errors; what chance may have done, or could not be compared, is said. */
export function accuracyFindings(
  accuracy: AccuracyReport | null,
  { noBaseline }: Pick<Policy, 'noBaseline'>,
): readonly Finding[] {
  return (accuracy?.metrics ?? []).flatMap((result): readonly Finding[] => {
    const message = `${accuracy?.dataset}: ${describeMetric(result)}`;
    switch (result.outcome.kind) {
      case 'below-minimum':
        return [
          {
            code: 'ACCURACY_BELOW_MINIMUM',
            severity: 'error',
            message,
            hint: 'Mend the model, or change the limit under `dataset.metrics` on the base branch.',
          },
        ];
      case 'dropped':
        return [
          {
            code: 'ACCURACY_DROPPED',
            severity: 'error',
            message,
            hint: 'Mend the model, or change `max-drop` under `dataset.metrics` on the base branch.',
          },
        ];
      case 'no-baseline':
        return [
          {
            code: 'ACCURACY_NO_BASELINE',
            severity: noBaseline === 'fail' ? 'error' : 'info',
            message,
            hint: 'A base that takes the inputs of the dataset would tell; `min` holds without one.',
          },
        ];
      case 'inconclusive':
      case 'undefined':
        return [
          {
            code: 'ACCURACY_INCONCLUSIVE',
            severity: 'info',
            message,
            hint: 'A larger dataset, with every class in it, would tell.',
          },
        ];
      default:
        return [];
    }
  });
}
