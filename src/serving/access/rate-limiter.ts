import type { RateLimit } from './api-keys.ts';

export type RateDecision =
  | { readonly kind: 'allowed'; readonly remaining: number }
  | { readonly kind: 'limited'; readonly retryAfterMs: number };

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Callers that are remembered; past it the one that was quiet longest is forgotten. */
const MOST_BUCKETS = 10_000;

/**
 * Token buckets by caller: a bucket holds `burst` tokens, gains `perSecond` and gives one a request. Exact, because one
 * process answers all requests. Memory is bounded: a full bucket is the same as none, and past the bound the one that was
 * used longest ago goes first.
 */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();
  readonly #mostBuckets: number;

  constructor(mostBuckets = MOST_BUCKETS) {
    this.#mostBuckets = mostBuckets;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** @param nowMs of a clock that never steps back. */
  take(caller: string, limit: RateLimit, nowMs: number): RateDecision {
    const bucket = this.#buckets.get(caller) ?? { tokens: limit.burst, atMs: nowMs };
    const gained = (Math.max(0, nowMs - bucket.atMs) / 1000) * limit.perSecond;
    bucket.tokens = Math.min(limit.burst, bucket.tokens + gained);
    bucket.atMs = nowMs;
    // Moved to the end: the map's order is that of last use.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, bucket);
    if (this.#buckets.size > this.#mostBuckets) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    // Sums of fractions fall short of a whole token by rounding alone.
    if (bucket.tokens >= 1 - 1e-9) {
      bucket.tokens = Math.max(0, bucket.tokens - 1);
      return { kind: 'allowed', remaining: Math.floor(bucket.tokens) };
    }
    return { kind: 'limited', retryAfterMs: Math.ceil(((1 - bucket.tokens) / limit.perSecond) * 1000) };
  }
}
