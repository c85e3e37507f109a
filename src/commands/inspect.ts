import { resolve } from 'node:path';
import type { Advice } from '../model/advice/advice.ts';
import { advise } from '../model/advice/advise.ts';
import { diffModels, type ModelDiff } from '../model/diff/model-diff.ts';
import type { Model } from '../model/model.ts';
import { hashFile } from '../model/model-identity.ts';
import { assertLoadable, inspectRead } from '../model/model-inspection.ts';
import { readModel } from '../model/model-reader.ts';
import { describeStructure } from '../model/model-structure.ts';
import { renderDiff } from '../report/diff-text.ts';
import { renderInspection } from '../report/inspection-text.ts';
import { renderAdvice, renderProfile } from '../report/profile-text.ts';
import { renderStructure } from '../report/structure-text.ts';
import type { CommandResult } from './command-result.ts';
import { readDimSizes } from './inspect/dim-sizes.ts';
import { netronLink } from './inspect/netron-link.ts';
import type { ProfiledModel } from './inspect/profiling.ts';
import type { Surroundings } from './surroundings.ts';

/** The options of `inspect` as the argument parser gives them. */
export interface InspectArguments {
  readonly cwd: string;
  /** As the caller named it, relative to `cwd`; it is shown so. */
  readonly model: string;
  readonly sha256?: boolean;
  readonly profile?: boolean;
  readonly advice?: boolean;
  readonly diff?: string;
  readonly graph?: string;
  readonly url?: string;
  readonly threads: number;
  readonly provider: string;
  readonly dim: readonly string[];
  readonly cases?: string;
  readonly runtimePath?: string;
}

function diffWith(older: string, model: Model, { cwd, model: shown }: InspectArguments): ModelDiff {
  const diff = diffModels(readModel(resolve(cwd, older)), model);
  return { ...diff, before: { ...diff.before, path: older }, after: { ...diff.after, path: shown } };
}

/**
 * `inspect MODEL`: what is in a model file; with options also what its layers cost, what could be better, what differs
 * from another model, and a drawing.
 * @throws QuickServeError where a file cannot be read, or the model cannot be run for --profile.
 */
export async function inspectCommand(given: InspectArguments, world: Surroundings): Promise<CommandResult> {
  const netron = given.url === undefined ? null : netronLink(given.url);
  const file = resolve(given.cwd, given.model);
  const model = readModel(file);
  const sha256 = given.sha256 === true ? await hashFile(file) : null;
  const inspection = { ...inspectRead(model, sha256), path: given.model };
  const structure = describeStructure(model);
  const diff = given.diff === undefined ? null : diffWith(given.diff, model, given);
  const profiled = given.profile === true ? await profileLayers(model, given, world) : null;
  const advice = adviceFor(model, given, profiled);
  const graph = given.graph === undefined ? null : resolve(given.cwd, given.graph);
  if (graph !== null) {
    const { writeGraphFile } = await import('./inspect/graph-file.ts');
    await writeGraphFile(model, graph);
    world.progress.step(`Graph: ${given.graph}`);
  }
  const setting =
    profiled === null
      ? null
      : {
          runtimeVersion: profiled.runtimeVersion,
          provider: given.provider,
          threads: given.threads,
          inputs: profiled.feeds.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
          feedOrigin: profiled.feeds.origin,
        };
  const document = {
    ...inspection,
    structure,
    ...(netron === null ? {} : { netron }),
    ...(diff === null ? {} : { diff }),
    ...(profiled === null ? {} : { profile: { ...setting, ...profiled.profile } }),
    ...(advice === null ? {} : { advice }),
  };
  const sections = [
    ...(diff === null ? [renderInspection(inspection), renderStructure(structure)] : [renderDiff(diff)]),
    ...(netron === null ? [] : [`Netron  ${netron}`]),
    ...(profiled === null || setting === null ? [] : [renderProfile(profiled.profile, setting)]),
    ...(advice === null ? [] : [renderAdvice(advice)]),
  ];
  return { document, text: sections.filter(section => section !== '').join('\n\n'), exitCode: 0 };
}

async function profileLayers(
  model: Model,
  given: InspectArguments,
  world: Surroundings,
): Promise<ProfiledModel> {
  // What the runtime would fail on is said before anything is loaded.
  assertLoadable(model);
  const { profile } = await import('./inspect/profiling.ts');
  return profile(
    model,
    resolve(given.cwd, given.model),
    {
      cwd: given.cwd,
      threads: given.threads,
      provider: given.provider,
      dims: readDimSizes(given.dim),
      casesPath: given.cases === undefined ? null : resolve(given.cwd, given.cases),
      runtimePath: given.runtimePath ?? null,
    },
    world,
  );
}

function adviceFor(
  model: Model,
  given: InspectArguments,
  profiled: ProfiledModel | null,
): readonly Advice[] | null {
  if (profiled !== null) {
    return advise(model, { optimised: profiled.runs.optimisedGraph, profile: profiled.profile });
  }
  return given.advice === true ? advise(model, { optimised: null, profile: null }) : null;
}
