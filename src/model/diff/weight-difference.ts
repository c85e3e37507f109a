import { elementsOf } from '../../shared/tensor-bytes.ts';
import { bitsOf } from '../dtypes.ts';
import type { TensorInfo } from '../model.ts';
import type { PayloadReader } from '../tensor-payload.ts';

/** How far a tensor has moved. */
export type WeightDifference =
  | { readonly kind: 'equal' }
  /** Sums over the elements; the relative L2 distance is their ratio's root. */
  | { readonly kind: 'moved'; readonly squaredDistance: number; readonly squaredNorm: number }
  /** Other sizes or another type. */
  | { readonly kind: 'reshaped' }
  /** Stored in a way that is not compared, or not there. */
  | { readonly kind: 'unknown' };

/**
 * Compares two tensors element by element, a chunk at a time: memory does not follow their size. NaN and infinities
 * make the distance NaN.
 * @throws QuickServeError FILE_UNREADABLE.
 */
export function compareTensors(
  before: TensorInfo,
  beforeReader: PayloadReader,
  after: TensorInfo,
  afterReader: PayloadReader,
): WeightDifference {
  if (before.dtype !== after.dtype || before.dims.join() !== after.dims.join()) return { kind: 'reshaped' };
  const [left, right] = [beforeReader.chunks(before), afterReader.chunks(after)];
  if (left === null || right === null) return { kind: 'unknown' };
  let moved = false;
  let squaredDistance = 0;
  let squaredNorm = 0;
  for (const chunk of left) {
    const other = right.next();
    if (other.done === true || other.value.length !== chunk.length) return { kind: 'unknown' };
    const same = Buffer.compare(chunk, other.value) === 0;
    if (!same) moved = true;
    const count = Math.floor((chunk.length * 8) / bitsOf(before.dtype));
    const values = elementsOf(before.dtype, chunk, count);
    if (same) {
      squaredNorm += squaredSum(values);
      continue;
    }
    const others = elementsOf(before.dtype, other.value, count);
    for (let index = 0; index < values.length; index += 1) {
      const value = Number(values[index]);
      const distance = Number(others[index]) - value;
      squaredNorm += value * value;
      squaredDistance += distance * distance;
    }
  }
  return moved ? { kind: 'moved', squaredDistance, squaredNorm } : { kind: 'equal' };
}

function squaredSum(values: ArrayLike<number | bigint>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = Number(values[index]);
    sum += value * value;
  }
  return sum;
}

/** ||after - before|| / ||before||; Infinity where nothing became something, 0 where both are nothing. */
export function relativeDistance(squaredDistance: number, squaredNorm: number): number {
  if (squaredDistance === 0) return 0;
  return Math.sqrt(squaredDistance / squaredNorm);
}
