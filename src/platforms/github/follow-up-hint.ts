/** What to do where a comment is not permitted; one line, for logs and job summaries. */
export const FOLLOW_UP_HINT =
  'Give the job `permissions: pull-requests: write`; for forks and Dependabot, whose tokens only read, upload the report and post it from a `workflow_run` job with `quickserveml comment --report report.json` (docs/forks.md).';
