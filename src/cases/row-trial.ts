import { elementFacts } from '../shared/element-types.ts';
import type { NamedTensor, TensorData } from './case-value.ts';
import { compareTensors } from './tensor-comparison.ts';
import { EXACT } from './tolerance.ts';

/** Of an output's largest value: kernels add up in another order for another number of rows. */
const LARGEST_SHARE = 1e-3;

function agrees(together: TensorData, alone: TensorData): boolean {
  const comparison = compareTensors(alone, together, EXACT);
  if (comparison.kind !== 'different') return comparison.kind === 'close';
  const { specials, scale, largestAbsolute } = comparison.statistics;
  return (
    elementFacts(alone.dtype).kind === 'float' &&
    specials === 0 &&
    (largestAbsolute?.value ?? 0) <= LARGEST_SHARE * scale
  );
}

/**
 * Why rows may not run together: an open first dimension can also be time, or be normalised over, and then a row gets
 * something else beside others than alone, without an error.
 * @param together outputs of a row that ran beside others
 * @param alone its outputs where it ran by itself, of the same shapes
 * @returns null: they agree.
 */
export function rowDependence(
  together: readonly NamedTensor[],
  alone: readonly NamedTensor[],
): string | null {
  const differs = alone.find(output => {
    const twin = together.find(({ name }) => name === output.name);
    return twin === undefined || !agrees(twin, output);
  });
  return differs === undefined
    ? null
    : `the output ${JSON.stringify(differs.name)} of a row depends on the rows beside it`;
}
