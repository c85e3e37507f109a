import { NumberArray, NumberArrayReader } from '../../contract/number-arrays.ts';
import { hasForm } from '../../contract/payload-forms.ts';
import { decodePayloadTensor } from '../../contract/payload-tensors.ts';
import {
  createPayloadValidator,
  type PayloadTensor,
  type PayloadValidator,
  recogniseForm,
} from '../../contract/payload-validator.ts';
import type { Dtype, ModelInterface } from '../../model/inspection.ts';
import { isNumericType } from '../../runtime/runtime-tensors.ts';
import { elementCount } from '../../shared/element-types.ts';
import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';
import type { JobHead } from '../engine/worker-messages.ts';
import { readBytesElements } from './bytes-tensors.ts';
import { allocate, copyInto, fillFlat, fillNested, type RuntimeArray, viewOf } from './runtime-arrays.ts';

/** An input of a request that was checked: its shape, and how its elements get into an array. */
export interface RequestTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly count: number;
  /** The elements as they are, without a copy; null: they must be written. */
  readonly whole: RuntimeArray | null;
  write(target: RuntimeArray, offset: number): void;
}

/** What the answer must look like. */
export type AnswerForm =
  | { readonly kind: 'plain' }
  | { readonly kind: 'single' }
  | { readonly kind: 'predictions' }
  | {
      readonly kind: 'v2';
      readonly id: string | null;
      /** In the order of the answer; null: all, and each as `binary` says. */
      readonly outputs: readonly { readonly name: string; readonly binary: boolean }[] | null;
      readonly binary: boolean;
    };

export type DecodedRequest =
  | { readonly kind: 'inputs'; readonly tensors: readonly RequestTensor[]; readonly form: AnswerForm }
  | { readonly kind: 'invalid'; readonly message: string };

const invalid = (message: string): DecodedRequest => ({ kind: 'invalid', message });

/** Numbers as an array of the dtype; null: they are not known exactly enough. */
function arrayOfNumbers(dtype: Dtype, read: NumberArray): RuntimeArray | null {
  if (dtype === 'float32') return read.toFloat32();
  if (!read.exact) return null;
  const array = allocate(dtype, read.numbers.length);
  fillFlat(dtype, array, 0, read.numbers);
  return array;
}

/** null: the elements cannot be read from what was given. */
function tensorOf(tensor: PayloadTensor, bytes: Buffer | null): RequestTensor | null {
  const { info, shape, data } = tensor;
  const { name, dtype } = info;
  const common = { name, dtype, shape, count: elementCount(shape) };
  const given = (whole: RuntimeArray): RequestTensor => ({
    ...common,
    whole,
    write: (target, offset) => copyInto(target, offset, whole),
  });
  switch (data.kind) {
    case 'flat':
      return {
        ...common,
        whole: null,
        write: (target, offset) => fillFlat(dtype, target, offset, data.value),
      };
    case 'nested':
      return {
        ...common,
        whole: null,
        write: (target, offset) => void fillNested(dtype, target, offset, data.value, shape.length),
      };
    case 'numbers': {
      const array = arrayOfNumbers(dtype, data.value);
      return array === null ? null : given(array);
    }
    case 'base64': {
      const decoded = decodePayloadTensor(tensor).data;
      if (!(decoded instanceof Uint8Array)) return given([...decoded]);
      return isNumericType(dtype) ? given(viewOf(dtype, decoded)) : null;
    }
    case 'binary': {
      if (bytes === null) return null;
      if (isNumericType(dtype)) return given(viewOf(dtype, bytes));
      const texts = readBytesElements(bytes, common.count);
      return texts === null ? null : given(texts);
    }
  }
}

const wantsBinary = (parameters: unknown, key: string, otherwise: boolean): boolean =>
  isJsonObject(parameters) && typeof parameters[key] === 'boolean' ? parameters[key] : otherwise;

const uniqueByName = <T extends { readonly name: string }>(values: readonly T[]): readonly T[] => [
  ...new Map(values.map(value => [value.name, value])).values(),
];

function v2Form(payload: JsonObject): AnswerForm {
  const { id, parameters, outputs } = payload;
  const binary = wantsBinary(parameters, 'binary_data_output', false);
  return {
    kind: 'v2',
    id: typeof id === 'string' ? id : null,
    binary,
    // As in Triton, an empty list asks for all.
    outputs:
      Array.isArray(outputs) && outputs.length > 0
        ? uniqueByName(
            outputs.filter(isJsonObject).map(output => ({
              name: String(output['name']),
              binary: wantsBinary(output['parameters'], 'binary_data', binary),
            })),
          )
        : null,
  };
}

