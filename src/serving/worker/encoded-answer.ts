import { v2Datatype } from '../../contract/payload-forms.ts';
import type { Dtype, ValueInfo } from '../../model/inspection.ts';
import { writeBytesElements } from './bytes-tensors.ts';
import type { AnswerForm } from './decoded-request.ts';
import { flatJson, nestedJson } from './json-writer.ts';
import { type RuntimeArray, sliceOf } from './runtime-arrays.ts';

export interface OutputTensor {
  readonly info: ValueInfo;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly values: RuntimeArray;
}

export interface EncodedAnswer {
  readonly body: readonly Uint8Array[];
  /** Bytes that are JSON where binary tensors follow; null: all. */
  readonly headerBytes: number | null;
}

const member = (name: string, json: string): string => `${JSON.stringify(name)}:${json}`;

function named(outputs: readonly OutputTensor[]): string {
  return outputs
    .map(({ info, dtype, values, shape }) => member(info.name, nestedJson(dtype, values, shape)))
    .join(',');
}

/** One prediction for each row: of a model with one output the row itself, else an object. */
function predictions(outputs: readonly OutputTensor[]): string {
  const [only, ...others] = outputs;
  if (only === undefined) return '{"predictions":[]}';
  if (others.length === 0) {
    const nested = nestedJson(only.dtype, only.values, only.shape);
    return `{"predictions":${only.shape.length === 0 ? `[${nested}]` : nested}}`;
  }
  const rows = Math.min(...outputs.map(({ shape }) => shape[0] ?? 1));
  const objects = Array.from({ length: rows }, (_, row) => {
    const members = outputs.map(({ info, dtype, values, shape }) => {
      const inner = shape.slice(1);
      const stride = values.length / Math.max(1, shape[0] ?? 1);
      return member(info.name, nestedJson(dtype, sliceOf(values, row * stride, (row + 1) * stride), inner));
    });
    return `{${members.join(',')}}`;
  });
  return `{"predictions":[${objects.join(',')}]}`;
}

const bytesOf = (values: RuntimeArray): Uint8Array =>
  Array.isArray(values)
    ? writeBytesElements(values)
    : new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function v2(
  form: Extract<AnswerForm, { kind: 'v2' }>,
  outputs: readonly OutputTensor[],
  model: { readonly name: string; readonly version: string },
): EncodedAnswer {
  const wanted =
    form.outputs?.flatMap(({ name, binary }) => {
      const output = outputs.find(({ info }) => info.name === name);
      return output === undefined ? [] : [{ output, binary }];
    }) ?? outputs.map(output => ({ output, binary: form.binary }));
  const tail: Uint8Array[] = [];
  const tensors = wanted.map(({ output, binary }) => {
    const { info, dtype, shape, values } = output;
    const head = `"name":${JSON.stringify(info.name)},"datatype":"${v2Datatype({ ...info, dtype })}","shape":[${shape.join(',')}]`;
    if (!binary) return `{${head},"data":${flatJson(dtype, values)}}`;
    const bytes = bytesOf(values);
    tail.push(bytes);
    return `{${head},"parameters":{"binary_data_size":${bytes.byteLength}}}`;
  });
  const id = form.id === null ? '' : `"id":${JSON.stringify(form.id)},`;
  const json = Buffer.from(
    `{${id}"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)},"outputs":[${tensors.join(',')}]}`,
  );
  return { body: [json, ...tail], headerBytes: tail.length === 0 ? null : json.byteLength };
}

/** The outputs of a run in the form that the request asked for. */
export function encodeAnswer(
  form: AnswerForm,
  outputs: readonly OutputTensor[],
  model: { readonly name: string; readonly version: string },
): EncodedAnswer {
  const json = (text: string): EncodedAnswer => ({ body: [Buffer.from(text)], headerBytes: null });
  switch (form.kind) {
    case 'plain':
      return json(`{"outputs":{${named(outputs)}}}`);
    case 'single': {
      const [only] = outputs;
      return json(
        `{"data":${only === undefined ? 'null' : nestedJson(only.dtype, only.values, only.shape)}}`,
      );
    }
    case 'predictions':
      return json(predictions(outputs));
    case 'v2':
      return v2(form, outputs, model);
  }
}

/** `{"error": "..."}`, as all interfaces have it. */
export const encodeError = (message: string): EncodedAnswer => ({
  body: [Buffer.from(JSON.stringify({ error: message }))],
  headerBytes: null,
});
