/** Layout of a float of at most 16 bits: how many exponent and mantissa bits, and what its special codes mean. */
interface SmallFloat {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  readonly signed: boolean;
  /** ieee: top exponent is infinity and NaN. fn: no infinity, all ones is NaN. fnuz: no infinity, negative zero is NaN. finite: neither. */
  readonly specials: 'ieee' | 'fn' | 'fnuz' | 'finite';
}

/** IEEE 754 binary16; bfloat16; OCP 8-bit and microscaling formats as ONNX defines them (technical/float8, float4). */
const LAYOUTS = {
  float16: { exponentBits: 5, mantissaBits: 10, bias: 15, signed: true, specials: 'ieee' },
  bfloat16: { exponentBits: 8, mantissaBits: 7, bias: 127, signed: true, specials: 'ieee' },
  float8e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, signed: true, specials: 'fn' },
  float8e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, signed: true, specials: 'fnuz' },
  float8e5m2: { exponentBits: 5, mantissaBits: 2, bias: 15, signed: true, specials: 'ieee' },
  float8e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, signed: true, specials: 'fnuz' },
  float8e8m0: { exponentBits: 8, mantissaBits: 0, bias: 127, signed: false, specials: 'fn' },
  float4e2m1: { exponentBits: 2, mantissaBits: 1, bias: 1, signed: true, specials: 'finite' },
} as const satisfies Record<string, SmallFloat>;

export type SmallFloatType = keyof typeof LAYOUTS;

export const isSmallFloat = (dtype: string): dtype is SmallFloatType => Object.hasOwn(LAYOUTS, dtype);

function decode(layout: SmallFloat, code: number): number {
  const { exponentBits, mantissaBits, bias, signed, specials } = layout;
  const topExponent = 2 ** exponentBits - 1;
  const topMantissa = 2 ** mantissaBits - 1;
  const mantissa = code & topMantissa;
  const exponent = (code >>> mantissaBits) & topExponent;
  const negative = signed && ((code >>> (mantissaBits + exponentBits)) & 1) === 1;
  if (specials === 'fnuz' && negative && exponent === 0 && mantissa === 0) return Number.NaN;
  if (specials === 'fn' && exponent === topExponent && mantissa === topMantissa) return Number.NaN;
  if (specials === 'ieee' && exponent === topExponent) {
    if (mantissa !== 0) return Number.NaN;
    return negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  // e8m0 has no zero and no subnormals: every code is a power of two.
  const magnitude =
    exponent === 0 && mantissaBits > 0
      ? mantissa * 2 ** (1 - bias - mantissaBits)
      : (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias);
  return negative ? -magnitude : magnitude;
}

const tables = new Map<SmallFloatType, Float32Array>();

/** The value of every code of a format, by code: 65,536 for 16 bits. Each is exact in float32. Made on first use. */
export function smallFloatTable(dtype: SmallFloatType): Float32Array {
  const known = tables.get(dtype);
  if (known !== undefined) return known;
  const layout: SmallFloat = LAYOUTS[dtype];
  const bits = layout.exponentBits + layout.mantissaBits + (layout.signed ? 1 : 0);
  const table = Float32Array.from({ length: 2 ** bits }, (_, code) => decode(layout, code));
  tables.set(dtype, table);
  return table;
}

const finiteCodes = new Map<
  SmallFloatType,
  { readonly values: readonly number[]; readonly codes: readonly number[] }
>();

function ascendingFinite(dtype: SmallFloatType): {
  readonly values: readonly number[];
  readonly codes: readonly number[];
} {
  const known = finiteCodes.get(dtype);
  if (known !== undefined) return known;
  const half = [...smallFloatTable(dtype)]
    .map((value, code) => ({ value, code }))
    .filter(({ value }) => Number.isFinite(value) && value >= 0 && !Object.is(value, -0))
    .sort((a, b) => a.value - b.value);
  const made = { values: half.map(({ value }) => value), codes: half.map(({ code }) => code) };
  finiteCodes.set(dtype, made);
  return made;
}

/**
 * The code of the nearest value, ties to the even code. What is too large becomes infinity where the format has it,
 * and the largest finite value where it has not; NaN becomes the format's NaN (or 0 where it has none).
 */
export function smallFloatCode(dtype: SmallFloatType, value: number): number {
  const layout: SmallFloat = LAYOUTS[dtype];
  const table = smallFloatTable(dtype);
  if (Number.isNaN(value)) return Math.max(0, table.findIndex(Number.isNaN));
  const signBit = layout.signed ? 2 ** (layout.exponentBits + layout.mantissaBits) : 0;
  const negative = value < 0 || Object.is(value, -0);
  const magnitude = Math.abs(value);
  const { values, codes } = ascendingFinite(dtype);
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((values[middle] ?? 0) <= magnitude) low = middle;
    else high = middle - 1;
  }
  const below = values[low] ?? 0;
  const above = values[low + 1];
  let code = codes[low] ?? 0;
  if (above === undefined) {
    // Half a step past the largest value rounds to infinity (IEEE 754, 4.3.1); formats without one saturate.
    const step = below - (values[low - 1] ?? 0);
    if (layout.specials === 'ieee' && magnitude >= below + step / 2) {
      code = (2 ** layout.exponentBits - 1) << layout.mantissaBits;
    }
  } else if (magnitude - below > above - magnitude) {
    code = codes[low + 1] ?? 0;
  } else if (magnitude - below === above - magnitude && code % 2 === 1) {
    code = codes[low + 1] ?? 0;
  }
  if (!negative || (code === 0 && layout.specials === 'fnuz')) return code;
  return code + signBit;
}
