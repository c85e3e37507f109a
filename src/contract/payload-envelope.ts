import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { describeJson } from '../shared/nested-array.ts';
import type { PayloadForm, PayloadSide } from './payload-forms.ts';

/** One thing that is wrong with a payload, and where. */
export interface PayloadProblem {
  /** `inputs.image[0][3]`; empty for the whole payload. */
  readonly path: string;
  /** `expected 224 numbers, got 223` */
  readonly message: string;
}

const PARAMETERS = { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } };
const TEXT = { type: 'string' };
const v2Tensors = (required: readonly string[]): object => ({
  type: 'array',
  items: {
    type: 'object',
    properties: {
      name: TEXT,
      shape: { type: 'array', items: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } },
      datatype: TEXT,
      parameters: PARAMETERS,
      data: { type: 'array' },
    },
    required,
    additionalProperties: false,
  },
});
const V2_TENSORS = v2Tensors(['name', 'shape', 'datatype', 'data']);
/** The data of a tensor may follow the JSON as bytes (binary tensor data extension). */
const V2_BINARY_TENSORS = v2Tensors(['name', 'shape', 'datatype']);

const closed = (properties: object, required: readonly string[]): object => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const v2Request = (inputs: object): object =>
  closed(
    {
      id: TEXT,
      parameters: PARAMETERS,
      inputs,
      outputs: { type: 'array', items: closed({ name: TEXT, parameters: PARAMETERS }, ['name']) },
    },
    ['inputs'],
  );

/** What surrounds the tensors; names and tensors themselves are looked at afterwards, much faster than a schema would. */
const ENVELOPES: Readonly<Record<PayloadForm, Readonly<Record<PayloadSide, object>>>> = {
  plain: {
    request: closed({ inputs: { type: 'object' } }, ['inputs']),
    response: closed({ outputs: { type: 'object' } }, ['outputs']),
  },
  single: { request: closed({ data: {} }, ['data']), response: closed({ data: {} }, ['data']) },
  v2: {
    request: v2Request(V2_TENSORS),
    response: closed(
      { model_name: TEXT, model_version: TEXT, id: TEXT, parameters: PARAMETERS, outputs: V2_TENSORS },
      ['model_name', 'outputs'],
    ),
  },
};

/** A name as a part of a path: `.image`, or `["input:0"]` where it is no word. */
export const memberPath = (parent: string, name: string): string => {
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${parent}[${JSON.stringify(name)}]`;
  return parent === '' ? name : `${parent}.${name}`;
};

/** The path of a JSON pointer: `/inputs/0/shape` is `inputs[0].shape`. */
function pathOfPointer(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : memberPath(path, part)), '');
}

const articleOf = (type: string): string => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);

function problemOf(error: ErrorObject, payload: unknown): PayloadProblem {
  const path = pathOfPointer(error.instancePath);
  const { keyword, params } = error;
  switch (keyword) {
    case 'required':
      return { path: memberPath(path, String(params['missingProperty'])), message: 'is missing' };
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      return { path: memberPath(path, name), message: 'is not part of this form of payload' };
    }
    case 'type': {
      const types: unknown = params['type'];
      const expected = (Array.isArray(types) ? types : [types])
        .map(type => articleOf(String(type)))
        .join(' or ');
      return {
        path,
        message: `expected ${expected}, got ${describeJson(valueAt(payload, error.instancePath))}`,
      };
    }
    default:
      return { path, message: error.message ?? 'is not allowed here' };
  }
}

function valueAt(payload: unknown, pointer: string): unknown {
  let value = payload;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}

/** Compiles the check of a payload's outside. Compile once, check many. @param binaryTensors see createPayloadValidator */
export function createEnvelopeCheck(
  form: PayloadForm,
  side: PayloadSide,
  binaryTensors = false,
): (payload: unknown) => readonly PayloadProblem[] {
  const validate: ValidateFunction = new Ajv2020({ allErrors: true, strict: false }).compile(
    binaryTensors && form === 'v2' && side === 'request'
      ? v2Request(V2_BINARY_TENSORS)
      : ENVELOPES[form][side],
  );
  return payload =>
    validate(payload) ? [] : (validate.errors ?? []).map(error => problemOf(error, payload));
}
