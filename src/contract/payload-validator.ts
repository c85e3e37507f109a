import type { ModelInterface, ValueInfo } from '../model/inspection.ts';
import { elementCount, elementFacts, jsonIntegerRange, packedByteLength } from '../shared/element-types.ts';
import { isJsonObject, type JsonObject } from '../shared/json-object.ts';
import {
  describeElement,
  describeJson,
  firstWrongElement,
  readNestedArray,
  type SymbolSize,
} from '../shared/nested-array.ts';
import { NumberArray } from './number-arrays.ts';
import { createEnvelopeCheck, memberPath, type PayloadProblem } from './payload-envelope.ts';
import {
  type PayloadForm,
  type PayloadSide,
  payloadValues,
  takesBase64,
  v2Datatype,
} from './payload-forms.ts';
import { type ValueType, valueTypeOf } from './value-type.ts';

export type { PayloadProblem } from './payload-envelope.ts';

/** What came of one tensor of a payload that is right: enough to read it without looking at it again. */
export interface PayloadTensor {
  readonly info: ValueInfo;
  readonly shape: readonly number[];
  /** Where its elements are: a nested array of the shape, a flat one, numbers read already, base64, or the next bytes after the JSON. */
  readonly data:
    | { readonly kind: 'nested'; readonly value: unknown }
    | { readonly kind: 'flat'; readonly value: readonly unknown[] }
    | { readonly kind: 'numbers'; readonly value: NumberArray }
    | { readonly kind: 'base64'; readonly text: string }
    | { readonly kind: 'binary'; readonly byteLength: number };
}

export interface PayloadReading {
  readonly problems: readonly PayloadProblem[];
  /** The tensors among the values, in the payload's order; complete where there are no problems. */
  readonly tensors: readonly PayloadTensor[];
}

export type PayloadValidator = (payload: unknown) => PayloadReading;

const MAX_PROBLEMS = 20;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const listed = (names: readonly string[]): string =>
  names.length === 0 ? 'nothing' : names.map(name => JSON.stringify(name)).join(', ');

/** Whether every number may be an element of the dtype. */
function numbersFit(dtype: ValueInfo['dtype'], { exact, whole, least, largest }: NumberArray): boolean {
  const facts = elementFacts(dtype);
  if (facts.kind === 'float') {
    const limit = exact ? facts.largest : facts.largest / 2;
    return least >= -limit && largest <= limit;
  }
  if (facts.kind !== 'integer') return false;
  const { min, max } = jsonIntegerRange(facts);
  return whole && least >= min && largest <= max;
}

/** The state of one reading: what is wrong so far, and the sizes of symbols. */
class Reading {
  readonly problems: PayloadProblem[] = [];
  readonly tensors: PayloadTensor[] = [];
  readonly symbols = new Map<string, SymbolSize>();
  readonly specialFloats: boolean;
  readonly binaryTensors: boolean;

  constructor(side: PayloadSide, binaryTensors: boolean) {
    this.specialFloats = side === 'response';
    this.binaryTensors = binaryTensors;
  }

