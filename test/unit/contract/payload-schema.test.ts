import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCases } from '../../../src/cases/case-reader.ts';
import type { CaseValue } from '../../../src/cases/case-value.ts';
import { jsonOfValue } from '../../../src/cases/json-tensor.ts';
import { openApiDocument } from '../../../src/contract/openapi.ts';
import { payloadExample } from '../../../src/contract/payload-example.ts';
import { hasForm, PAYLOAD_FORMS } from '../../../src/contract/payload-forms.ts';
import { payloadSchema } from '../../../src/contract/payload-schema.ts';
import { createPayloadValidator } from '../../../src/contract/payload-validator.ts';
import type { Dimension, Dtype, ModelInterface } from '../../../src/model/inspection.ts';
import { interfaceOf } from '../../../src/model/model-interface.ts';
import { readModel } from '../../../src/model/model-reader.ts';
import { elementCount } from '../../../src/shared/element-types.ts';
import { lacks, modelsFolder } from '../../support/requirements.ts';
import { modelOf, tensor } from './payload-fixtures.ts';
import { mutationsOf } from './payload-mutations.ts';

const DTYPES: readonly Dtype[] = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'int4',
  'uint4',
  'bool',
  'string',
];

const dimension: fc.Arbitrary<Dimension> = fc.oneof(
  fc.integer({ min: 1, max: 3 }),
  fc.constantFrom('N', 'M'),
  fc.constant(null),
);
const names = fc.constantFrom(
  'x',
  'input:0',
  'a/b',
  '__proto__',
  'constructor',
  'toString',
  'data',
  '"quoted"',
  'naïve',
  '$ref',
);
const models: fc.Arbitrary<ModelInterface> = fc
  .uniqueArray(
    fc.record({
      name: names,
      dtype: fc.constantFrom(...DTYPES),
      shape: fc.array(dimension, { maxLength: 4 }),
    }),
    {
      minLength: 1,
      maxLength: 3,
      selector: ({ name }) => name,
    },
  )
  .map(inputs => modelOf(inputs.map(({ name, dtype, shape }) => tensor(name, dtype, shape))));

// One for all: each of them compiles the schema of schemas first.
const ajv = new Ajv2020({ strict: false, allErrors: false });
const compile = (schema: object) => ajv.removeSchema().compile(schema);

/** As JSON, and as base64 where there are numbers that JSON has not. */
function sendable(value: CaseValue): unknown {
  const json = jsonOfValue(value);
  if (!/"(?:NaN|-?Infinity)"/.test(JSON.stringify(json)) || value.kind !== 'tensor') return json;
  const { data, shape } = value.tensor;
  return { base64: Buffer.from(data as Uint8Array).toString('base64'), shape };
}

/** ajv leaves `__proto__` out of `properties`; our own validator does not, so that one name is tested there alone. */
const ajvKnows = (model: ModelInterface): boolean => !model.inputs.some(({ name }) => name === '__proto__');

function expectAllRejected(model: ModelInterface, payload: { inputs: Record<string, unknown> }): number {
  const schema = ajvKnows(model) ? compile(payloadSchema(model, 'request', 'plain', 'm')) : null;
  const validate = createPayloadValidator(model, 'request', 'plain');
  const mutations = mutationsOf(model, payload);
  const accepted = mutations.flatMap(({ name, payload: wrong, beyondSchema }) => [
    ...(validate(wrong).problems.length === 0 ? [`validator: ${name}`] : []),
    ...(schema !== null && beyondSchema !== true && schema(wrong) ? [`schema: ${name}`] : []),
  ]);
  expect(accepted).toEqual([]);
  return mutations.length;
}

