import { median } from '../../shared/quantile.ts';
import { medianSlope } from './growth.ts';
import { type Percentile, percentileOf } from './percentiles.ts';

/** Something that serves one request at a time: a worker process with a loaded model. */
export interface Server {
  /** Serves one request; rejects where it fails. */
  readonly serve: () => Promise<void>;
}

export interface OpenLoopInput {
  readonly servers: readonly Server[];
  /** Requests a second, at even distances. */
  readonly rate: number;
  readonly durationMs: number;
  /** Monotonic clock, milliseconds. */
  readonly now: () => number;
  readonly sleep: (durationMs: number) => Promise<void>;
}

export interface OpenLoopResult {
  /** Requests a second: asked for, and answered. */
  readonly rate: number;
  readonly achieved: number;
  readonly requests: number;
  readonly errors: number;
  /** From the moment a request was due to its answer, milliseconds: the wait for a server counts. */
  readonly response: readonly Percentile[];
  /** From the start of the work to its end, milliseconds. */
  readonly service: readonly Percentile[];
  /** Growth of the response time over the whole duration, as a ratio of its median; by the median slope of ten windows. */
  readonly drift: number | null;
  /** The servers could not keep up: the queue was still growing at the end. */
  readonly saturated: boolean;
}

const PERCENTILES = [0.5, 0.9, 0.99] as const;
const WINDOWS = 10;
const SATURATED_SHARE = 0.95;

/**
 * Sends requests at a fixed rate, whether or not earlier ones are done, to whichever server is free. Times count from
 * when a request was due, not from when it could be sent: a server that stalls delays all that were due meanwhile, and
 * a loop that waits for it would not see them ("coordinated omission", Tene 2013).
 */
export async function runOpenLoop(input: OpenLoopInput): Promise<OpenLoopResult> {
  const { servers, rate, durationMs, now, sleep } = input;
  const planned = Math.max(1, Math.floor((rate * durationMs) / 1000));
  const start = now();
  const responses: number[] = [];
  const services: number[] = [];
  let errors = 0;
  let next = 0;
  let end = start;
  const work = async ({ serve }: Server): Promise<void> => {
    while (next < planned) {
      const due = start + (1000 * next) / rate;
      next += 1;
      const early = due - now();
      if (early > 0) await sleep(early);
      // Whoever is hopelessly late stops: what is still due is counted as not answered.
      if (now() - start > 2 * durationMs) return;
      const begun = now();
      try {
        await serve();
        services.push(now() - begun);
        responses.push(now() - due);
      } catch {
        errors += 1;
      }
      end = now();
    }
  };
  await Promise.all(servers.map(work));
  const achieved = (1000 * responses.length) / Math.max(1, end - start);
  return {
    rate,
    achieved,
    requests: responses.length + errors,
    errors,
    response: percentilesOf(responses),
    service: percentilesOf(services),
    drift: driftOf(responses),
    saturated: achieved < SATURATED_SHARE * rate,
  };
}

const percentilesOf = (values: readonly number[]): readonly Percentile[] =>
  PERCENTILES.map(p => percentileOf(values, p)).filter(each => each !== null);

/** By windows in the order of answers: null where there is not one request for each. */
function driftOf(responses: readonly number[]): number | null {
  const size = Math.floor(responses.length / WINDOWS);
  if (size === 0) return null;
  const medians = Array.from({ length: WINDOWS }, (_, index) =>
    median(responses.slice(index * size, (index + 1) * size)),
  );
  return (medianSlope(medians) * (WINDOWS - 1)) / median(medians);
}
