import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { ModelInterface, ValueInfo } from '../model/inspection.ts';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { isJsonObject } from '../shared/json-object.ts';
import { missingCases } from '../shared/missing-cases.ts';
import type { SymbolSize } from '../shared/nested-array.ts';
import { unusable } from './case-error.ts';
import { decodeCaseProto } from './case-proto.ts';
import type { CaseValue, NamedValue, TensorData } from './case-value.ts';
import { parseCsv } from './csv.ts';
import { findColumns, stackColumns } from './csv-columns.ts';
import { tensorOfJson } from './json-tensor.ts';
import { isLfsPointer, LFS_HINT } from './lfs-pointer.ts';
import { decodeNpy } from './npy.ts';
import { type OutputTolerances, parseTolerances } from './tolerance.ts';
import { listZip, readZipEntry } from './zip.ts';

/** In which files a case is kept; `--update` writes the same kind again. */
export type CaseStorage =
  | { readonly kind: 'protobuf' | 'npy'; readonly folder: string }
  /** One file for both, or two in a folder: `inputs.npz` and `outputs.npz`. */
  | { readonly kind: 'npz' | 'json'; readonly inputs: string; readonly outputs: string }
  | { readonly kind: 'csv'; readonly path: string };

/** Inputs of a run and what should come of it. */
export interface TestCase {
  /** Of the file or folder. */
  readonly name: string;
  readonly inputs: readonly NamedValue[];
  /** Empty where nothing was written down yet. */
  readonly expected: readonly NamedValue[];
  readonly tolerances: OutputTolerances;
  readonly storage: CaseStorage;
}

const SAVE_AGAIN = 'Save it again with numpy, onnx.numpy_helper or --update.';

/** Turns the RangeError of a decoder into one with the file's name. */
function inFile<T>(path: string, read: () => T, hint = SAVE_AGAIN): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof QuickServeError) throw error;
    if (isLfsPointer(path))
      throw unusable(path, 'is a Git LFS pointer, not the file itself', LFS_HINT, error);
    const what = messageOf(error);
    throw unusable(path, what, hint, error);
  }
}

const tensorValue = (tensor: TensorData): CaseValue => ({ kind: 'tensor', tensor });

const allInputs = (model: ModelInterface): readonly ValueInfo[] => [...model.inputs, ...model.optionalInputs];

const numberedFiles = (folder: string, side: 'input' | 'output', extension: string): readonly string[] =>
  readdirSync(folder)
    .filter(name => new RegExp(`^${side}_\\d+\\${extension}$`).test(name))
    .sort((a, b) => Number(/\d+/.exec(a)?.[0]) - Number(/\d+/.exec(b)?.[0]));

/** `input_<i>` is the i-th input of the model, unless every file carries the name of one. */
function nameByIndex(
  read: readonly { readonly index: number; readonly label: string; readonly value: CaseValue }[],
  infos: readonly ValueInfo[],
  where: string,
): readonly NamedValue[] {
  const names = new Set(infos.map(({ name }) => name));
  const labelled =
    new Set(read.map(({ label }) => label)).size === read.length &&
    read.every(({ label }) => names.has(label));
  return read.map(({ index, label, value }) => {
    const name = labelled ? label : infos[index]?.name;
    if (name === undefined) {
      throw unusable(
        where,
        `there is a value of number ${index}, and the model has only ${infos.length}`,
        'Remove the file, or check that the case belongs to this model.',
      );
    }
    return { name, value };
  });
}

function readProtobufSide(
  folder: string,
  side: 'input' | 'output',
  infos: readonly ValueInfo[],
): readonly NamedValue[] {
  const read = numberedFiles(folder, side, '.pb').map(file => {
    const path = join(folder, file);
    const index = Number(/\d+/.exec(file)?.[0]);
    const { name, value } = inFile(path, () =>
      decodeCaseProto(readFileSync(path), infos[index]?.kind ?? 'tensor'),
    );
    return { index, label: name, value };
  });
  return nameByIndex(read, infos, folder);
}

function readNpySide(
  folder: string,
  side: 'input' | 'output',
  infos: readonly ValueInfo[],
): readonly NamedValue[] {
  const read = numberedFiles(folder, side, '.npy').map(file => {
    const path = join(folder, file);
    const value = tensorValue(inFile(path, () => decodeNpy(readFileSync(path))));
    return { index: Number(/\d+/.exec(file)?.[0]), label: '', value };
  });
  return nameByIndex(read, infos, folder);
}

