import type { ModelRunner, NamedTensor, TensorData } from '../../../src/cases/case-value.ts';
import type { Dtype } from '../../../src/model/inspection.ts';
import { bytesOfElements, elementsOf } from '../../../src/shared/tensor-bytes.ts';

export const numbers = (
  dtype: Dtype,
  shape: readonly number[],
  values: readonly (number | bigint)[],
): TensorData => ({
  dtype,
  shape,
  data: bytesOfElements(dtype, values),
});

export const named = (name: string, tensor: TensorData): NamedTensor => ({ name, ...tensor });

/** A model that hands its input back as scores. */
export function echo(
  calls: number[] = [],
  change: (value: number, rows: number) => number = value => value,
): ModelRunner {
  const run = async ([feed]: readonly NamedTensor[]): Promise<readonly NamedTensor[]> => {
    calls.push(feed?.shape[0] ?? 0);
    const values = elementsOf(
      'float32',
      feed?.data as Uint8Array,
      (feed?.shape ?? []).reduce((a, b) => a * b, 1),
    );
    return [
      named(
        'y',
        numbers(
          'float32',
          feed?.shape ?? [],
          Array.from(values as Float32Array, value => change(value, feed?.shape[0] ?? 0)),
        ),
      ),
    ];
  };
  return { run, runMany: sets => Promise.all(sets.map(run)) };
}
