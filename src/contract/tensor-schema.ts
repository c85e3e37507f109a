import type { Dimension, Dtype, ValueInfo } from '../model/inspection.ts';
import { elementCount, elementFacts, jsonIntegerRange, packedByteLength } from '../shared/element-types.ts';
import type { PayloadSide } from './payload-forms.ts';
import { takesBase64 } from './payload-forms.ts';
import { type ValueType, valueTypeOf } from './value-type.ts';

/** A JSON Schema (2020-12) as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const BASE64_PATTERN = '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$';

const SPECIALS = ['NaN', 'Infinity', '-Infinity'];

/** One element. A response may hold what JSON has no numbers for; a request may not. */
export function elementSchema(dtype: Dtype, side: PayloadSide): JsonSchema {
  const facts = elementFacts(dtype);
  switch (facts.kind) {
    case 'float': {
      const number = { type: 'number', minimum: -facts.largest, maximum: facts.largest };
      return side === 'request' ? number : { anyOf: [number, { enum: SPECIALS }] };
    }
    case 'integer': {
      const { min, max } = jsonIntegerRange(facts);
      return { type: 'integer', minimum: min, maximum: max };
    }
    case 'bool':
      return { type: 'boolean' };
    case 'string':
      return { type: 'string' };
    case 'complex':
      return {
        description: 'real and imaginary part',
        type: 'array',
        items: { type: 'number', minimum: -facts.largest, maximum: facts.largest },
        minItems: 2,
        maxItems: 2,
      };
    case 'unknown':
      return {};
  }
}

/** A nested array from the outermost dimension in; `dimensions` null: any nesting. */
export function nestedSchema(element: JsonSchema, shape: readonly Dimension[] | null): JsonSchema {
  // 2020-12 says "any nesting" by a reference to the place itself; eight levels cover what models have, inline.
  if (shape === null) {
    let schema: JsonSchema = element;
    for (let level = 0; level < 8; level++) schema = { anyOf: [element, { type: 'array', items: schema }] };
    return schema;
  }
  return shape.reduceRight<JsonSchema>(
    (items, size) => ({
      type: 'array',
      ...(typeof size === 'number' ? { minItems: size, maxItems: size } : {}),
      ...(typeof size === 'string' ? { description: `dimension ${JSON.stringify(size)}` } : {}),
      items,
    }),
    element,
  );
}

const isFixed = (shape: readonly Dimension[] | null): shape is readonly number[] =>
  shape?.every(size => typeof size === 'number') === true;

/** The sizes of a tensor, each as far as it is known. */
export function shapeSchema(shape: readonly Dimension[] | null): JsonSchema {
  const size = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
  if (shape === null) return { type: 'array', items: size };
  return {
    type: 'array',
    ...(shape.length === 0
      ? {}
      : { prefixItems: shape.map(known => (typeof known === 'number' ? { const: known } : size)) }),
    items: false,
    minItems: shape.length,
  };
}

/** `{"base64": "...", "shape": [...]}`: little-endian elements as in ONNX's raw_data. */
export function base64Schema(dtype: Dtype, shape: readonly Dimension[] | null): JsonSchema {
  const fixed = isFixed(shape) ? Math.ceil(packedByteLength(dtype, elementCount(shape)) / 3) * 4 : null;
  return {
    type: 'object',
    description: `${dtype} elements, little-endian, row-major, as base64`,
    properties: {
      base64: {
        type: 'string',
        contentEncoding: 'base64',
        pattern: BASE64_PATTERN,
        ...(fixed === null ? {} : { minLength: fixed, maxLength: fixed }),
      },
      shape: shapeSchema(shape),
    },
    required: isFixed(shape) ? ['base64'] : ['base64', 'shape'],
    additionalProperties: false,
  };
}

function typeSchema(type: ValueType, side: PayloadSide): JsonSchema {
  switch (type.kind) {
    case 'tensor':
      return nestedSchema(elementSchema(type.dtype, side), type.shape);
    case 'sequence':
      return { type: 'array', items: typeSchema(type.element, side) };
    case 'optional':
      return { anyOf: [{ type: 'null' }, typeSchema(type.element, side)] };
    case 'map':
      return {
        type: 'object',
        ...(type.key === 'integer' ? { propertyNames: { pattern: '^(?:0|-?[1-9][0-9]*)$' } } : {}),
        additionalProperties: typeSchema(type.value, side),
      };
  }
}

/** `float32[batch, 3, 224, 224]` */
export function describeTensor(info: ValueInfo): string {
  const shape = info.shape === null ? ' of any rank' : `[${info.shape.map(size => size ?? '?').join(', ')}]`;
  return info.kind === 'tensor'
    ? `${info.dtype}${shape}`
    : `${info.type ?? info.kind} of ${info.dtype}${shape}`;
}

/** What JSON Schema cannot say and the validator holds: symbols that must agree, and that arrays are not ragged. */
function symbolRemark(info: ValueInfo, shared: ReadonlySet<string>): string {
  const symbols = [...new Set((info.shape ?? []).filter(size => typeof size === 'string'))].filter(name =>
    shared.has(name),
  );
  if (symbols.length === 0) return '';
  const names = symbols.map(name => JSON.stringify(name)).join(', ');
  return `. ${names} must be the same size wherever it stands in this message`;
}

/** Symbols that stand at least twice among the values. */
export function sharedSymbols(values: readonly ValueInfo[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const size of values.flatMap(({ shape }) => shape ?? [])) {
    if (typeof size !== 'string') continue;
    (seen.has(size) ? twice : seen).add(size);
  }
  return twice;
}

/** The schema of one value in the plain and the single form. */
export function valueSchema(info: ValueInfo, side: PayloadSide, shared: ReadonlySet<string>): JsonSchema {
  const nested = typeSchema(valueTypeOf(info), side);
  const description = describeTensor(info) + symbolRemark(info, shared);
  return takesBase64(info)
    ? { description, anyOf: [nested, base64Schema(info.dtype, info.shape)] }
    : { description, allOf: [nested] };
}
