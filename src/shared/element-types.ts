/** What the values of an ONNX element type are, as numbers. */
export type ElementFacts =
  | { readonly kind: 'float'; readonly bits: number; readonly largest: number }
  /** 64-bit bounds do not fit a number: `min` and `max` are exact as BigInt. */
  | { readonly kind: 'integer'; readonly bits: number; readonly min: bigint; readonly max: bigint }
  | { readonly kind: 'bool'; readonly bits: 8 }
  | { readonly kind: 'string'; readonly bits: 0 }
  | { readonly kind: 'complex'; readonly bits: number; readonly largest: number }
  | { readonly kind: 'unknown'; readonly bits: 0 };

const signed = (bits: number): ElementFacts => ({
  kind: 'integer',
  bits,
  min: -(2n ** BigInt(bits - 1)),
  max: 2n ** BigInt(bits - 1) - 1n,
});
const unsigned = (bits: number): ElementFacts => ({
  kind: 'integer',
  bits,
  min: 0n,
  max: 2n ** BigInt(bits) - 1n,
});
const float = (bits: number, largest: number): ElementFacts => ({ kind: 'float', bits, largest });

const FLOAT32_LARGEST = 3.4028234663852886e38;

/** By dtype. Largest finite values: IEEE 754; bfloat16 and the 8- and 4-bit floats: ONNX, docs/docsgen/source/technical. */
const FACTS = {
  undefined: { kind: 'unknown', bits: 0 },
  float32: float(32, FLOAT32_LARGEST),
  float64: float(64, Number.MAX_VALUE),
  float16: float(16, 65_504),
  bfloat16: float(16, 3.3895313892515355e38),
  float8e4m3fn: float(8, 448),
  float8e4m3fnuz: float(8, 240),
  float8e5m2: float(8, 57_344),
  float8e5m2fnuz: float(8, 57_344),
  float8e8m0: float(8, 2 ** 127),
  float4e2m1: float(4, 6),
  int2: signed(2),
  uint2: unsigned(2),
  int4: signed(4),
  uint4: unsigned(4),
  int8: signed(8),
  uint8: unsigned(8),
  int16: signed(16),
  uint16: unsigned(16),
  int32: signed(32),
  uint32: unsigned(32),
  int64: signed(64),
  uint64: unsigned(64),
  bool: { kind: 'bool', bits: 8 },
  string: { kind: 'string', bits: 0 },
  complex64: { kind: 'complex', bits: 64, largest: FLOAT32_LARGEST },
  complex128: { kind: 'complex', bits: 128, largest: Number.MAX_VALUE },
} as const satisfies Record<string, ElementFacts>;

/** A dtype in this project's spelling; the same words as `Dtype` of model/inspection.ts. */
export type ElementType = keyof typeof FACTS;

export const isElementType = (name: string): name is ElementType => Object.hasOwn(FACTS, name);

export const elementFacts = (dtype: ElementType): ElementFacts => FACTS[dtype];

/** Elements of a tensor of fixed sizes; 1 for a scalar. */
export const elementCount = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

/** Bytes of so many elements in raw_data; elements under one byte are packed. 0 for strings. */
export const packedByteLength = (dtype: ElementType, count: number): number =>
  Math.ceil((FACTS[dtype].bits * count) / 8);

/** The whole numbers of a dtype that a JSON number carries exactly: its own range, cut at 2^53 - 1. */
export function jsonIntegerRange(facts: Extract<ElementFacts, { kind: 'integer' }>): {
  readonly min: number;
  readonly max: number;
} {
  return {
    min: Math.max(Number(facts.min), Number.MIN_SAFE_INTEGER),
    max: Math.min(Number(facts.max), Number.MAX_SAFE_INTEGER),
  };
}
