/** Something worth saying about a model, the configuration or the run; the same shape in every stage and report. */
export interface Finding {
  /** Permanent, UPPER_SNAKE_CASE. A finding that comes from an error carries the error's code. */
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly message: string;
  readonly hint: string;
}
