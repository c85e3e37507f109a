import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { ValueInfo } from '../model/inspection.ts';
import { CsvSplitter } from './csv.ts';
import { type ColumnGroup, findColumns, stackColumns } from './csv-columns.ts';
import {
  type Dataset,
  type DatasetChunk,
  datasetError,
  inDataset,
  LABEL_NAMES,
  type Labels,
} from './dataset.ts';

/** The records of a CSV file, the header among them. */
export async function* csvRecords(path: string): AsyncGenerator<readonly string[]> {
  const splitter = new CsvSplitter();
  const stream = createReadStream(path, { encoding: 'utf8', highWaterMark: 262_144 });
  try {
    for await (const piece of stream) yield* splitter.push(String(piece));
    yield* splitter.end();
  } finally {
    stream.destroy();
  }
}

/** The columns of the inputs; `label` is -1 where there is none. Those of a single input may have any names, then all but the label count, in order. */
export function groupsOf(
  header: readonly string[],
  inputs: readonly ValueInfo[],
  label: number,
): readonly ColumnGroup[] {
  const [only] = inputs;
  if (inputs.length === 1 && only !== undefined && findColumns(header, only) === null) {
    const renamed = header.map((_, index) =>
      index === label ? '' : `${only.name}[${label >= 0 && index > label ? index - 1 : index}]`,
    );
    const group = findColumns(renamed, only);
    if (group !== null) return [group];
  }
  return inputs.map(info => {
    const group = findColumns(header, info);
    if (group === null)
      throw datasetError(
        `There are no columns for the input ${JSON.stringify(info.name)} (its name, or ${info.name}[0], ${info.name}[1], ...).`,
      );
    return group;
  });
}

/** Numbers where every text is one, else class names. */
export function labelsOfTexts(texts: readonly string[], asNames: boolean): Labels {
  if (asNames) return { kind: 'names', values: texts };
  const values = Float64Array.from(texts, text => (text.trim() === '' ? Number.NaN : Number(text)));
  return { kind: 'numbers', values, width: 1, whole: texts.every(text => /^\s*[+-]?\d+\s*$/.test(text)) };
}

/** Reads CSV record by record. */
export async function openCsvDataset(
  path: string,
  inputs: readonly ValueInfo[],
  labelName: string | null,
): Promise<Dataset> {
  const start = csvRecords(path);
  const header = await start.next();
  const first = await start.next();
  await start.return(undefined);
  if (header.done === true || first.done === true) throw datasetError(`${basename(path)} has no records.`);
  const names = header.value;
  const label = names.findIndex(name =>
    labelName === null ? LABEL_NAMES.includes(name) : name === labelName,
  );
  if (label < 0)
    throw datasetError(
      `${basename(path)} has no column of labels ${JSON.stringify(labelName ?? LABEL_NAMES)}.`,
    );
  const groups = groupsOf(names, inputs, label);
  // The first record decides for all, so that one odd record is an error and not another kind of label.
  const asNames = !Number.isFinite(Number(first.value[label])) || (first.value[label] ?? '').trim() === '';

  async function* chunks(rowsPerChunk: number): AsyncGenerator<DatasetChunk> {
    let done = 0;
    let waiting: (readonly string[])[] = [];
    const chunkOf = (rows: readonly (readonly string[])[]): DatasetChunk => {
      const chunk = {
        rows: rows.length,
        inputs: groups.map(group => ({ name: group.info.name, ...stackColumns(group, rows, done) })),
        labels: labelsOfTexts(
          rows.map(row => row[label] ?? ''),
          asNames,
        ),
      };
      const wrong =
        chunk.labels.kind === 'numbers'
          ? chunk.labels.values.findIndex(value => !Number.isFinite(value))
          : -1;
      if (wrong >= 0)
        throw new RangeError(
          `record ${done + wrong + 1}: the label ${JSON.stringify(rows[wrong]?.[label])} is no number`,
        );
      done += rows.length;
      return chunk;
    };
    try {
      let isHeader = true;
      for await (const record of csvRecords(path)) {
        if (isHeader) isHeader = false;
        else {
          if (record.length !== names.length)
            throw new RangeError(
              `record ${done + waiting.length + 1} has ${record.length} fields, the header has ${names.length}`,
            );
          waiting.push(record);
        }
        if (waiting.length < rowsPerChunk) continue;
        yield chunkOf(waiting);
        waiting = [];
      }
      if (waiting.length > 0) yield chunkOf(waiting);
    } catch (error) {
      throw inDataset(path, error);
    }
  }
  return { name: basename(path), rows: null, chunks };
}
