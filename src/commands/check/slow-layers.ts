import type { FeedSet, MeasurementPlan } from '../../benchmark/measurement.ts';
import { matchNodes } from '../../model/diff/match-nodes.ts';
import { labelGraph } from '../../model/diff/node-labels.ts';
import {
  compareProfiles,
  type ProfileComparison,
  type ProfiledLaunch,
} from '../../model/layers/compare-profiles.ts';
import { type ModelProfile, type ProfiledRuns, profileModel } from '../../model/layers/model-profile.ts';
import type { Model } from '../../model/model.ts';
import { blamedLayers, layerDifferenceMs } from '../../report/layer-changes.ts';
import type { ModelLayers } from '../../report/report.ts';
import { type ProfilerModel, profilePairs } from '../../runtime/profiler.ts';
import type { WorkerOptions } from '../../runtime/worker-process.ts';
import type { ReadableModel } from '../readable-model.ts';

/** Fewer launches cannot tell a layer's difference from how much it varies. */
const LAUNCHES_MIN = 4;
/** So many are made whatever they take: a reason that comes late is better than none. */
const LAUNCHES_ANYWAY = 2;
const LAUNCHES_MAX = 10;

/** The blamed layers have so much of what all slower layers lost: the rest is noise that further launches do not change. */
const SETTLED_SHARE = 0.8;

/** Of the runs of a layer in one process: what disturbs a run only ever lengthens it. */
const LOW_QUANTILE = 0.1;

/** Rows in a report; what is not in them adds up to one. */
const MOST_ROWS = 20;

const profileOf = ({ model }: ReadableModel, runs: ProfiledRuns): ModelProfile =>
  profileModel(model, runs, LOW_QUANTILE);

const profilerModel = ({ file, model }: ReadableModel, { tensors }: FeedSet): ProfilerModel => ({
  modelPath: file,
  weightBytes: model.graph.initializers.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
  feeds: tensors,
});

/** The base's node of each node of the candidate, by name: of matched structure, else of the same name. */
function partnersOf(base: Model, candidate: Model): ReadonlyMap<string, string> {
  const { pairs } = matchNodes(labelGraph(base.graph), labelGraph(candidate.graph));
  return new Map(
    pairs.flatMap(({ before, after }) =>
      before.node.name === '' || after.node.name === '' ? [] : [[after.node.name, before.node.name] as const],
    ),
  );
}

/** The rows of a report from a comparison: the largest changes, and the sum of the rest. */
function layersOf(comparison: ProfileComparison, launches: number): ModelLayers {
  const rows = comparison.layers.slice(0, MOST_ROWS);
  const rest = comparison.layers.slice(MOST_ROWS);
  const sum = (side: 'baseMs' | 'candidateMs'): number | null =>
    rest.length === 0 ? null : rest.reduce((total, row) => total + (row[side] ?? 0), 0);
  return {
    launches,
    rows,
    others: { count: rest.length, baseMs: sum('baseMs'), candidateMs: sum('candidateMs') },
    operators: comparison.operators.slice(0, MOST_ROWS),
  };
}

function isSettled(layers: ModelLayers): boolean {
  const gains = layers.rows.map(layerDifferenceMs).filter(difference => difference > 0);
  const blamed = blamedLayers(layers).reduce((sum, { row }) => sum + layerDifferenceMs(row), 0);
  return blamed > 0 && blamed >= SETTLED_SHARE * gains.reduce((sum, each) => sum + each, 0);
}

/**
 * Why a model is slower: base and candidate run in turns under the runtime's profiler, in fresh processes until the
 * layers that take longer stand out of their own noise, and the layers are compared.
 * @param budgetMs no launch begins later, but for the first two.
 * @throws QuickServeError as a launch.
 */
export async function slowLayers(
  base: ReadableModel,
  candidate: ReadableModel,
  feeds: { readonly base: FeedSet; readonly candidate: FeedSet },
  plan: Pick<MeasurementPlan, 'provider' | 'threads'>,
  options: WorkerOptions & { readonly modelName?: string },
  budgetMs: number,
): Promise<ModelLayers> {
  const startMs = performance.now();
  const partners = partnersOf(base.model, candidate.model);
  const launches: ProfiledLaunch[] = [];
  const compare = (): ModelLayers => layersOf(compareProfiles(launches, partners), launches.length);
  const pairs = profilePairs(options, {
    ...(options.modelName === undefined ? {} : { modelName: options.modelName }),
    settings: { provider: plan.provider, threads: plan.threads },
    base: profilerModel(base, feeds.base),
    candidate: profilerModel(candidate, feeds.candidate),
  });
  for await (const pair of pairs) {
    launches.push({ base: profileOf(base, pair.base), candidate: profileOf(candidate, pair.candidate) });
    const isLate = performance.now() - startMs > budgetMs;
    if (launches.length >= (isLate ? LAUNCHES_ANYWAY : LAUNCHES_MAX)) break;
    if (launches.length >= LAUNCHES_MIN && isSettled(compare())) break;
  }
  return compare();
}
