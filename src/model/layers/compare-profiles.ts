import { median } from '../../shared/quantile.ts';
import { type LayerMatch, matchLayers } from './match-layers.ts';
import type { ModelProfile, ProfiledLayer } from './model-profile.ts';

/** One process in which base and candidate ran in turns: a busy moment lengthened both. */
export interface ProfiledLaunch {
  readonly base: ModelProfile;
  readonly candidate: ModelProfile;
}

/** One layer of two profiles; a side that has no such layer is null. Milliseconds a run, medians over the launches. */
export interface ComparedLayer {
  readonly name: string;
  readonly operator: string;
  readonly baseMs: number | null;
  readonly candidateMs: number | null;
  /** So far the difference varied from launch to launch, or as little as the clock and layout can tell. */
  readonly noiseMs: number;
  readonly baseMacs: number | null;
  readonly candidateMacs: number | null;
}

export interface ComparedOperator {
  readonly operator: string;
  readonly baseCount: number;
  readonly candidateCount: number;
  readonly baseMs: number;
  readonly candidateMs: number;
}

export interface ProfileComparison {
  /** Largest change first. */
  readonly layers: readonly ComparedLayer[];
  /** Largest change first. */
  readonly operators: readonly ComparedOperator[];
}

/** The profiler's clock has whole microseconds. */
const CLOCK_STEP_MS = 0.001;
/** Layers of the same work differ by so much with where their weights lie in memory. */
const LAYOUT_SHARE = 0.02;
/** Of so many launches one may be disturbed without making a layer's difference doubtful. */
const LAUNCHES_BY_OUTLIER = 5;

/**
 * Compares base and candidate by layer and by operator, over launches that each ran both. Launches in which a model
 * took another way than in the first (a Loop with other iterations) are left out.
 * @param partnerOf the base's node of a candidate's node, by name.
 * @throws RangeError for no launches.
 */
export function compareProfiles(
  launches: readonly ProfiledLaunch[],
  partnerOf: ReadonlyMap<string, string>,
): ProfileComparison {
  const [first] = launches;
  if (first === undefined) throw new RangeError('no profiles');
  const alike = launches.filter(
    ({ base, candidate }) => hasLayersOf(base, first.base) && hasLayersOf(candidate, first.candidate),
  );
  const layers = matchLayers(first.base.layers, first.candidate.layers, partnerOf)
    .map(match => describe(match, alike, first))
    .sort((a, b) => changeOf(b) - changeOf(a));
  return { layers, operators: compareOperators(alike, first) };
}

const hasLayersOf = (one: ModelProfile, other: ModelProfile): boolean =>
  one.layers.length === other.layers.length &&
  one.layers.every(({ name }, index) => name === other.layers[index]?.name);

const changeOf = (row: { readonly baseMs: number | null; readonly candidateMs: number | null }): number =>
  Math.abs((row.candidateMs ?? 0) - (row.baseMs ?? 0));

type Durations = readonly number[] | null;

function describe(
  [base, candidate]: LayerMatch,
  launches: readonly ProfiledLaunch[],
  first: ProfiledLaunch,
): ComparedLayer {
  const durationsOf = (side: keyof ProfiledLaunch, position: number | null): Durations =>
    position === null ? null : launches.map(each => (each[side].layers[position]?.durationUs ?? 0) / 1000);
  const before = base === null ? undefined : first.base.layers[base];
  const after = candidate === null ? undefined : first.candidate.layers[candidate];
  const shown = after ?? before;
  const [baseTimes, candidateTimes] = [durationsOf('base', base), durationsOf('candidate', candidate)];
  return {
    // What people wrote, where the layer does a node of theirs.
    name: shown?.does[0] ?? shown?.name ?? '',
    // The blocked layout is the runtime's affair.
    operator: (shown?.operator ?? '').replace(/^com\.microsoft\.nchwc:/, ''),
    baseMs: baseTimes === null ? null : median(baseTimes),
    candidateMs: candidateTimes === null ? null : median(candidateTimes),
    noiseMs: Math.max(
      variation(baseTimes, candidateTimes),
      leastNoise(before, baseTimes, after, candidateTimes),
    ),
    baseMacs: before?.macs ?? null,
    candidateMacs: after?.macs ?? null,
  };
}

/** The largest deviation of a launch's difference from the typical one, but for one launch of five. */
function variation(base: Durations, candidate: Durations): number {
  const count = (candidate ?? base)?.length ?? 0;
  const typical = (candidate === null ? 0 : median(candidate)) - (base === null ? 0 : median(base));
  const deviations = Array.from({ length: count }, (_, launch) =>
    Math.abs((candidate?.[launch] ?? 0) - (base?.[launch] ?? 0) - typical),
  ).sort((one, other) => one - other);
  return deviations[count - 1 - Math.floor(count / LAUNCHES_BY_OUTLIER)] ?? 0;
}

function leastNoise(
  before: ProfiledLayer | undefined,
  base: Durations,
  after: ProfiledLayer | undefined,
  candidate: Durations,
): number {
  const calls = Math.max(before?.calls ?? 0, after?.calls ?? 0);
  const shorter = Math.min(...[base, candidate].flatMap(times => (times === null ? [] : [median(times)])));
  return Math.max(CLOCK_STEP_MS * calls, LAYOUT_SHARE * shorter);
}

function compareOperators(
  launches: readonly ProfiledLaunch[],
  first: ProfiledLaunch,
): readonly ComparedOperator[] {
  const sumsOf = (side: keyof ProfiledLaunch): ReadonlyMap<string, { count: number; ms: number }> => {
    const sums = new Map<string, { count: number; ms: number }>();
    for (const [position, { operator }] of first[side].layers.entries()) {
      const sum = sums.get(operator) ?? { count: 0, ms: 0 };
      sum.count += 1;
      sum.ms += median(launches.map(each => (each[side].layers[position]?.durationUs ?? 0) / 1000));
      sums.set(operator, sum);
    }
    return sums;
  };
  const [base, candidate] = [sumsOf('base'), sumsOf('candidate')];
  return [...new Set([...base.keys(), ...candidate.keys()])]
    .map(operator => ({
      operator,
      baseCount: base.get(operator)?.count ?? 0,
      candidateCount: candidate.get(operator)?.count ?? 0,
      baseMs: base.get(operator)?.ms ?? 0,
      candidateMs: candidate.get(operator)?.ms ?? 0,
    }))
    .sort((a, b) => changeOf(b) - changeOf(a));
}