/** The arrays of an .npz file by name. */
function readNpz(path: string): ReadonlyMap<string, TensorData> {
  return inFile(path, () => {
    const arrays = listZip(path)
      .filter(({ name }) => name.endsWith('.npy'))
      .map(entry => [entry.name.slice(0, -4), decodeNpy(readZipEntry(path, entry))] as const);
    return new Map(arrays);
  });
}

function pick(arrays: ReadonlyMap<string, TensorData>, infos: readonly ValueInfo[]): readonly NamedValue[] {
  return infos.flatMap(({ name }) => {
    const tensor = arrays.get(name);
    return tensor === undefined ? [] : [{ name, value: tensorValue(tensor) }];
  });
}

function readJson(path: string): Readonly<Record<string, unknown>> {
  const parsed: unknown = inFile(
    path,
    () => JSON.parse(readFileSync(path, 'utf8')),
    'A case is {"inputs": {...}, "outputs": {...}}.',
  );
  if (!isJsonObject(parsed))
    throw unusable(path, 'is no JSON object', 'A case is {"inputs": {...}, "outputs": {...}}.');
  return parsed;
}

function jsonSide(
  path: string,
  values: unknown,
  key: 'inputs' | 'outputs',
  infos: readonly ValueInfo[],
  symbols: Map<string, SymbolSize>,
): readonly NamedValue[] {
  if (values === undefined) return [];
  if (!isJsonObject(values))
    throw unusable(path, `"${key}" is no object`, 'A case is {"inputs": {...}, "outputs": {...}}.');
  const byName = new Map(infos.map(info => [info.name, info]));
  return Object.entries(values).map(([name, json]) => {
    const info = byName.get(name);
    if (info === undefined)
      throw unusable(
        path,
        `${key} has ${JSON.stringify(name)}, which the model has not`,
        `It has ${infos.map(known => JSON.stringify(known.name)).join(', ')}.`,
      );
    const value = inFile(
      path,
      () => tensorValue(tensorOfJson(json, info, `${key}.${name}`, symbols)),
      'Arrays are nested as the shape says; see `quickserveml schema`.',
    );
    return { name, value };
  });
}

/** Every named value must be of the model, and every input without a default must be there. */
function checkNames(test: TestCase, model: ModelInterface): TestCase {
  const given = new Set(test.inputs.map(({ name }) => name));
  const missing = model.inputs.filter(({ name, kind }) => kind !== 'optional' && !given.has(name));
  if (missing.length === 0) return test;
  throw unusable(
    test.name,
    `the case has no value for ${missing.map(({ name }) => JSON.stringify(name)).join(', ')}`,
    'Every input needs one: an array of its name (.npz, .json, .csv), or input_<i>.pb in the order of the inputs.',
  );
}

function readFolder(folder: string, model: ModelInterface): TestCase | null {
  const name = basename(folder);
  const files = new Set(readdirSync(folder));
  const tolerances = files.has('tolerance.json')
    ? parseTolerances(readJson(join(folder, 'tolerance.json')), join(folder, 'tolerance.json'))
    : {};
  const sides = (
    read: (side: 'input' | 'output', infos: readonly ValueInfo[]) => readonly NamedValue[],
    storage: CaseStorage,
  ): TestCase => ({
    name,
    inputs: read('input', allInputs(model)),
    expected: read('output', model.outputs),
    tolerances,
    storage,
  });
  if (numberedFiles(folder, 'input', '.pb').length > 0) {
    return sides((side, infos) => readProtobufSide(folder, side, infos), { kind: 'protobuf', folder });
  }
  if (numberedFiles(folder, 'input', '.npy').length > 0) {
    return sides((side, infos) => readNpySide(folder, side, infos), { kind: 'npy', folder });
  }
  for (const kind of ['npz', 'json'] as const) {
    if (!files.has(`inputs.${kind}`)) continue;
    const storage = {
      kind,
      inputs: join(folder, `inputs.${kind}`),
      outputs: join(folder, `outputs.${kind}`),
    };
    const symbols = new Map<string, SymbolSize>();
    return sides((side, infos) => {
      const path = side === 'input' ? storage.inputs : storage.outputs;
      if (!existsSync(path)) return [];
      return kind === 'npz'
        ? pick(readNpz(path), infos)
        : jsonSide(path, readJson(path), side === 'input' ? 'inputs' : 'outputs', infos, symbols);
    }, storage);
  }
  // A model without inputs has nothing but outputs.
  if (model.inputs.length === 0 && numberedFiles(folder, 'output', '.pb').length > 0) {
    return sides((side, infos) => readProtobufSide(folder, side, infos), { kind: 'protobuf', folder });
  }
  return null;
}

