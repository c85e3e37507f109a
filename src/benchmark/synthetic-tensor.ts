import type { Dtype } from '../model/inspection.ts';
import { elementFacts } from '../shared/element-types.ts';
import { normalRandom, type Random, seededRandom, seedOf } from '../shared/random.ts';
import type { FeedTensor } from './measurement.ts';

/** Bits of the half-precision number next to `value` (IEEE 754 binary16, ties to even). */
export function halfBits(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const shifted = exponent - 127 + 15;
  if (shifted >= 31) return sign | 0x7c00;
  const [significand, drop] =
    shifted <= 0 ? [fraction | 0x800000, 14 - shifted] : [(shifted << 23) | fraction, 13];
  if (drop > 24) return sign;
  const kept = significand >>> drop;
  const rest = significand & ((1 << drop) - 1);
  const half = 1 << (drop - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

const WORDS = ['the', 'model', 'reads', 'a', 'short', 'text', 'of', 'words'] as const;

/** Whole numbers that are valid as tokens, indices and flags in most models. */
function wholeNumber(name: string, random: Random, index: number, lastSize: number): number {
  if (/mask|token_type|segment/i.test(name)) return Math.floor(random() * 2);
  if (/position/i.test(name)) return lastSize > 0 ? index % lastSize : 0;
  return Math.floor(random() * 100);
}

interface ValueRange {
  readonly min: number;
  readonly max: number;
}

/** The whole numbers of a range that the dtype can hold. */
function wholeBounds(dtype: Dtype, { min, max }: ValueRange): ValueRange {
  const facts = elementFacts(dtype);
  const [least, most] = facts.kind === 'integer' ? [Number(facts.min), Number(facts.max)] : [min, max];
  const low = Math.min(Math.max(Math.ceil(min), least), most);
  return { min: low, max: Math.max(low, Math.min(Math.floor(max), most)) };
}

function fill(
  dtype: Dtype,
  name: string,
  shape: readonly number[],
  count: number,
  random: Random,
  range: ValueRange | null,
): Uint8Array | string[] | null {
  const standard = normalRandom(random);
  const normal = range === null ? standard : (): number => range.min + random() * (range.max - range.min);
  const lastSize = shape.at(-1) ?? 1;
  const bounds = range === null ? null : wholeBounds(dtype, range);
  const whole = (index: number): number =>
    bounds === null
      ? wholeNumber(name, random, index, lastSize)
      : bounds.min + Math.floor(random() * (bounds.max - bounds.min + 1));
  const bytesOf = (array: { readonly buffer: ArrayBuffer }): Uint8Array => new Uint8Array(array.buffer);
  switch (dtype) {
    case 'float32':
      return bytesOf(Float32Array.from({ length: count }, normal));
    case 'float64':
      return bytesOf(Float64Array.from({ length: count }, normal));
    case 'float16':
      return bytesOf(Uint16Array.from({ length: count }, () => halfBits(normal())));
    case 'int8':
      return bytesOf(Int8Array.from({ length: count }, (_, index) => whole(index)));
    case 'uint8':
      return bytesOf(Uint8Array.from({ length: count }, (_, index) => whole(index)));
    case 'int16':
      return bytesOf(Int16Array.from({ length: count }, (_, index) => whole(index)));
    case 'uint16':
      return bytesOf(Uint16Array.from({ length: count }, (_, index) => whole(index)));
    case 'int32':
      return bytesOf(Int32Array.from({ length: count }, (_, index) => whole(index)));
    case 'uint32':
      return bytesOf(Uint32Array.from({ length: count }, (_, index) => whole(index)));
    case 'int64':
      return bytesOf(BigInt64Array.from({ length: count }, (_, index) => BigInt(whole(index))));
    case 'uint64':
      return bytesOf(BigUint64Array.from({ length: count }, (_, index) => BigInt(whole(index))));
    case 'bool':
      return Uint8Array.from({ length: count }, () => (random() < 0.5 ? 0 : 1));
    case 'string':
      return Array.from({ length: count }, () => WORDS[Math.floor(random() * WORDS.length)] ?? 'a');
    default:
      return null;
  }
}

/**
 * A tensor of numbers that depend only on seed, name, dtype and shape: normal(0, 1) for floating point; 0 and 1 for
 * masks and token types, ascending for positions, 0 to 99 for other integers; words for strings. null for a dtype
 * that the runtime cannot be fed with.
 * @param range uniform between these instead, cut to what the dtype can hold; words and flags have none.
 */
export function makeTensor(
  seed: number,
  name: string,
  dtype: Dtype,
  shape: readonly number[],
  range: ValueRange | null = null,
): FeedTensor | null {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = fill(dtype, name, shape, count, seededRandom(seedOf(seed, name)), range);
  return data === null ? null : { name, dtype, shape, data };
}