  report(path: string, message: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ path, message });
  }

  value(info: ValueInfo, value: unknown, path: string): void {
    this.#typed(info, valueTypeOf(info), value, path);
  }

  #typed(info: ValueInfo, type: ValueType, value: unknown, path: string): void {
    switch (type.kind) {
      case 'tensor':
        if (value instanceof NumberArray)
          this.#numbers(info, value, this.#shape(info, value.shape, path), path);
        else if (takesBase64(info) && isJsonObject(value)) this.#base64(info, value, path);
        else this.#nested(info, value, path);
        return;
      case 'optional':
        if (value !== null) this.#typed(info, type.element, value, path);
        return;
      case 'sequence':
        if (!Array.isArray(value)) this.report(path, `expected an array, got ${describeJson(value)}`);
        else
          for (const [index, element] of value.entries())
            this.#typed(info, type.element, element, `${path}[${index}]`);
        return;
      case 'map':
        if (!isJsonObject(value)) this.report(path, `expected an object, got ${describeJson(value)}`);
        else {
          for (const [key, inner] of Object.entries(value)) {
            if (type.key === 'integer' && !/^(?:0|-?[1-9]\d*)$/.test(key)) {
              this.report(memberPath(path, key), 'expected a key that is a whole number');
            }
            this.#typed(info, type.value, inner, memberPath(path, key));
          }
        }
    }
  }

  #nested(info: ValueInfo, value: unknown, path: string): void {
    const type = { dtype: info.dtype, shape: info.shape, specialFloats: this.specialFloats };
    const { shape, problems } = readNestedArray(value, type, path, this.symbols);
    for (const problem of problems) this.report(problem.path, problem.message);
    this.tensors.push({ info, shape, data: { kind: 'nested', value } });
  }

  /** Numbers that were read already. Where they do not fit, which of them does not is for a reading of the text to say. */
  #numbers(info: ValueInfo, value: NumberArray, shape: readonly number[] | null, path: string): void {
    if (shape === null) return;
    if (numbersFit(info.dtype, value)) this.tensors.push({ info, shape, data: { kind: 'numbers', value } });
    else this.report(path, `expected each to be ${describeElement(info.dtype)}`);
  }

  #base64(info: ValueInfo, value: JsonObject, path: string): void {
    const known =
      info.shape?.every(size => typeof size === 'number') === true ? info.shape.map(Number) : null;
    for (const key of Object.keys(value)) {
      if (key !== 'base64' && key !== 'shape')
        this.report(memberPath(path, key), 'is neither "base64" nor "shape"');
    }
    const text = Object.hasOwn(value, 'base64') ? value['base64'] : undefined;
    const given = Object.hasOwn(value, 'shape') ? value['shape'] : (known ?? undefined);
    const shape = this.#shape(info, given, `${path}.shape`);
    if (typeof text !== 'string') {
      this.report(`${path}.base64`, `expected a string, got ${describeJson(text)}`);
      return;
    }
    if (text.length % 4 !== 0 || !BASE64.test(text)) {
      this.report(`${path}.base64`, 'is not base64 (RFC 4648, section 4, with padding)');
      return;
    }
    if (shape === null) return;
    const expected = packedByteLength(info.dtype, elementCount(shape));
    const bytes = (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
    if (bytes !== expected) {
      this.report(
        `${path}.base64`,
        `expected ${expected} bytes for ${info.dtype}[${shape.join(', ')}], got ${bytes}`,
      );
    }
    this.tensors.push({ info, shape, data: { kind: 'base64', text } });
  }

  /** Binary tensor data extension: `parameters.binary_data_size` bytes of the body belong to the tensor. */
  #binary(info: ValueInfo, shape: readonly number[] | null, parameters: unknown, path: string): void {
    const size = isJsonObject(parameters) ? parameters['binary_data_size'] : undefined;
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      this.report(`${path}.data`, 'is missing, and so is parameters.binary_data_size');
      return;
    }
    if (shape === null) return;
    const expected = packedByteLength(info.dtype, elementCount(shape));
    if (info.dtype !== 'string' && size !== expected) {
      this.report(
        `${path}.parameters.binary_data_size`,
        `expected ${expected} bytes for ${info.dtype}[${shape.join(', ')}], got ${size}`,
      );
    }
    this.tensors.push({ info, shape, data: { kind: 'binary', byteLength: size } });
  }

  /** Sizes that are told and not seen: against fixed sizes and symbols. */
  #shape(info: ValueInfo, given: unknown, path: string): readonly number[] | null {
    if (!Array.isArray(given) || !given.every(size => Number.isSafeInteger(size) && size >= 0)) {
      this.report(path, `expected an array of whole numbers, got ${describeJson(given)}`);
      return null;
    }
    const shape: readonly number[] = given;
    if (info.shape === null) return shape;
    if (shape.length !== info.shape.length) {
      this.report(path, `expected ${info.shape.length} sizes, got ${shape.length}`);
      return null;
    }
    let right = true;
    for (const [index, size] of info.shape.entries()) {
      const got = shape[index] ?? 0;
      const bound = typeof size === 'string' ? this.symbols.get(size) : undefined;
      if (typeof size === 'number' && size !== got) {
        this.report(`${path}[${index}]`, `expected ${size}, got ${got}`);
        right = false;
      } else if (bound !== undefined && bound.size !== got) {
        this.report(
          `${path}[${index}]`,
          `expected ${bound.size}, since ${JSON.stringify(size)} is ${bound.size} in ${bound.where}, got ${got}`,
        );
        right = false;
      } else if (typeof size === 'string' && bound === undefined) {
        this.symbols.set(size, { size: got, where: `${path}[${index}]` });
      }
    }
    return right ? shape : null;
  }

  v2(info: ValueInfo, tensor: JsonObject, path: string): void {
    const datatype = v2Datatype(info);
    if (tensor['datatype'] !== datatype) {
      this.report(
        `${path}.datatype`,
        `expected ${JSON.stringify(datatype)}, got ${describeJson(tensor['datatype'])}`,
      );
    }
    const shape = this.#shape(info, tensor['shape'], `${path}.shape`);
    const { data } = tensor;
    if (this.binaryTensors && data === undefined) {
      this.#binary(info, shape, tensor['parameters'], path);
      return;
    }
    if (shape === null || !Array.isArray(data)) return;
    if (data instanceof NumberArray) {
      const given = data.shape.length === 1 ? [elementCount(shape)] : shape;
      if (given.join() === data.shape.join()) this.#numbers(info, data, shape, `${path}.data`);
      else this.report(`${path}.data`, `expected sizes ${given.join(', ')}, got ${data.shape.join(', ')}`);
      return;
    }
    if (shape.length > 1 && Array.isArray(data[0])) {
      const type = { dtype: info.dtype, shape, specialFloats: this.specialFloats };
      const { problems } = readNestedArray(data, type, `${path}.data`, this.symbols);
      for (const problem of problems) this.report(problem.path, problem.message);
      this.tensors.push({ info, shape, data: { kind: 'nested', value: data } });
      return;
    }
    const count = elementCount(shape);
    if (data.length !== count) {
      this.report(
        `${path}.data`,
        `expected ${count} elements for shape [${shape.join(', ')}], got ${data.length}`,
      );
    }
    const wrong = firstWrongElement(data, info.dtype, this.specialFloats);
    if (wrong >= 0) {
      this.report(
        `${path}.data[${wrong}]`,
        `expected ${describeElement(info.dtype)}, got ${describeJson(data[wrong])}`,
      );
    }
    this.tensors.push({ info, shape, data: { kind: 'flat', value: data } });
  }
}