function readCaseFile(path: string, model: ModelInterface): TestCase | null {
  const name = basename(path);
  switch (extname(path)) {
    case '.npz': {
      const arrays = readNpz(path);
      const storage = { kind: 'npz', inputs: path, outputs: path } as const;
      return {
        name,
        inputs: pick(arrays, allInputs(model)),
        expected: pick(arrays, model.outputs),
        tolerances: {},
        storage,
      };
    }
    case '.json': {
      const json = readJson(path);
      if (!Object.hasOwn(json, 'inputs') || Object.hasOwn(json, 'contractVersion')) return null;
      const symbols = new Map<string, SymbolSize>();
      return {
        name,
        inputs: jsonSide(path, json['inputs'], 'inputs', allInputs(model), symbols),
        expected: jsonSide(path, json['outputs'], 'outputs', model.outputs, symbols),
        tolerances: json['tolerance'] === undefined ? {} : parseTolerances(json['tolerance'], path),
        storage: { kind: 'json', inputs: path, outputs: path },
      };
    }
    case '.csv':
      return readCsvCase(path, name, model);
    default:
      return null;
  }
}

function readCsvCase(path: string, name: string, model: ModelInterface): TestCase {
  return inFile(
    path,
    () => {
      const [header, ...records] = parseCsv(readFileSync(path, 'utf8'));
      if (header === undefined || records.length === 0) throw new RangeError('has no records');
      const side = (infos: readonly ValueInfo[]): readonly NamedValue[] =>
        infos.flatMap(info => {
          const group = findColumns(header, info);
          return group === null
            ? []
            : [{ name: info.name, value: tensorValue(stackColumns(group, records, 0)) }];
        });
      const storage = { kind: 'csv', path } as const;
      return { name, inputs: side(allInputs(model)), expected: side(model.outputs), tolerances: {}, storage };
    },
    'Columns are called like inputs and outputs: `x`, or `x[0]`, `x[1]`, ... for the elements of one row.',
  );
}

/** Where cases are: what was named, or the folder of a model, in which `test_data_set_*` are cases and nothing else is. */
export interface CasePlace {
  readonly path: string;
  readonly besideModel: boolean;
}

const ONNX_CASE = /^test_data_set_\d+$/;

/** The place beside a model file where ONNX's own layout has its cases; null: there are none. */
export function casesBeside(modelFile: string): CasePlace | null {
  const path = dirname(modelFile);
  const found = existsSync(path) && readdirSync(path).some(name => ONNX_CASE.test(name));
  return found ? { path, besideModel: true } : null;
}

/**
 * Reads the cases in a folder: folders in ONNX's layout (`test_data_set_0/input_0.pb`), folders with `input_0.npy`,
 * `inputs.npz` or `inputs.json`, and files `*.npz`, `*.json`, `*.csv` that hold inputs and outputs by name. The path
 * may also be one such folder or file. Read one after the other: a case is in memory only while it is used.
 * @throws QuickServeError CASES_NOT_FOUND, CASE_INVALID.
 */
export function* readCases(place: string | CasePlace, model: ModelInterface): Generator<TestCase> {
  const { path, besideModel } = typeof place === 'string' ? { path: place, besideModel: false } : place;
  const information = statSync(path, { throwIfNoEntry: false });
  if (information === undefined) {
    throw missingCases(path);
  }
  let count = 0;
  const readWhole = information.isDirectory() ? readFolder : readCaseFile;
  const whole = besideModel ? null : readWhole(path, model);
  if (whole !== null) {
    yield checkNames(whole, model);
    return;
  }
  if (information.isDirectory()) {
    const collator = new Intl.Collator('en', { numeric: true });
    const entries = readdirSync(path, { withFileTypes: true }).sort((a, b) =>
      collator.compare(a.name, b.name),
    );
    for (const entry of entries) {
      if (entry.name.startsWith('.') || (besideModel && !ONNX_CASE.test(entry.name))) continue;
      const inner = join(path, entry.name);
      const isFolder = statSync(inner, { throwIfNoEntry: false })?.isDirectory() === true;
      const found = isFolder ? readFolder(inner, model) : readCaseFile(inner, model);
      if (found === null) continue;
      count += 1;
      yield checkNames(found, model);
    }
  }
  if (count === 0) {
    throw new QuickServeError({
      code: 'CASES_NOT_FOUND',
      message: `${path} has no test cases.`,
      hint: 'Cases are folders such as test_data_set_0 with input_0.pb and output_0.pb, or .npz, .json and .csv files.',
    });
  }
}
