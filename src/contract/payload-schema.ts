import type { ModelInterface, ValueInfo } from '../model/inspection.ts';
import { elementCount } from '../shared/element-types.ts';
import { payloadExample } from './payload-example.ts';
import {
  type PayloadForm,
  type PayloadSide,
  type PayloadValues,
  payloadValues,
  v2Datatype,
} from './payload-forms.ts';
import {
  describeTensor,
  elementSchema,
  type JsonSchema,
  nestedSchema,
  shapeSchema,
  sharedSymbols,
  valueSchema,
} from './tensor-schema.ts';

/** Examples of more elements would be the larger part of the document; `schema --example` writes any. */
const LARGEST_EXAMPLE_ELEMENTS = 1000;

/** An object with exactly these values. `fromEntries` defines, so a value may be called `__proto__`. */
function valuesObject(values: PayloadValues, side: PayloadSide): JsonSchema {
  const all = [...values.required, ...values.optional];
  const shared = sharedSymbols(all);
  return {
    type: 'object',
    properties: Object.fromEntries(all.map(info => [info.name, valueSchema(info, side, shared)])),
    required: values.required.map(({ name }) => name),
    additionalProperties: false,
  };
}

const PARAMETERS: JsonSchema = {
  type: 'object',
  additionalProperties: { type: ['string', 'number', 'boolean'] },
};

/** A tensor of the Open Inference Protocol: data flat in row-major order, or nested. */
function v2Tensor(info: ValueInfo, side: PayloadSide): JsonSchema {
  const element = elementSchema(info.dtype, side);
  const fixed = info.shape?.every(size => typeof size === 'number') === true;
  const count = fixed ? elementCount((info.shape ?? []).map(Number)) : null;
  const flat = {
    type: 'array',
    items: element,
    ...(count === null ? {} : { minItems: count, maxItems: count }),
  };
  const nested = info.shape !== null && info.shape.length < 2 ? [] : [nestedSchema(element, info.shape)];
  return {
    type: 'object',
    description: describeTensor(info),
    properties: {
      name: { const: info.name },
      shape: shapeSchema(info.shape),
      datatype: { const: v2Datatype(info) },
      parameters: PARAMETERS,
      data: nested.length === 0 ? flat : { anyOf: [flat, ...nested] },
    },
    required: ['name', 'shape', 'datatype', 'data'],
    additionalProperties: false,
  };
}

/** The list holds each required tensor once, each optional one at most once, and nothing else; in any order. */
function v2Tensors(values: PayloadValues, side: PayloadSide): JsonSchema {
  const all = [...values.required, ...values.optional];
  const named = (name: string): JsonSchema => ({
    type: 'object',
    properties: { name: { const: name } },
    required: ['name'],
  });
  return {
    type: 'array',
    ...(all.length === 0 ? { maxItems: 0 } : { items: { anyOf: all.map(info => v2Tensor(info, side)) } }),
    allOf: all.map(info => ({
      contains: named(info.name),
      minContains: values.required.includes(info) ? 1 : 0,
      maxContains: 1,
    })),
  };
}

const TEXT = { type: 'string' };

function body(model: ModelInterface, side: PayloadSide, form: PayloadForm): JsonSchema {
  const values = payloadValues(model, side);
  const [only] = values.required;
  const closed = { type: 'object', additionalProperties: false };
  if (form === 'single' && only !== undefined) {
    const data = valueSchema(only, side, sharedSymbols([only]));
    return { ...closed, properties: { data }, required: ['data'] };
  }
  if (form === 'v2') {
    const tensors = v2Tensors(values, side);
    return side === 'request'
      ? {
          ...closed,
          properties: {
            id: TEXT,
            parameters: PARAMETERS,
            inputs: tensors,
            outputs: {
              type: 'array',
              items: {
                type: 'object',
                properties: { name: { enum: model.outputs.map(({ name }) => name) }, parameters: PARAMETERS },
                required: ['name'],
                additionalProperties: false,
              },
            },
          },
          required: ['inputs'],
        }
      : {
          ...closed,
          properties: {
            model_name: TEXT,
            model_version: TEXT,
            id: TEXT,
            parameters: PARAMETERS,
            outputs: tensors,
          },
          required: ['model_name', 'outputs'],
        };
  }
  const key = side === 'request' ? 'inputs' : 'outputs';
  return { ...closed, properties: { [key]: valuesObject(values, side) }, required: [key] };
}

const exampleElements = (model: ModelInterface, side: PayloadSide): number =>
  payloadValues(model, side).required.reduce(
    (sum, { shape }) => sum + elementCount((shape ?? []).map(size => (typeof size === 'number' ? size : 1))),
    0,
  );

/** The schema's body without dialect and title, for use inside another document (OpenAPI). */
export function payloadSchemaBody(model: ModelInterface, side: PayloadSide, form: PayloadForm): JsonSchema {
  const small = exampleElements(model, side) <= LARGEST_EXAMPLE_ELEMENTS;
  return { ...body(model, side, form), ...(small ? { examples: [payloadExample(model, side, form)] } : {}) };
}

/**
 * JSON Schema 2020-12 of a model's requests or responses in one form: exact in element types, ranges, rank and fixed
 * sizes. That equal symbols have equal sizes, that arrays of unknown size are not ragged, and that base64 and flat data
 * fit their `shape` is beyond JSON Schema: descriptions say it, and createPayloadValidator holds it.
 * @param name how the model is called in the title
 */
export function payloadSchema(
  model: ModelInterface,
  side: PayloadSide,
  form: PayloadForm,
  name: string,
): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `${name}: ${side} (${form} form)`,
    ...payloadSchemaBody(model, side, form),
  };
}
