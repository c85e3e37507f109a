/** One-sided error of a look when there is only one comparison: five looks then err at most 5 % of the time. */
export const ERROR_PER_LOOK = 0.01;

export interface ErrorPlan {
  /** How many metrics of how many models are going to be judged by a test. */
  readonly comparisons: number;
  /** One-sided error of each look of each comparison. */
  readonly alpha: number;
}

/**
 * Divides the error over all comparisons of a check before anything is measured (Bonferroni), so that a check of many
 * models raises no more false alarms than one of a single model.
 * @param comparisons models that will be measured times their gated measured metrics; at least 1 is taken.
 */
export function planErrors(comparisons: number): ErrorPlan {
  const planned = Math.max(1, Math.floor(comparisons));
  return { comparisons: planned, alpha: ERROR_PER_LOOK / planned };
}
