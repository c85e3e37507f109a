import type { Fingerprint } from '../../benchmark/measurement.ts';
import type { MeasurementRecord } from '../../registry/records.ts';
import type { HealthProblem } from '../../regression/health.ts';
import { onsetOf } from '../../regression/production.ts';
import { metricNoun } from '../../report/metric-words.ts';
import { type HistoryInputs, metricsWith } from '../check/history.ts';

/** What may differ between two measurements of one fingerprint, in words. */
const SURROUNDINGS: readonly (readonly [label: string, field: keyof Fingerprint])[] = [
  ['kernel', 'kernel'],
  ['Node.js', 'nodeVersion'],
  ['memory', 'memoryGiB'],
  ['governor', 'governor'],
];

interface Point {
  readonly createdAt: string;
  readonly version: string | null;
  readonly fingerprint: Fingerprint;
  readonly value: number;
}

function differences(before: Point, after: Point): string {
  const version =
    before.version === after.version
      ? []
      : [`version ${before.version ?? 'unknown'} → ${after.version ?? 'unknown'}`];
  const others = SURROUNDINGS.flatMap(([label, field]) => {
    const [from, to] = [before.fingerprint[field], after.fingerprint[field]];
    return from === to ? [] : [`${label} ${from ?? 'unknown'} → ${to ?? 'unknown'}`];
  });
  const all = [...version, ...others];
  return all.length === 0
    ? 'The version, the kernel and Node.js are the same before and after'
    : `What changed then: ${all.join(', ')}`;
}

const minute = (createdAt: string): string => `${createdAt.slice(0, 16).replace('T', ' ')} UTC`;

type OnsetRecord = Pick<
  MeasurementRecord,
  'createdAt' | 'version' | 'fingerprint' | 'metrics' | 'inputs' | 'furtherInputs'
>;

/**
 * Where the first metric that is worse came to its present level, by the change points of its history, and what was
 * different from then on. null: the history does not say.
 * @param now what was measured in this run
 * @param inputsOf which inputs a problem's measurements were made with
 */
export function describeOnset(
  problems: readonly HealthProblem[],
  records: readonly MeasurementRecord[],
  now: OnsetRecord,
  inputsOf: (workload: string | undefined) => HistoryInputs,
): string | null {
  const problem = problems.find(one => one.kind === 'worse');
  if (problem?.kind !== 'worse') return null;
  const inputs = inputsOf(problem.workload);
  const points = [...records, now].flatMap((record): Point[] => {
    const { createdAt, version, fingerprint } = record;
    const value = metricsWith(record, inputs)[problem.metric];
    return value === undefined || !(value > 0) ? [] : [{ createdAt, version, fingerprint, value }];
  });
  const first = onsetOf(
    points.map(({ value }) => value),
    problem.reference,
  );
  const [before, after] = first === null ? [] : [points[first - 1], points[first]];
  if (before === undefined || after === undefined) return null;
  return `The ${metricNoun(problem)} changed between ${minute(before.createdAt)} and ${minute(after.createdAt)}. ${differences(before, after)}.`;
}
