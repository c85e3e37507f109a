import { createHash, timingSafeEqual } from 'node:crypto';

/** So many requests a second in the long run, and so many at once after a pause. */
export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** A key that callers may use; of its text only the hash is known. */
export interface ApiKey {
  /** For logs and messages. */
  readonly name: string;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** null: no limit. */
  readonly rate: RateLimit | null;
}

const KEY_PREFIX = 'qsk_';
const KEY_BYTES = 32;
/** A header is bounded by Node; a key of this project is 47 characters, foreign ones may be longer. */
const LONGEST_KEY = 512;
/** Less may be guessed when the hash leaks: sha256 is quick, so the key itself must be out of reach. */
export const SHORTEST_KEY = 32;

/**
 * A new key from 32 random bytes. sha256 is enough to store it: what makes a password hash slow only helps against
 * guessing, and 256 random bits cannot be guessed; a slow hash a request would be a way to overload the server.
 * @param randomBytes 32 bytes of a cryptographic source.
 */
export function keyOfBytes(randomBytes: Uint8Array): string {
  if (randomBytes.length !== KEY_BYTES) throw new RangeError(`a key is made of ${KEY_BYTES} random bytes`);
  return KEY_PREFIX + Buffer.from(randomBytes).toString('base64url');
}

/** What configuration holds of a key. */
export const hashOfKey = (key: string): string => createHash('sha256').update(key, 'utf8').digest('hex');

/** Finds the owner of what a caller sent. */
export interface KeyRing {
  readonly size: number;
  /** null: no key of ours. Takes as long for a wrong key as for any right one. */
  find(given: string): ApiKey | null;
}

/** Compares hashes in constant time and all of them every time, so that time tells neither a part of a hash nor its place. */
export function createKeyRing(keys: readonly ApiKey[]): KeyRing {
  const known = keys.map(key => ({ key, digest: Buffer.from(key.sha256, 'hex') }));
  return {
    size: known.length,
    find(given) {
      if (given.length === 0 || given.length > LONGEST_KEY) return null;
      const digest = createHash('sha256').update(given, 'utf8').digest();
      let found: ApiKey | null = null;
      for (const each of known) if (timingSafeEqual(each.digest, digest)) found = each.key;
      return found;
    },
  };
}
