import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import type { ValueInfo } from '../model/inspection.ts';
import { isJsonObject } from '../shared/json-object.ts';
import type { SymbolSize } from '../shared/nested-array.ts';
import type { NamedTensor, TensorData } from './case-value.ts';
import { type Dataset, type DatasetChunk, inDataset, LABEL_NAMES, type Labels } from './dataset.ts';
import { tensorOfJson } from './json-tensor.ts';

interface Row {
  readonly inputs: readonly TensorData[];
  readonly label: unknown;
}

/** Rows of one input as one tensor with a dimension in front. @throws RangeError where they differ in size. */
export function stackRows(info: Pick<ValueInfo, 'name' | 'dtype'>, rows: readonly TensorData[]): NamedTensor {
  const { name, dtype } = info;
  const [first] = rows;
  const rowShape = first?.shape ?? [];
  const odd = rows.findIndex(
    ({ shape }) => shape.length !== rowShape.length || shape.some((size, axis) => size !== rowShape[axis]),
  );
  if (odd >= 0)
    throw new RangeError(
      `${JSON.stringify(name)} has rows of different sizes: [${rowShape.join(', ')}] and [${rows[odd]?.shape.join(', ')}]`,
    );
  const shape = [rows.length, ...rowShape];
  if (dtype === 'string')
    return {
      name,
      dtype,
      shape,
      data: rows.flatMap(({ data }) => (data instanceof Uint8Array ? [] : [...data])),
    };
  return {
    name,
    dtype,
    shape,
    data: Buffer.concat(rows.flatMap(({ data }) => (data instanceof Uint8Array ? [data] : []))),
  };
}

function labelsOfJson(values: readonly unknown[], firstRow: number): Labels {
  const [first] = values;
  const wrong = (index: number): RangeError =>
    new RangeError(
      `row ${firstRow + index + 1}: the label ${JSON.stringify(values[index])} is not of the same kind as the first`,
    );
  if (typeof first === 'string') {
    const odd = values.findIndex(value => typeof value !== 'string');
    if (odd >= 0) throw wrong(odd);
    return { kind: 'names', values: values.map(String) };
  }
  const width = Array.isArray(first) ? first.length : 1;
  const numbers: number[] = [];
  for (const [index, value] of values.entries()) {
    const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const part of parts) {
      if (
        parts.length !== width ||
        !(typeof part === 'boolean' || (typeof part === 'number' && Number.isFinite(part)))
      )
        throw wrong(index);
      numbers.push(Number(part));
    }
  }
  return {
    kind: 'numbers',
    values: Float64Array.from(numbers),
    width,
    whole: numbers.every(Number.isInteger),
  };
}

/** Reads JSON lines: `{"inputs": {"x": [...]}, "label": 3}`, or `{"x": [...], "label": 3}`; every row without a batch dimension. */
export function openJsonLinesDataset(
  path: string,
  inputs: readonly ValueInfo[],
  labelName: string | null,
): Dataset {
  const rowTypes = inputs.map(info => ({
    info,
    type: { dtype: info.dtype, shape: info.shape?.slice(1) ?? null },
  }));

  const parse = (line: string): Row => {
    const parsed: unknown = JSON.parse(line);
    if (!isJsonObject(parsed)) throw new RangeError('is no object');
    const values = isJsonObject(parsed['inputs']) ? parsed['inputs'] : parsed;
    const label = (labelName === null ? LABEL_NAMES : [labelName]).find(name => Object.hasOwn(parsed, name));
    if (label === undefined) throw new RangeError(`has no label ${JSON.stringify(labelName ?? LABEL_NAMES)}`);
    const tensors = rowTypes.map(({ info, type }) => {
      if (!Object.hasOwn(values, info.name)) throw new RangeError(`has no ${JSON.stringify(info.name)}`);
      return tensorOfJson(values[info.name], type, info.name, new Map<string, SymbolSize>());
    });
    return { inputs: tensors, label: parsed[label] };
  };

  async function* chunks(rowsPerChunk: number): AsyncGenerator<DatasetChunk> {
    const stream = createReadStream(path, { encoding: 'utf8', highWaterMark: 262_144 });
    let done = 0;
    let waiting: Row[] = [];
    const chunkOf = (rows: readonly Row[]): DatasetChunk => {
      const tensors = inputs.map((info, place) =>
        stackRows(
          info,
          rows.flatMap(row => row.inputs[place] ?? []),
        ),
      );
      const labels = labelsOfJson(
        rows.map(({ label }) => label),
        done,
      );
      done += rows.length;
      return { rows: rows.length, inputs: tensors, labels };
    };
    let lineNumber = 0;
    try {
      for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
        lineNumber += 1;
        if (line.trim() === '') continue;
        try {
          waiting.push(parse(line));
        } catch (error) {
          throw new RangeError(`line ${lineNumber}: ${error instanceof Error ? error.message : error}`);
        }
        if (waiting.length < rowsPerChunk) continue;
        yield chunkOf(waiting);
        waiting = [];
      }
      if (waiting.length > 0) yield chunkOf(waiting);
    } catch (error) {
      throw inDataset(path, error);
    } finally {
      stream.destroy();
    }
  }
  return { name: basename(path), rows: null, chunks };
}
