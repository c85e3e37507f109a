import { elementCount, elementFacts } from '../shared/element-types.ts';
import { elementsOf } from '../shared/tensor-bytes.ts';
import type { TensorData } from './case-value.ts';
import type { Tolerance } from './tolerance.ts';

/** One element of two tensors, as text: what a report shows. */
export interface ElementPair {
  /** One number a dimension; empty for a scalar. */
  readonly index: readonly number[];
  readonly expected: string;
  readonly actual: string;
}

export interface LargestDifference extends ElementPair {
  readonly value: number;
}

/** How the elements of two tensors of the same type and shape differ. */
export interface ElementStatistics {
  readonly elements: number;
  /** Elements beyond the tolerance. */
  readonly differing: number;
  /** `differing / elements`; 0 for an empty tensor. */
  readonly share: number;
  /** The first element beyond the tolerance, in row-major order. */
  readonly first: ElementPair | null;
  /** Over all elements that are finite in both; null where there are none or they are equal. */
  readonly largestAbsolute: LargestDifference | null;
  /** |actual - expected| / |expected|, where expected is not 0. */
  readonly largestRelative: LargestDifference | null;
  readonly meanAbsolute: number;
  /** Elements that are NaN or infinite in one tensor and not the same in the other. */
  readonly specials: number;
  /** Largest finite |expected|. */
  readonly scale: number;
  /** Of the differing elements, those whose expected value is less than a ten-thousandth of the scale. */
  readonly differingNearZero: number;
}

export type TensorComparison =
  | { readonly kind: 'mismatch'; readonly reason: string }
  | { readonly kind: 'close' | 'different'; readonly statistics: ElementStatistics };

/** Below this share of the tensor's largest value, relative differences say nothing. */
export const NEAR_ZERO = 1e-4;

/** The indices of an element by its place in row-major order. */
export function indexAt(place: number, shape: readonly number[]): readonly number[] {
  let left = place;
  return shape
    .toReversed()
    .map(size => {
      const index = left % Math.max(1, size);
      left = Math.floor(left / Math.max(1, size));
      return index;
    })
    .toReversed();
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

const typeText = ({ dtype, shape }: TensorData): string => `${dtype}[${shape.join(', ')}]`;

function compareStrings(
  expected: readonly string[],
  actual: readonly string[],
  shape: readonly number[],
): ElementStatistics {
  const places = expected.flatMap((text, place) => (text === actual[place] ? [] : [place]));
  const [first] = places;
  return {
    elements: expected.length,
    differing: places.length,
    share: expected.length === 0 ? 0 : places.length / expected.length,
    first:
      first === undefined
        ? null
        : {
            index: indexAt(first, shape),
            expected: JSON.stringify(expected[first]),
            actual: JSON.stringify(actual[first]),
          },
    largestAbsolute: null,
    largestRelative: null,
    meanAbsolute: 0,
    specials: 0,
    scale: 0,
    differingNearZero: 0,
  };
}

const largestOf = (values: ArrayLike<number | bigint>): number => {
  let largest = 0;
  for (let place = 0; place < values.length; place++) {
    const size = Math.abs(Number(values[place]));
    if (size > largest && size !== Number.POSITIVE_INFINITY) largest = size;
  }
  return largest;
};

/**
 * Compares element by element. NaN equals NaN; an infinity equals only itself; integers and booleans are compared as
 * numbers (64-bit ones exactly); strings and the complex numbers' two parts each on their own.
 */
export function compareTensors(
  expected: TensorData,
  actual: TensorData,
  tolerance: Tolerance,
): TensorComparison {
  if (expected.dtype !== actual.dtype || !sameShape(expected.shape, actual.shape)) {
    return { kind: 'mismatch', reason: `expected ${typeText(expected)}, got ${typeText(actual)}` };
  }
  if (!(expected.data instanceof Uint8Array) || !(actual.data instanceof Uint8Array)) {
    if (expected.data instanceof Uint8Array || actual.data instanceof Uint8Array) {
      return { kind: 'mismatch', reason: 'one is of strings, the other is not' };
    }
    const statistics = compareStrings(expected.data, actual.data, expected.shape);
    return { kind: statistics.differing === 0 ? 'close' : 'different', statistics };
  }
  const { dtype } = expected;
  const shape = elementFacts(dtype).kind === 'complex' ? [...expected.shape, 2] : expected.shape;
  const count = elementCount(expected.shape);
  const wanted = elementsOf(dtype, expected.data, count);
  const got = elementsOf(dtype, actual.data, count);
  const statistics = compareElements(wanted, got, shape, tolerance);
  return { kind: statistics.differing === 0 ? 'close' : 'different', statistics };
}

function compareElements(
  wanted: ArrayLike<number | bigint>,
  got: ArrayLike<number | bigint>,
  shape: readonly number[],
  { absolute, relative }: Tolerance,
): ElementStatistics {
  const elements = wanted.length;
  const scale = largestOf(wanted);
  const nearZero = scale * NEAR_ZERO;
  let differing = 0;
  let differingNearZero = 0;
  let specials = 0;
  let first = -1;
  let sum = 0;
  let finite = 0;
  let absolutePlace = -1;
  let largestAbsolute = 0;
  let relativePlace = -1;
  let largestRelative = 0;
  for (let place = 0; place < elements; place++) {
    const a = wanted[place] ?? 0;
    const b = got[place] ?? 0;
    if (a === b) {
      finite += 1;
      continue;
    }
    const from = Number(a);
    const to = Number(b);
    if (!Number.isFinite(from) || !Number.isFinite(to)) {
      if (Number.isNaN(from) && Number.isNaN(to)) continue;
      specials += 1;
      differing += 1;
      if (first < 0) first = place;
      continue;
    }
    finite += 1;
    // 64-bit integers are subtracted before they are rounded.
    const difference =
      typeof a === 'bigint' && typeof b === 'bigint' ? Number(b > a ? b - a : a - b) : Math.abs(to - from);
    const size = Math.abs(from);
    sum += difference;
    if (difference > largestAbsolute) {
      largestAbsolute = difference;
      absolutePlace = place;
    }
    if (size > 0 && difference / size > largestRelative) {
      largestRelative = difference / size;
      relativePlace = place;
    }
    if (difference > absolute + relative * size) {
      differing += 1;
      if (first < 0) first = place;
      if (size < nearZero) differingNearZero += 1;
    }
  }
  const pairAt = (place: number): ElementPair => ({
    index: indexAt(place, shape),
    expected: String(wanted[place]),
    actual: String(got[place]),
  });
  return {
    elements,
    differing,
    share: elements === 0 ? 0 : differing / elements,
    first: first < 0 ? null : pairAt(first),
    largestAbsolute: absolutePlace < 0 ? null : { value: largestAbsolute, ...pairAt(absolutePlace) },
    largestRelative: relativePlace < 0 ? null : { value: largestRelative, ...pairAt(relativePlace) },
    meanAbsolute: finite === 0 ? 0 : sum / finite,
    specials,
    scale,
    differingNearZero,
  };
}
