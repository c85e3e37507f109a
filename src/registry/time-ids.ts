/** Crockford's alphabet in lower case: sorted as the values are, and safe where file names ignore case. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_LENGTH = 10;
const RANDOM_LENGTH = 16;

/**
 * An id that sorts by time and is unique: ten characters of milliseconds since the epoch, sixteen of chance (80 bits),
 * as in ULID (github.com/ulid/spec), in lower case.
 * @param random uniform in [0, 1).
 */
export function createTimeId(nowMs: number, random: () => number): string {
  let rest = Math.max(0, Math.floor(nowMs));
  let time = '';
  for (let index = 0; index < TIME_LENGTH; index += 1) {
    time = (ALPHABET[rest % 32] ?? '0') + time;
    rest = Math.floor(rest / 32);
  }
  let chance = '';
  for (let index = 0; index < RANDOM_LENGTH; index += 1) chance += ALPHABET[Math.floor(random() * 32)] ?? '0';
  return time + chance;
}

/** The instant of an id in milliseconds since the epoch; null for anything else. */
export function timeOfId(id: string): number | null {
  if (id.length !== TIME_LENGTH + RANDOM_LENGTH) return null;
  let time = 0;
  for (const [index, character] of [...id].entries()) {
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) return null;
    if (index < TIME_LENGTH) time = time * 32 + digit;
  }
  return time;
}

/**
 * An id that sorts behind `after` whatever the clock says (a hybrid logical clock: Kulkarni et al., 2014): what somebody
 * wrote knowing of another's entry comes after it, although the clocks of the two differ.
 */
export function createIdAfter(after: string | null, nowMs: number, random: () => number): string {
  const seen = after === null ? null : timeOfId(after);
  return createTimeId(seen === null ? nowMs : Math.max(nowMs, seen + 1), random);
}
