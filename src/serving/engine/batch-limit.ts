/** How many requests of a model may go to a worker at once. */
export interface BatchLimit {
  readonly limit: number;
  /** Expected time of one request of the model in a worker; 0: nothing is known yet. */
  readonly requestMs: number;
  record(requests: number, batchMs: number): void;
}

const WEIGHT = 0.2;

/**
 * Grows by one while full batches stay within the target and shrinks to three quarters where one takes longer:
 * additive increase, multiplicative decrease (Crankshaw et al., Clipper, NSDI 2017, section 4.3.1).
 */
export function createBatchLimit(max: number, targetMs: number): BatchLimit {
  let limit = Math.min(4, max);
  let requestMs = 0;
  return {
    get limit() {
      return limit;
    },
    get requestMs() {
      return requestMs;
    },
    record(requests, batchMs) {
      const each = batchMs / requests;
      requestMs = requestMs === 0 ? each : requestMs + WEIGHT * (each - requestMs);
      if (batchMs > targetMs) limit = Math.max(1, Math.floor(limit * 0.75));
      else if (requests >= limit) limit = Math.min(max, limit + 1);
    },
  };
}
