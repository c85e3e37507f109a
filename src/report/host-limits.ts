/** What the hosts take, and how long a text for them is made. */

/** Bytes are never fewer, so it is a budget in bytes as well. */
export const GITHUB_COMMENT_MAX_CHARACTERS = 65_536;
export const GITLAB_NOTE_MAX_CHARACTERS = 1_000_000;
/** Nobody reads as much as GitLab takes, and the page has to stay quick. */
export const GITLAB_NOTE_BYTES = 250_000;
/** The summary of a check run; GitHub refuses a longer one. */
export const CHECK_RUN_SUMMARY_BYTES = 65_535;
/** GitHub drops the whole summary of a step that is larger. */
export const JOB_SUMMARY_BYTES = 1_024 * 1_024;