/** `{"instances": [...]}`: of a model with one input the rows themselves, else objects with a value for each input. */
function plainOfInstances(payload: unknown, model: ModelInterface): unknown {
  if (!isJsonObject(payload) || !Array.isArray(payload['instances'])) return null;
  const instances: readonly unknown[] = payload['instances'];
  const [only, ...others] = model.inputs;
  const names = model.inputs.map(({ name }) => name);
  const named =
    instances.length > 0 &&
    !(instances instanceof NumberArray) &&
    instances.every(each => isJsonObject(each));
  if (only !== undefined && others.length === 0 && !named) return { inputs: { [only.name]: instances } };
  const unknown = instances.flatMap(each => (isJsonObject(each) ? Object.keys(each) : []));
  return {
    inputs: Object.fromEntries(
      [...new Set([...names, ...unknown])].map(name => [
        name,
        instances.map(each => (isJsonObject(each) && Object.hasOwn(each, name) ? each[name] : undefined)),
      ]),
    ),
  };
}

/** Reads the requests of one model. Compile once: the checks are compiled from its interface. */
export function createRequestDecoder(
  model: ModelInterface,
  maxDimension: number,
): (job: JobHead, body: Buffer) => DecodedRequest {
  const validators: Partial<Record<'plain' | 'single' | 'v2', PayloadValidator>> = {};
  for (const form of ['plain', 'single', 'v2'] as const) {
    if (hasForm(model, 'request', form))
      validators[form] = createPayloadValidator(model, 'request', form, form === 'v2');
  }

  const read = (form: 'plain' | 'single' | 'v2', payload: unknown, tail: Buffer, answer: AnswerForm) => {
    const validate = validators[form];
    if (validate === undefined)
      return invalid(`the model's requests cannot be written in the form "${form}"`);
    const { problems, tensors } = validate(payload);
    if (problems.length > 0) {
      return invalid(
        problems.map(({ path, message }) => `${path === '' ? 'the body' : path}: ${message}`).join('; '),
      );
    }
    const inputs: RequestTensor[] = [];
    let at = 0;
    for (const tensor of tensors) {
      const { name } = tensor.info;
      const largest = tensor.shape.find(size => size > maxDimension);
      if (largest !== undefined)
        return invalid(`${name}: a dimension of ${largest} is over this server's limit of ${maxDimension}`);
      let bytes: Buffer | null = null;
      if (tensor.data.kind === 'binary') {
        if (at + tensor.data.byteLength > tail.byteLength)
          return invalid(`${name}: its binary data ends past the end of the body`);
        bytes = tail.subarray(at, at + tensor.data.byteLength);
        at += tensor.data.byteLength;
      }
      const input = tensorOf(tensor, bytes);
      if (input === null)
        return invalid(`${name}: its binary data is not ${elementCount(tensor.shape)} elements`);
      inputs.push(input);
    }
    if (at !== tail.byteLength)
      return invalid(`${tail.byteLength - at} bytes after the JSON belong to no input`);
    const refused =
      answer.kind === 'single' && model.outputs.length !== 1 ? { kind: 'plain' as const } : answer;
    return { kind: 'inputs' as const, tensors: inputs, form: refused };
  };

  const decode = (kind: JobHead['kind'], payload: unknown, tail: Buffer): DecodedRequest => {
    if (
      kind === 'instances' ||
      (kind === 'any' && isJsonObject(payload) && Object.hasOwn(payload, 'instances'))
    ) {
      const plain = plainOfInstances(payload, model);
      if (plain === null) return invalid('instances: expected an array');
      return read('plain', plain, tail, { kind: 'predictions' });
    }
    if (kind === 'infer')
      return read('v2', payload, tail, isJsonObject(payload) ? v2Form(payload) : { kind: 'plain' });
    const form = recogniseForm(payload, 'request');
    if (form === 'v2' && kind === 'any' && isJsonObject(payload))
      return read('v2', payload, tail, v2Form(payload));
    if (form === 'single' && validators.single !== undefined)
      return read('single', payload, tail, { kind: 'single' });
    return read('plain', payload, tail, { kind: 'plain' });
  };

  const numberArrays = new NumberArrayReader();
  return ({ kind, headerBytes }, body) => {
    if (headerBytes !== null && headerBytes > body.byteLength)
      return invalid('Inference-Header-Content-Length is more than the body has bytes');
    const text = headerBytes === null ? body : body.subarray(0, headerBytes);
    const tail = headerBytes === null ? body.subarray(body.byteLength) : body.subarray(headerBytes);
    const quick = numberArrays.read(text);
    if (quick !== null) {
      const decoded = decode(kind, quick, tail);
      if (decoded.kind === 'inputs') return decoded;
    }
    let payload: unknown;
    try {
      payload = JSON.parse(text.toString('utf8'));
    } catch (error) {
      return invalid(`the body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
    return decode(kind, payload, tail);
  };
}
