import type { Inspection } from '../model/inspection.ts';
import type { MetricUnit } from '../regression/verdict.ts';

/** One count or size that base and candidate differ in; null: that side has none. */
export interface StructureChange {
  readonly kind: 'size' | 'operator' | 'weights' | 'opset';
  /** Raw: names of operators and domains come from the model. */
  readonly name: string;
  readonly base: number | null;
  readonly candidate: number | null;
  readonly unit: MetricUnit;
}

function dictionaryChanges(
  kind: StructureChange['kind'],
  unit: MetricUnit,
  base: Readonly<Record<string, number>>,
  candidate: Readonly<Record<string, number>>,
): readonly StructureChange[] {
  const names = [...new Set([...Object.keys(base), ...Object.keys(candidate)])];
  const read = (from: Readonly<Record<string, number>>, name: string): number | null =>
    Object.hasOwn(from, name) ? (from[name] ?? null) : null;
  return names
    .map(name => ({ kind, name, base: read(base, name), candidate: read(candidate, name), unit }))
    .filter(change => change.base !== change.candidate)
    .toSorted((a, b) => distance(b) - distance(a) || (a.name < b.name ? -1 : 1));
}

const distance = ({ base, candidate }: StructureChange): number => Math.abs((candidate ?? 0) - (base ?? 0));

/**
 * What the candidate's graph and weights have more or less of than the base's, beside what is a metric already; empty where
 * both are alike or one is missing.
 */
export function structureChanges(
  base: Inspection | null,
  candidate: Inspection | null,
): readonly StructureChange[] {
  if (base === null || candidate === null) return [];
  const size = (name: string, unit: MetricUnit, read: (of: Inspection) => number): StructureChange => ({
    kind: 'size',
    name,
    base: read(base),
    candidate: read(candidate),
    unit,
  });
  const sizes = [
    size('initializers', 'count', ({ initializerCount }) => initializerCount),
    size('nodes in subgraphs', 'count', ({ subgraphNodeCount }) => subgraphNodeCount),
    size('functions', 'count', ({ functionCount }) => functionCount),
  ].filter(change => change.base !== change.candidate);
  return [
    ...sizes,
    ...dictionaryChanges('operator', 'count', base.operators, candidate.operators),
    ...dictionaryChanges('weights', 'bytes', base.initializerBytes, candidate.initializerBytes),
    ...dictionaryChanges('opset', 'count', base.opsets, candidate.opsets),
  ];
}
