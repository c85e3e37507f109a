import type { CaseValue, NamedValue } from './case-value.ts';
import type { OutputOutcome } from './cases-report.ts';
import { compareTensors } from './tensor-comparison.ts';
import { type OutputTolerances, toleranceFor } from './tolerance.ts';

const describe = (value: CaseValue): string => {
  switch (value.kind) {
    case 'tensor':
      return `a tensor ${value.tensor.dtype}[${value.tensor.shape.join(', ')}]`;
    case 'sequence':
      return `a sequence of ${value.elements.length}`;
    case 'map':
      return `a map of ${value.entries.length}`;
    case 'absent':
      return 'no value';
  }
};

/**
 * Compares two values of any structure. A sequence is compared element by element, each an outcome of its own:
 * `scores[1]`; a map by key: `scores["cat"]`.
 */
export function compareValues(
  output: string,
  expected: CaseValue,
  actual: CaseValue,
  tolerances: readonly OutputTolerances[],
  path = output,
): readonly OutputOutcome[] {
  const mismatch = (reason: string): readonly OutputOutcome[] => [{ kind: 'mismatch', output: path, reason }];
  if (expected.kind === 'tensor' && actual.kind === 'tensor') {
    const tolerance = toleranceFor(output, expected.tensor.dtype, ...tolerances);
    const comparison = compareTensors(expected.tensor, actual.tensor, tolerance);
    if (comparison.kind === 'mismatch') return mismatch(comparison.reason);
    return [{ kind: comparison.kind, output: path, tolerance, statistics: comparison.statistics }];
  }
  if (expected.kind === 'absent' && actual.kind === 'absent') return [];
  if (expected.kind === 'sequence' && actual.kind === 'sequence') {
    if (expected.elements.length !== actual.elements.length) {
      return mismatch(`expected ${describe(expected)}, got ${describe(actual)}`);
    }
    return expected.elements.flatMap((element, index) =>
      compareValues(
        output,
        element,
        actual.elements[index] ?? { kind: 'absent' },
        tolerances,
        `${path}[${index}]`,
      ),
    );
  }
  if (expected.kind === 'map' && actual.kind === 'map') {
    const got = new Map(actual.entries);
    const extra = actual.entries.filter(([key]) => !expected.entries.some(([known]) => known === key));
    if (extra.length > 0)
      return mismatch(
        `has keys that were not expected: ${extra.map(([key]) => JSON.stringify(key)).join(', ')}`,
      );
    return expected.entries.flatMap(([key, value]) =>
      compareValues(
        output,
        value,
        got.get(key) ?? { kind: 'absent' },
        tolerances,
        `${path}[${JSON.stringify(key)}]`,
      ),
    );
  }
  return mismatch(`expected ${describe(expected)}, got ${describe(actual)}`);
}

/** Compares all expected outputs of a case with what the model gave. */
export function compareOutputs(
  expected: readonly NamedValue[],
  actual: readonly NamedValue[],
  tolerances: readonly OutputTolerances[],
): readonly OutputOutcome[] {
  const byName = new Map(actual.map(({ name, value }) => [name, value]));
  return expected.flatMap(({ name, value }): readonly OutputOutcome[] => {
    const got = byName.get(name);
    return got === undefined
      ? [{ kind: 'mismatch', output: name, reason: 'the model gave no such output' }]
      : compareValues(name, value, got, tolerances);
  });
}
