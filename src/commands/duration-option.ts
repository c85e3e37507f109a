import { parseDuration } from '../config/durations.ts';
import { QuickServeError } from '../shared/errors.ts';

/** A duration given as an option or input, in milliseconds. @throws QuickServeError USAGE. */
export function readDuration(name: string, text: string): number {
  const durationMs = parseDuration(text.trim());
  if (durationMs !== null && durationMs > 0) return durationMs;
  throw new QuickServeError({
    code: 'USAGE',
    message: `${name}: "${text}" is not a duration.`,
    hint: 'Write a number and a unit, for example 30s, 500ms or 2min.',
  });
}
