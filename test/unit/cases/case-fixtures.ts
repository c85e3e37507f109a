import type { AccuracyPlan } from '../../../src/cases/accuracy.ts';
import type { AccuracyMetric } from '../../../src/cases/accuracy-metrics.ts';
import type { ModelRunner, NamedTensor, TensorData } from '../../../src/cases/case-value.ts';
import type { Dataset } from '../../../src/cases/dataset.ts';
import type { Dtype } from '../../../src/model/inspection.ts';
import { bytesOfElements, elementsOf } from '../../../src/shared/tensor-bytes.ts';
import { tensor } from '../contract/payload-fixtures.ts';

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

/** Rows of numbers, labelled by class in turn. */
export function datasetOf(rows: number, width = 2): Dataset {
  const values = Array.from({ length: rows * width }, (_, index) => ((index * 7) % 11) / 11);
  return {
    name: 'made up',
    rows,
    async *chunks(size) {
      for (let from = 0; from < rows; from += size) {
        const count = Math.min(size, rows - from);
        yield {
          rows: count,
          inputs: [
            named(
              'x',
              numbers('float32', [count, width], values.slice(from * width, (from + count) * width)),
            ),
          ],
          labels: {
            kind: 'numbers',
            values: Float64Array.from({ length: count }, (_, row) => (from + row) % width),
            width: 1,
            whole: true,
          },
        };
      }
    },
  };
}

export const planOf = (
  metric: AccuracyMetric,
  policy = {},
  extra: Partial<AccuracyPlan> = {},
): AccuracyPlan => ({
  metrics: [{ metric, policy: { min: null, maxDrop: null, ...policy } }],
  average: 'macro',
  output: null,
  classes: null,
  batch: 4,
  seed: 1,
  alpha: 0.01,
  ...extra,
});

/** The one output, by its shape. */
export const y = (shape: (number | string | null)[]) => [tensor('y', 'float32', shape)];
