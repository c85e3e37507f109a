import { QuickServeError } from '../shared/errors.ts';
import { nameSuggestion } from '../shared/nearest-word.ts';
import { foldModel, type ModelState, type VersionState } from './lifecycle.ts';
import type { RegisteredModel } from './model-sources.ts';
import { VERSION_STATUSES } from './records.ts';
import type { RegistryState } from './registry-state.ts';

/** `name`, `name@1.2.0`, `name@latest`, `name@production` (or another status: the newest version that has it). */
export interface Selector {
  readonly model: string;
  readonly version: string | null;
}

export function parseSelector(text: string): Selector {
  const at = text.lastIndexOf('@');
  return at <= 0 ? { model: text, version: null } : { model: text.slice(0, at), version: text.slice(at + 1) };
}

export interface SelectedModel {
  readonly model: RegisteredModel;
  readonly state: ModelState;
}

/** What to ask for in place of a model that the registry does not have. */
export function knownModelsHint(name: string, models: readonly string[]): string {
  const suggestion = nameSuggestion(name, models);
  const all = '`quickserveml registry list` shows all.';
  if (suggestion !== null) return `${suggestion} ${all}`;
  const others = models.slice(0, 5).join(', ');
  return others === ''
    ? '`quickserveml registry list` shows the models that it has.'
    : `It has ${others}; ${all}`;
}

/** @throws QuickServeError VERSION_NOT_FOUND. */
export function selectModel(registry: RegistryState, name: string): SelectedModel {
  const model = registry.models.get(name);
  if (model === undefined) {
    throw new QuickServeError({
      code: 'VERSION_NOT_FOUND',
      message: `The registry has no model "${name}".`,
      hint: knownModelsHint(name, registry.names),
    });
  }
  return { model, state: foldModel(model) };
}

/**
 * The version that is meant; without one the newest that is not deleted.
 * @throws QuickServeError VERSION_NOT_FOUND.
 */
export function selectVersion({ state }: SelectedModel, wanted: string | null): VersionState {
  const alive = state.versions.filter(({ deleted }) => deleted === null);
  const name = wanted ?? 'latest';
  let found = state.versions.find(({ version }) => version.version === name);
  if (name === 'latest') found = alive.at(-1);
  else if (VERSION_STATUSES.some(status => status === name)) {
    found =
      name === 'production'
        ? (state.production ?? undefined)
        : alive.findLast(({ status }) => status === name);
  }
  if (found !== undefined) return found;
  const versions = state.versions.map(({ version }) => version.version);
  throw new QuickServeError({
    code: 'VERSION_NOT_FOUND',
    message: `"${state.name}" has no version ${name}.`,
    hint:
      versions.length === 0
        ? 'It has none; `quickserveml registry add` or a recorded check makes the first.'
        : `It has ${versions.slice(-8).join(', ')}.`,
  });
}
