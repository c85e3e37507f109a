import type { Call } from '../call.ts';
import type { ServedModel } from '../served-model.ts';
import type { TrafficSplit } from '../traffic-split.ts';

export type ModelChoice =
  | { readonly kind: 'model'; readonly model: ServedModel; readonly mirror: ServedModel | null }
  | { readonly kind: 'unknown'; readonly message: string };

const listed = (values: readonly string[]): string => [...new Set(values)].join(', ');

/** Finds the model and version that a request means. */
export interface ModelChooser {
  /** @param name null: the first model. @param version null: as the split says, else the one listed last. */
  choose(name: string | null, version: string | null, call: Call): ModelChoice;
}

export function createModelChooser(
  models: () => readonly ServedModel[],
  split: TrafficSplit | null,
): ModelChooser {
  return {
    choose(name, version, call) {
      const all = models();
      const wanted = name ?? all[0]?.name ?? null;
      const versions = all.filter(model => model.name === wanted);
      const newest = versions.at(-1);
      if (wanted === null || newest === undefined) {
        const known = listed(all.map(model => model.name));
        return {
          kind: 'unknown',
          message: `there is no model ${JSON.stringify(wanted ?? '')}; there is ${known === '' ? 'none' : known}`,
        };
      }
      if (version !== null) {
        const model = versions.find(each => each.version === version);
        if (model !== undefined) return { kind: 'model', model, mirror: null };
        const known = listed(versions.map(each => each.version));
        return {
          kind: 'unknown',
          message: `there is no version ${JSON.stringify(version)} of ${JSON.stringify(wanted)}; there is ${known}`,
        };
      }
      const decision =
        split?.choose(
          wanted,
          versions.map(each => each.version),
          call,
        ) ?? null;
      const byVersion = (text: string | null): ServedModel | null =>
        versions.find(each => each.version === text) ?? null;
      return {
        kind: 'model',
        model: byVersion(decision?.version ?? null) ?? newest,
        mirror: byVersion(decision?.mirror ?? null),
      };
    },
  };
}
