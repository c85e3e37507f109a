import type { FeedSet, MeasurementPlan } from '../../benchmark/measurement.ts';
import { matchNodes } from '../../model/diff/match-nodes.ts';
import { labelGraph } from '../../model/diff/node-labels.ts';
import {
  compareProfiles,
  leastDisturbed,
  type ProfileComparison,
} from '../../model/layers/compare-profiles.ts';
import { type ModelProfile, profileModel } from '../../model/layers/model-profile.ts';
import type { Model } from '../../model/model.ts';
import type { ModelLayers } from '../../report/report.ts';
import { profileRuns } from '../../runtime/profiler.ts';
import type { WorkerOptions } from '../../runtime/worker-process.ts';
import type { ReadableModel } from './measuring.ts';

/** Each model is profiled so often, in turns: a busy moment lengthens the layers of one profile, seldom of all. */
const REPETITIONS = 3;

/** Rows in a report; what is not in them adds up to one. */
const MOST_ROWS = 20;

async function profileOf(
  { file, model }: ReadableModel,
  feeds: FeedSet,
  plan: Pick<MeasurementPlan, 'provider' | 'threads'>,
  options: WorkerOptions & { readonly modelName?: string },
): Promise<ModelProfile> {
  const runs = await profileRuns(options, {
    modelPath: file,
    ...(options.modelName === undefined ? {} : { modelName: options.modelName }),
    weightBytes: model.graph.initializers.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
    settings: { provider: plan.provider, threads: plan.threads },
    feeds: feeds.tensors,
  });
  return profileModel(model, runs);
}

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
export function layersOf(comparison: ProfileComparison): ModelLayers {
  const rows = comparison.layers.slice(0, MOST_ROWS);
  const rest = comparison.layers.slice(MOST_ROWS);
  const sum = (side: 'baseMs' | 'candidateMs'): number | null =>
    rest.length === 0 ? null : rest.reduce((total, row) => total + (row[side] ?? 0), 0);
  return {
    rows,
    others: { count: rest.length, baseMs: sum('baseMs'), candidateMs: sum('candidateMs') },
    operators: comparison.operators.slice(0, MOST_ROWS),
  };
}

/**
 * Why a model is slower: both run under the runtime's profiler, and their layers compared.
 * @throws QuickServeError as a launch.
 */
export async function slowLayers(
  base: ReadableModel,
  candidate: ReadableModel,
  feeds: { readonly base: FeedSet; readonly candidate: FeedSet },
  plan: Pick<MeasurementPlan, 'provider' | 'threads'>,
  options: WorkerOptions & { readonly modelName?: string },
): Promise<ModelLayers> {
  const profiles: { readonly before: ModelProfile[]; readonly after: ModelProfile[] } = {
    before: [],
    after: [],
  };
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
    profiles.before.push(await profileOf(base, feeds.base, plan, options));
    profiles.after.push(await profileOf(candidate, feeds.candidate, plan, options));
  }
  const before = leastDisturbed(profiles.before);
  const after = leastDisturbed(profiles.after);
  return layersOf(compareProfiles(before, after, partnersOf(base.model, candidate.model)));
}
