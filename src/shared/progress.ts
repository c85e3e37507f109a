/**
 * Where long work says how far it is. On a terminal `update` overwrites one line; in a log it is left out and only
 * `step` prints. Nothing here carries results.
 */
export interface Progress {
  /** A milestone, worth a line in a log. */
  step(text: string): void;
  /** A passing state: replaces the last one on a terminal. */
  update(text: string): void;
}

export const silentProgress: Progress = { step: () => undefined, update: () => undefined };
