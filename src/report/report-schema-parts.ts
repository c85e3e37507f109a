/** Pieces of which the JSON Schema of a report is made. */

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Longest strings that a report may hold. A model's own names are at most 64 KiB long (the reader's limit). */
export const NAME = 65_536;
export const SENTENCE = 200_000;
export const SHORT = 1_000;

export const text = (maxLength: number, description?: string): JsonSchema => ({
  type: 'string',
  maxLength,
  ...(description === undefined ? {} : { description }),
});
export const choice = (...values: readonly string[]): JsonSchema => ({ enum: values });
export const nullable = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });
export const list = (items: JsonSchema, maxItems: number): JsonSchema => ({ type: 'array', items, maxItems });
export const ref = (name: string): JsonSchema => ({ $ref: `#/$defs/${name}` });
export const number: JsonSchema = { type: 'number' };
export const size: JsonSchema = { type: 'number', minimum: 0 };
export const count: JsonSchema = { type: 'integer', minimum: 0 };
/** A fraction: 0.05 is 5 %. */
export const share: JsonSchema = { type: 'number', minimum: 0, maximum: 1 };
export const boolean: JsonSchema = { type: 'boolean' };

/** An object whose properties are all required but for those named in `optional`; fields added by later versions are let through. */
export function record(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter(key => !optional.includes(key)),
  };
}

export const dictionary = (values: JsonSchema, maxProperties: number): JsonSchema => ({
  type: 'object',
  additionalProperties: values,
  maxProperties,
  propertyNames: { maxLength: NAME },
});

export const kind = (
  name: string,
  properties: Readonly<Record<string, JsonSchema>> = {},
  optional: readonly string[] = [],
): JsonSchema => record({ kind: { const: name }, ...properties }, optional);

/** Tagged unions are chosen by `kind`, so that an error names the one wrong field and not every alternative. */
export const union = (...members: readonly JsonSchema[]): JsonSchema => ({
  type: 'object',
  properties: { kind: { type: 'string', description: 'Which of the alternatives it is.' } },
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: members,
});
