import { shortenText, visibleText } from './escape.ts';
import { allProblems, type Problem } from './problems.ts';
import type { Report } from './report.ts';

/** A remark on a file of the change, for any platform. Text is visible but not escaped for a target. */
export interface Annotation {
  /** Relative to the repository's root; null: on the run as a whole. */
  readonly path: string | null;
  readonly severity: 'error' | 'warning' | 'notice';
  readonly title: string;
  readonly message: string;
}

/** How many annotations of each severity the platform shows; GitHub: 10 errors and 10 warnings a step. */
export interface AnnotationLimits {
  readonly errors: number;
  readonly warnings: number;
  readonly notices: number;
}

export const GITHUB_STEP_ANNOTATIONS: AnnotationLimits = { errors: 10, warnings: 10, notices: 10 };
/** A check run takes more, 50 a request. */
export const GITHUB_CHECK_RUN_ANNOTATIONS: AnnotationLimits = { errors: 100, warnings: 60, notices: 40 };

const SEVERITIES = { error: 'error', warning: 'warning', info: 'notice' } as const;

const sentence = (text: string): string => (/[.!?…:]$/u.test(text) ? text : `${text}.`);

function annotate(problem: Problem): Annotation {
  const clause = problem.clause === '' ? problem.code : problem.clause;
  const title = problem.model === null ? problem.code : `${shortenText(problem.model, 60)} ${clause}`;
  const label =
    problem.remedy.label === null || problem.severity !== 'error'
      ? ''
      : ` Label to accept it: ${problem.remedy.label}.`;
  return {
    path: problem.path,
    severity: SEVERITIES[problem.severity],
    title: visibleText(shortenText(title, 120)),
    message: visibleText(
      `${sentence(shortenText(problem.message, 600))} ${shortenText(problem.remedy.hint, 400)}${label}`.trim(),
    ),
  };
}

/**
 * Annotations on the models' paths, errors first, never more of a severity than `limits` says. Where some do not fit, the
 * last place of that severity tells how many there are.
 */
export function annotationsOf(report: Report, limits: AnnotationLimits): readonly Annotation[] {
  const annotations = allProblems(report).map(annotate);
  const of = (severity: Annotation['severity'], most: number): readonly Annotation[] => {
    const all = annotations.filter(annotation => annotation.severity === severity);
    if (all.length <= most) return all;
    if (most === 0) return [];
    const hidden = all.length - most + 1;
    const rest = {
      path: null,
      severity,
      title: `${hidden} more`,
      message: `${hidden} more are in the job summary and in the report.`,
    };
    return [...all.slice(0, most - 1), rest];
  };
  return [...of('error', limits.errors), ...of('warning', limits.warnings), ...of('notice', limits.notices)];
}