/**
 * Compiles the check of payloads of one model, side and form: everything that the schema says, and what it cannot say
 * (symbols agree, arrays are not ragged, base64 and flat data fit their shape). Reports at most 20 problems; its cost
 * is a small part of `JSON.parse` of the same payload.
 * @param binaryTensors requests of the form v2 may leave out `data` and name a number of bytes after the JSON instead
 */
export function createPayloadValidator(
  model: ModelInterface,
  side: PayloadSide,
  form: PayloadForm,
  binaryTensors = false,
): PayloadValidator {
  const checkEnvelope = createEnvelopeCheck(form, side, binaryTensors);
  const { required, optional } = payloadValues(model, side);
  const byName = new Map([...required, ...optional].map(info => [info.name, info]));
  const key = side === 'request' ? 'inputs' : 'outputs';
  const takes = `the model ${side === 'request' ? 'takes' : 'gives'} ${listed([...byName.keys()])}`;
  const outputNames = new Set(model.outputs.map(({ name }) => name));
  const [only] = required;

  const missing = (reading: Reading, given: ReadonlySet<string>, pathOf: (name: string) => string): void => {
    for (const { name } of required) if (!given.has(name)) reading.report(pathOf(name), 'is missing');
  };

  const readTensors = (reading: Reading, tensors: readonly JsonObject[]): void => {
    const given = new Set<string>();
    for (const [index, tensor] of tensors.entries()) {
      const path = `${key}[${index}]`;
      const name = String(tensor['name']);
      const info = byName.get(name);
      if (info === undefined) reading.report(`${path}.name`, `${JSON.stringify(name)} is unknown; ${takes}`);
      else if (given.has(name)) reading.report(`${path}.name`, `${JSON.stringify(name)} is there twice`);
      else reading.v2(info, tensor, path);
      given.add(name);
    }
    missing(reading, given, name => `${key} ${JSON.stringify(name)}`);
  };

  return payload => {
    const reading = new Reading(side, binaryTensors);
    const envelope = checkEnvelope(payload);
    if (envelope.length > 0 || !isJsonObject(payload)) {
      for (const { path, message } of envelope) reading.report(path, message);
      return { problems: reading.problems, tensors: [] };
    }
    if (form === 'single') {
      if (only !== undefined) reading.value(only, payload['data'], 'data');
      return { problems: reading.problems, tensors: reading.tensors };
    }
    if (form === 'v2') {
      // The envelope has been checked: these are arrays of objects.
      readTensors(reading, payload[key] as readonly JsonObject[]);
      for (const [index, output] of ((payload['outputs'] ?? []) as readonly JsonObject[]).entries()) {
        if (side === 'request' && !outputNames.has(String(output['name']))) {
          reading.report(
            `outputs[${index}].name`,
            `${describeJson(output['name'])} is unknown; the model gives ${listed([...outputNames])}`,
          );
        }
      }
      return { problems: reading.problems, tensors: reading.tensors };
    }
    const values = payload[key] as JsonObject;
    const names = Object.keys(values);
    for (const name of names) {
      const info = byName.get(name);
      if (info === undefined) reading.report(memberPath(key, name), `is unknown; ${takes}`);
      else reading.value(info, values[name], memberPath(key, name));
    }
    missing(reading, new Set(names), name => memberPath(key, name));
    return { problems: reading.problems, tensors: reading.tensors };
  };
}

/** The form that a payload is in, by its outside: `data`, a list of tensors, or named values. */
export function recogniseForm(payload: unknown, side: PayloadSide): PayloadForm {
  if (!isJsonObject(payload)) return 'plain';
  if (Object.hasOwn(payload, 'data')) return 'single';
  return Array.isArray(payload[side === 'request' ? 'inputs' : 'outputs']) ? 'v2' : 'plain';
}
