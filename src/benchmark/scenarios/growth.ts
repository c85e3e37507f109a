import { median, quantile } from '../../shared/quantile.ts';
import type { Decision } from '../measurement.ts';

/** Load and release cycles of one fresh process. */
export const GROWTH_CYCLES = 20;
/** The heap settles in the first cycles. */
const SETTLING_CYCLES = 8;
/**
 * Less a cycle is fragmentation, of which up to 230 KiB were seen with nothing kept; a kept session of a model of 270 KB
 * costs 1.7 MB.
 */
export const SMALLEST_GROWTH_BYTES = 256 * 1024;

export interface MemoryGrowth {
  readonly kind: 'growing' | 'steady';
  /** Median over the processes of the slope, bytes a cycle. */
  readonly bytesPerCycle: number;
  /** One slope a process. */
  readonly slopes: readonly number[];
}

/** The median of the slopes between all pairs of points (Theil 1950, Sen 1968): a few jumps do not move it. */
export function medianSlope(values: readonly number[], p = 0.5): number {
  const slopes: number[] = [];
  for (const [index, value] of values.entries()) {
    for (let later = index + 1; later < values.length; later += 1) {
      slopes.push(((values[later] ?? value) - value) / (later - index));
    }
  }
  return slopes.length === 0 ? 0 : quantile(slopes, p);
}

/**
 * Whether memory grows with every load and release: in each of the processes, the median slope after the first eight
 * cycles must be above 256 KiB a cycle, and three quarters of all slopes above half of that.
 * @param cycles resident bytes after each cycle, one list a fresh process.
 */
export function judgeGrowth(cycles: readonly (readonly number[])[]): MemoryGrowth {
  const settled = cycles.map(each => each.slice(SETTLING_CYCLES));
  const slopes = settled.map(each => medianSlope(each));
  const grows = settled.every(
    (each, index) =>
      (slopes[index] ?? 0) > SMALLEST_GROWTH_BYTES && medianSlope(each, 0.25) > SMALLEST_GROWTH_BYTES / 2,
  );
  return {
    kind: cycles.length > 0 && grows ? 'growing' : 'steady',
    bytesPerCycle: slopes.length === 0 ? 0 : median(slopes),
    slopes,
  };
}

/** Whether the candidate keeps memory that the base does not: decided by the rule for each, not by a ratio of slopes. */
export function compareGrowth(base: MemoryGrowth, candidate: MemoryGrowth): Decision {
  if (base.kind === candidate.kind) return { kind: 'unchanged' };
  return { kind: candidate.kind === 'growing' ? 'regressed' : 'improved' };
}
