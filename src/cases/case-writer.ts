import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ModelInterface } from '../model/inspection.ts';
import { elementCount } from '../shared/element-types.ts';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { jsonOfFloat } from '../shared/nested-array.ts';
import { elementsOf } from '../shared/tensor-bytes.ts';
import { encodeCaseProto } from './case-proto.ts';
import type { TestCase } from './case-reader.ts';
import type { NamedValue, TensorData } from './case-value.ts';
import { csvRecord, parseCsv } from './csv.ts';
import { jsonOfValue } from './json-tensor.ts';
import { encodeNpy } from './npy.ts';
import { makeZip } from './zip.ts';

/** Beside the target, then renamed: a stop half way leaves the old file. */
function replaceFile(path: string, content: Uint8Array | string): void {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(draft, content);
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

function tensorOf({ name, value }: NamedValue): TensorData {
  if (value.kind !== 'tensor')
    throw new RangeError(`"${name}" is a ${value.kind}, which only .pb files can hold`);
  return value.tensor;
}

const npyEntry = (value: NamedValue): { readonly name: string; readonly bytes: Uint8Array } => ({
  name: `${value.name}.npy`,
  bytes: encodeNpy(tensorOf(value)),
});

function textElements(tensor: TensorData): readonly string[] {
  if (!(tensor.data instanceof Uint8Array)) return tensor.data;
  return Array.from<number | bigint, string>(
    elementsOf(tensor.dtype, tensor.data, elementCount(tensor.shape)),
    value => String(typeof value === 'number' ? jsonOfFloat(value) : value),
  );
}

/** Replaces or adds the columns of the outputs. */
function updatedCsv(path: string, outputs: readonly NamedValue[]): string {
  const [header = [], ...records] = parseCsv(readFileSync(path, 'utf8'));
  const isOutput = (column: string): boolean =>
    outputs.some(({ name }) => column === name || (column.startsWith(`${name}[`) && column.endsWith(']')));
  const kept = header.flatMap((column, index) => (isOutput(column) ? [] : [index]));
  const columns = outputs.map(output => {
    const tensor = tensorOf(output);
    const width = elementCount(tensor.shape) / Math.max(1, records.length);
    if (tensor.shape[0] !== records.length)
      throw new RangeError(`"${output.name}" has no row for each record`);
    const names =
      width === 1 ? [output.name] : Array.from({ length: width }, (_, index) => `${output.name}[${index}]`);
    return { names, elements: textElements(tensor), width };
  });
  const head = [...kept.map(index => header[index] ?? ''), ...columns.flatMap(({ names }) => names)];
  const body = records.map((record, row) => [
    ...kept.map(index => record[index] ?? ''),
    ...columns.flatMap(({ elements, width }) => elements.slice(row * width, (row + 1) * width)),
  ]);
  return [head, ...body].map(csvRecord).join('');
}

function writeNumbered(
  folder: string,
  outputs: readonly NamedValue[],
  model: ModelInterface,
  kind: 'protobuf' | 'npy',
): void {
  const extension = kind === 'protobuf' ? 'pb' : 'npy';
  const written = new Set<string>();
  for (const output of outputs) {
    const index = model.outputs.findIndex(({ name }) => name === output.name);
    const file = `output_${index}.${extension}`;
    written.add(file);
    replaceFile(
      join(folder, file),
      kind === 'protobuf' ? encodeCaseProto(output.value, output.name) : encodeNpy(tensorOf(output)),
    );
  }
  // An output that the model no longer has is not expected any more.
  for (const file of readdirSync(folder)) {
    if (new RegExp(`^output_\\d+\\.${extension}$`).test(file) && !written.has(file))
      rmSync(join(folder, file));
  }
}

/**
 * Writes what a model gave as the expected outputs of a case, in the files and the format that the case has.
 * @throws QuickServeError OUTPUT_UNWRITABLE.
 */
export function writeExpected(test: TestCase, outputs: readonly NamedValue[], model: ModelInterface): void {
  const { storage } = test;
  try {
    switch (storage.kind) {
      case 'protobuf':
      case 'npy':
        writeNumbered(storage.folder, outputs, model, storage.kind);
        return;
      case 'npz': {
        const inputs = storage.inputs === storage.outputs ? test.inputs : [];
        replaceFile(storage.outputs, makeZip([...inputs, ...outputs].map(npyEntry)));
        return;
      }
      case 'json': {
        const values = Object.fromEntries(outputs.map(({ name, value }) => [name, jsonOfValue(value)]));
        const whole = storage.inputs === storage.outputs && existsSync(storage.inputs);
        const before: unknown = whole ? JSON.parse(readFileSync(storage.inputs, 'utf8')) : null;
        const document =
          typeof before === 'object' && before !== null ? { ...before, outputs: values } : values;
        replaceFile(storage.outputs, `${JSON.stringify(document)}\n`);
        return;
      }
      case 'csv':
        replaceFile(storage.path, updatedCsv(storage.path, outputs));
    }
  } catch (error) {
    throw new QuickServeError({
      code: 'OUTPUT_UNWRITABLE',
      message: `The expected outputs of ${test.name} could not be written: ${messageOf(error)}`,
      hint: 'Check that the folder of the cases can be written; .pb files hold every kind of value.',
      cause: error,
    });
  }
}
