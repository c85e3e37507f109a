import type { Dtype } from '../model/inspection.ts';
import { elementFacts } from '../shared/element-types.ts';
import { isJsonObject } from '../shared/json-object.ts';
import { unusable } from './case-error.ts';

/** Two numbers are close where |actual - expected| <= absolute + relative * |expected|, as numpy.allclose has it. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** By output name; `*` is for all others. What is not given is the dtype's own. */
export type OutputTolerances = Readonly<Record<string, Partial<Tolerance>>>;

export const EXACT: Tolerance = { absolute: 0, relative: 0 };

/**
 * What a right implementation may differ by. float32: the relative tolerance of ONNX's backend tests (1e-3), with an
 * absolute one for sums that cancel; others in proportion to their precision.
 */
export function defaultTolerance(dtype: Dtype): Tolerance {
  switch (dtype) {
    case 'float64':
    case 'complex128':
      return { absolute: 1e-9, relative: 1e-6 };
    case 'float32':
    case 'complex64':
      return { absolute: 1e-5, relative: 1e-3 };
    case 'float16':
      return { absolute: 1e-3, relative: 1e-2 };
    case 'bfloat16':
      return { absolute: 1e-2, relative: 2e-2 };
    default:
      return elementFacts(dtype).kind === 'float' ? { absolute: 0.05, relative: 0.15 } : EXACT;
  }
}

const ownValue = (layer: OutputTolerances, key: string): Partial<Tolerance> | undefined =>
  Object.hasOwn(layer, key) ? layer[key] : undefined;

/** The dtype's own tolerance with each layer on top: what it says of all outputs, then of this one. */
export function toleranceFor(
  output: string,
  dtype: Dtype,
  ...layers: readonly OutputTolerances[]
): Tolerance {
  const found = [
    defaultTolerance(dtype),
    ...layers.flatMap(layer => [ownValue(layer, '*'), ownValue(layer, output)]),
  ];
  return Object.assign({}, ...found) as Tolerance;
}

/** `{"scores": {"absolute": 1e-4}, "*": {"relative": 0.01}}` @throws QuickServeError CASE_INVALID naming the file. */
export function parseTolerances(value: unknown, file: string): OutputTolerances {
  const hint = 'Tolerances are {"<output or *>": {"absolute": 1e-5, "relative": 1e-3}}.';
  if (!isJsonObject(value)) throw unusable(file, 'its tolerances are no object', hint);
  return Object.fromEntries(
    Object.entries(value).map(([output, given]) => {
      if (!isJsonObject(given))
        throw unusable(file, `the tolerance of ${JSON.stringify(output)} is no object`, hint);
      for (const [name, number] of Object.entries(given)) {
        const known = name === 'absolute' || name === 'relative';
        if (!known || typeof number !== 'number' || !(number >= 0)) {
          throw unusable(
            file,
            `the tolerance of ${JSON.stringify(output)} has ${JSON.stringify(name)}: ${JSON.stringify(number)}`,
            hint,
          );
        }
      }
      return [output, given as Partial<Tolerance>];
    }),
  );
}
