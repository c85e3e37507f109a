/** The labels of a pull or merge request, or why they are not known. */
export type LabelsOutcome =
  | { readonly kind: 'read'; readonly pullRequest: number | null; readonly labels: readonly string[] }
  | { readonly kind: 'unknown'; readonly reason: string };
