import { basename } from 'node:path';
import type { ValueInfo } from '../model/inspection.ts';
import { elementCount, elementFacts } from '../shared/element-types.ts';
import { elementsOf } from '../shared/tensor-bytes.ts';
import type { TensorData } from './case-value.ts';
import {
  type Dataset,
  type DatasetChunk,
  datasetError,
  inDataset,
  LABEL_NAMES,
  type Labels,
} from './dataset.ts';
import { NPY_PREFIX_BYTES, type NpyHeader, npyElements, npyHeaderBytes, parseNpyHeader } from './npy.ts';
import { listZip, streamZipEntry, type ZipEntry } from './zip.ts';

/** Takes exact numbers of bytes from a stream of pieces. */
class ByteFeed {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** @throws RangeError where the stream ends before. */
  async take(length: number): Promise<Uint8Array> {
    if (this.#rest.length >= length) {
      const part = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      return part;
    }
    const whole = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (this.#rest.length === 0) {
        const next = await this.#pieces.next();
        if (next.done === true) throw new RangeError('ends before its last row');
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, length - filled);
      whole.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return whole;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}

export interface NpzArray {
  readonly name: string;
  readonly entry: ZipEntry;
  readonly header: NpyHeader;
}

async function openFeed(
  path: string,
  entry: ZipEntry,
): Promise<{ readonly feed: ByteFeed; readonly header: NpyHeader }> {
  const feed = new ByteFeed(streamZipEntry(path, entry));
  const prefix = await feed.take(Math.min(NPY_PREFIX_BYTES, entry.sizeBytes));
  const rest = await feed.take(npyHeaderBytes(prefix) - prefix.length);
  return { feed, header: parseNpyHeader(Buffer.concat([prefix, rest])) };
}

async function readArray(path: string, entry: ZipEntry): Promise<NpzArray> {
  const { feed, header } = await openFeed(path, entry);
  await feed.close();
  const name = entry.name.replace(/\.npy$/, '');
  if (header.fortranOrder)
    throw new RangeError(
      `the array "${name}" is stored column by column: save it with numpy.ascontiguousarray`,
    );
  return { name, entry, header };
}

/** Numbers of a label array, or its texts. */
export function labelsOf(tensor: TensorData): Labels {
  if (!(tensor.data instanceof Uint8Array)) return { kind: 'names', values: tensor.data };
  const { kind } = elementFacts(tensor.dtype);
  const elements = elementsOf(tensor.dtype, tensor.data, elementCount(tensor.shape));
  const values = Float64Array.from({ length: elements.length }, (_, index) => Number(elements[index]));
  return {
    kind: 'numbers',
    values,
    width: elementCount(tensor.shape.slice(1)),
    whole: kind === 'integer' || kind === 'bool',
  };
}

const listed = (names: readonly string[]): string => names.map(name => JSON.stringify(name)).join(', ');

/** The array of an input: of its name, or the only one besides the labels. */
function arrayFor(
  info: ValueInfo,
  arrays: readonly NpzArray[],
  label: NpzArray | undefined,
  inputs: number,
): NpzArray {
  const named = arrays.find(({ name }) => name === info.name);
  const others = arrays.filter(array => array !== label);
  const [other] = others;
  const found = named ?? (inputs === 1 && others.length === 1 ? other : undefined);
  if (found === undefined) {
    throw datasetError(
      `There is no array for the input ${JSON.stringify(info.name)}; there are ${listed(arrays.map(({ name }) => name))}.`,
    );
  }
  if (found.header.dtype !== info.dtype) {
    throw datasetError(
      `The array ${JSON.stringify(found.name)} is of ${found.header.dtype}, the input ${JSON.stringify(info.name)} wants ${info.dtype}: save it with .astype().`,
    );
  }
  return found;
}

/** The arrays of an .npz file, without their elements. */
async function listArrays(path: string): Promise<readonly NpzArray[]> {
  const arrays: NpzArray[] = [];
  for (const entry of listZip(path).filter(({ name }) => name.endsWith('.npy')))
    arrays.push(await readArray(path, entry));
  return arrays;
}

/** Some rows of several arrays, in their order: compressed or not, each through a stream of its own. */
async function* stackedRows(
  path: string,
  arrays: readonly NpzArray[],
  rows: number,
  rowsPerChunk: number,
): AsyncGenerator<{ readonly rows: number; readonly tensors: readonly TensorData[] }> {
  const feeds: ByteFeed[] = [];
  try {
    const readers: ((count: number) => Promise<TensorData>)[] = [];
    for (const array of arrays) {
      const { feed, header } = await openFeed(path, array.entry);
      feeds.push(feed);
      const rowBytes = elementCount(header.shape.slice(1)) * header.itemBytes;
      readers.push(async count =>
        npyElements(header, await feed.take(rowBytes * count), [count, ...header.shape.slice(1)]),
      );
    }
    for (let done = 0; done < rows; done += rowsPerChunk) {
      const count = Math.min(rowsPerChunk, rows - done);
      const tensors: TensorData[] = [];
      for (const read of readers) tensors.push(await read(count));
      yield { rows: count, tensors };
    }
  } catch (error) {
    throw inDataset(path, error);
  } finally {
    for (const feed of feeds) await feed.close();
  }
}

/** Rows of the inputs alone, for data without labels. @throws QuickServeError DATASET_INVALID. */
export async function openNpzRows(
  path: string,
  inputs: readonly ValueInfo[],
): Promise<{
  readonly rows: number;
  readonly chunks: (
    rowsPerChunk: number,
  ) => AsyncIterable<{ readonly rows: number; readonly tensors: readonly TensorData[] }>;
}> {
  const arrays = await listArrays(path);
  const label = arrays.find(({ name }) => LABEL_NAMES.includes(name));
  const wanted = inputs.map(info => arrayFor(info, arrays, label, inputs.length));
  const rows = wanted[0]?.header.shape[0] ?? 0;
  const odd = wanted.find(({ header }) => header.shape[0] !== rows);
  if (odd !== undefined)
    throw datasetError(
      `The array ${JSON.stringify(odd.name)} has ${odd.header.shape[0]} rows, ${JSON.stringify(wanted[0]?.name)} has ${rows}.`,
    );
  return { rows, chunks: rowsPerChunk => stackedRows(path, wanted, rows, rowsPerChunk) };
}

/** Reads .npz row by row. */
export async function openNpzDataset(
  path: string,
  inputs: readonly ValueInfo[],
  labelName: string | null,
): Promise<Dataset> {
  const arrays = await listArrays(path);
  const label = arrays.find(({ name }) =>
    labelName === null ? LABEL_NAMES.includes(name) : name === labelName,
  );
  if (label === undefined) {
    throw datasetError(
      `${basename(path)} has no array of labels ${labelName === null ? `(${listed(LABEL_NAMES)})` : listed([labelName])}; it has ${listed(arrays.map(({ name }) => name))}.`,
    );
  }
  const wanted = inputs.map(info => ({ info, array: arrayFor(info, arrays, label, inputs.length) }));
  const rows = label.header.shape[0] ?? 0;
  for (const { array } of wanted) {
    if (array.header.shape[0] !== rows)
      throw datasetError(
        `The array ${JSON.stringify(array.name)} has ${array.header.shape[0]} rows, the labels have ${rows}.`,
      );
  }

  async function* chunks(rowsPerChunk: number): AsyncGenerator<DatasetChunk> {
    const all = [...wanted.map(({ array }) => array), label as NpzArray];
    for await (const chunk of stackedRows(path, all, rows, rowsPerChunk)) {
      const labels = chunk.tensors.at(-1);
      if (labels === undefined) return;
      const inputTensors = wanted.flatMap(({ info }, place) => {
        const tensor = chunk.tensors[place];
        return tensor === undefined ? [] : [{ name: info.name, ...tensor }];
      });
      yield { rows: chunk.rows, inputs: inputTensors, labels: labelsOf(labels) };
    }
  }
  return { name: basename(path), rows, chunks };
}
