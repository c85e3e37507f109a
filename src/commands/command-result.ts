/** What a command hands back to the front door: a document for `--json`, a text for people, and the exit code. */
export interface CommandResult {
  readonly document: unknown;
  readonly text: string;
  readonly exitCode: 0 | 1 | 2 | 3;
}
