import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The trials of an exam, one JSON line each, so that it can be run in pieces: a run goes on where the last one stopped,
 * and a summary needs no run at all.
 */
export interface TrialLog<Trial> {
  readonly trials: readonly Trial[];
  add(trial: Trial): void;
}

/** @param path null: the trials are kept in memory only. */
export function openTrialLog<Trial>(path: string | null): TrialLog<Trial> {
  const trials = path === null ? [] : readTrials<Trial>(path);
  return {
    trials,
    add: trial => {
      trials.push(trial);
      if (path === null) return;
      mkdirSync(dirname(path), { recursive: true });
      appendFileSync(path, `${JSON.stringify(trial)}\n`);
    },
  };
}

/** The trials of a file that may not be there yet. A last line that was cut off by a kill is left out. */
export function readTrials<Trial>(path: string): Trial[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Trial);
}
