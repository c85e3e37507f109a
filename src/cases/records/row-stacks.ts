import type { NamedTensor, TensorData } from '../case-value.ts';
import { stackRows } from '../dataset-json-lines.ts';

/** Each row of a tensor without its first dimension. @throws RangeError where that is not the number of rows. */
export function splitRows(tensor: TensorData, rows: number): readonly TensorData[] {
  const { dtype, shape, data } = tensor;
  if (shape[0] !== rows) throw new RangeError(`has ${shape[0] ?? 'no'} rows where ${rows} were given`);
  const size = data.length / rows;
  return Array.from({ length: rows }, (_, row) => ({
    dtype,
    shape: shape.slice(1),
    data:
      data instanceof Uint8Array
        ? data.subarray(row * size, (row + 1) * size)
        : data.slice(row * size, (row + 1) * size),
  }));
}

/** The inputs of a run from those of its rows. @throws RangeError where rows differ in size. */
export const stackRecords = (rows: readonly (readonly NamedTensor[])[]): readonly NamedTensor[] =>
  (rows[0] ?? []).map((info, place) =>
    stackRows(
      info,
      rows.flatMap(row => row[place] ?? []),
    ),
  );

/** The outputs of each row from those of a run; null where an output does not have a row for each. */
export function splitOutputs(
  outputs: readonly NamedTensor[],
  rows: number,
): readonly (readonly NamedTensor[])[] | null {
  if (outputs.some(({ shape }) => shape[0] !== rows)) return null;
  const columns = outputs.map(output => ({ name: output.name, rows: splitRows(output, rows) }));
  return Array.from({ length: rows }, (_, row) =>
    columns.flatMap(({ name, rows: parts }) => {
      const part = parts[row];
      return part === undefined ? [] : [{ name, ...part }];
    }),
  );
}

/** Two records can be in one run where their inputs have the same sizes. */
export const sameSizes = (one: readonly NamedTensor[], other: readonly NamedTensor[]): boolean =>
  one.every(({ shape }, place) => {
    const twin = other[place]?.shape;
    return twin?.length === shape.length && shape.every((size, axis) => size === twin[axis]);
  });