describe('payload schema', () => {
  it('accepts the example of every model, form and side', () => {
    fc.assert(
      fc.property(models, model => {
        for (const side of ['request', 'response'] as const) {
          for (const form of PAYLOAD_FORMS) {
            if (!hasForm(model, side, form)) continue;
            const example = payloadExample(model, side, form);
            if (ajvKnows(model)) {
              const validate = compile(payloadSchema(model, side, form, 'm'));
              expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
            }
            expect(createPayloadValidator(model, side, form)(example).problems).toEqual([]);
          }
        }
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  it('rejects 30 mutations of the example of every model', () => {
    fc.assert(
      fc.property(models, model => {
        const example = payloadExample(model, 'request', 'plain') as { inputs: Record<string, unknown> };
        expect(expectAllRejected(model, example)).toBeGreaterThanOrEqual(30);
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  it('refuses symbols that disagree, which only the validator can see', () => {
    const model = modelOf([tensor('a', 'float32', ['N']), tensor('b', 'float32', ['N'])]);
    const payload = { inputs: { a: [1, 2], b: [1] } };
    expect(compile(payloadSchema(model, 'request', 'plain', 'm'))(payload)).toBe(true);
    expect(createPayloadValidator(model, 'request', 'plain')(payload).problems).toHaveLength(1);
    expect(JSON.stringify(payloadSchema(model, 'request', 'plain', 'm'))).toContain(
      'must be the same size wherever it stands',
    );
  });

  it('gives exact lengths to base64 of fixed shapes', () => {
    const validate = compile(payloadSchema(modelOf([tensor('x', 'int16', [3])]), 'request', 'plain', 'm'));
    expect(validate({ inputs: { x: { base64: 'AAAAAAAA' } } })).toBe(true);
    expect(validate({ inputs: { x: { base64: 'AAAA' } } })).toBe(false);
    expect(validate({ inputs: { x: { base64: 'AAAAAAAA', shape: [4] } } })).toBe(false);
  });

  it('lets an input with a default be left out, and checks it where it is there', () => {
    const model = modelOf([tensor('x', 'float32', [1])], undefined, [tensor('bias', 'float32', [1])]);
    const validate = compile(payloadSchema(model, 'request', 'plain', 'm'));
    expect(validate({ inputs: { x: [1] } })).toBe(true);
    expect(validate({ inputs: { x: [1], bias: [1] } })).toBe(true);
    expect(validate({ inputs: { x: [1], bias: ['1'] } })).toBe(false);
  });

  it('puts every form and its examples into an OpenAPI document', () => {
    const model = modelOf([tensor('x', 'float32', [1, 2])]);
    const document = openApiDocument(model, { modelName: 'digits', version: '1.0.0' }) as {
      openapi: string;
      paths: object;
      components: { schemas: Record<string, { examples?: unknown[] }> };
    };
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(Object.keys(document.paths)).toEqual(['/predict', '/v2/models/digits/infer']);
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      for (const example of schema.examples ?? []) expect(compile(schema)(example), name).toBe(true);
    }
    const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  });

  it('leaves the example out of the schema where it would be most of it', () => {
    const large = modelOf([tensor('image', 'float32', [1, 3, 224, 224])]);
    expect(payloadSchema(large, 'request', 'plain', 'm')).not.toHaveProperty('examples');
  });
});

describe.skipIf(lacks('models'))('payload schemas of real models', () => {
  const cases = readdirSync(modelsFolder, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(modelsFolder, entry.name, 'model.onnx')))
    .flatMap(({ name }) => {
      const folder = ['test_data_set_0', 'generated_data_set_0']
        .map(set => join(modelsFolder, name, set))
        .find(existsSync);
      return folder === undefined ? [] : [{ name, folder }];
    });

  it('are tested on the models there are', () => expect(cases.length).toBeGreaterThan(20));

  it.each(cases)('$name: accepts its own inputs and rejects 30 mutations of them', ({ name, folder }) => {
    const model = interfaceOf(readModel(join(modelsFolder, name, 'model.onnx')));
    const [test] = [...readCases(folder, model)];
    const inputs = Object.fromEntries(
      (test?.inputs ?? []).map(({ name: input, value }) => [input, sendable(value)]),
    );
    const validate = createPayloadValidator(model, 'request', 'plain');
    expect(validate({ inputs }).problems).toEqual([]);
    expect(compile(payloadSchema(model, 'request', 'plain', name))({ inputs })).toBe(true);
    const size = model.inputs.reduce(
      (sum, { shape }) =>
        sum + elementCount((shape ?? []).map(length => (typeof length === 'number' ? length : 1))),
      0,
    );
    // Mutations of large inputs are made of the same few changes; a copy of megabytes for each says nothing more.
    if (size < 20_000) expect(expectAllRejected(model, { inputs })).toBeGreaterThanOrEqual(30);
    const outputs = Object.fromEntries(
      (test?.expected ?? []).map(output => [output.name, jsonOfValue(output.value)]),
    );
    // The upstream case of one model has one of its two outputs.
    const given = { ...model, outputs: model.outputs.filter(output => Object.hasOwn(outputs, output.name)) };
    expect(createPayloadValidator(given, 'response', 'plain')({ outputs }).problems).toEqual([]);
  });
});
