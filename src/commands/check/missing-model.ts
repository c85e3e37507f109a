import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { ModelConfig } from '../../config/config.ts';
import { isModelFile } from '../../config/discovery.ts';
import { CONFIG_NAME } from '../../shared/config-name.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { nearestWord } from '../../shared/nearest-word.ts';
import type { ChangeSet } from './change-set.ts';

/** Blob ids by path; null or absent where not known. */
type Files = ReadonlyMap<string, string | null>;

interface Sides {
  readonly headFiles: Files;
  /** Of the base commit. */
  readonly baseFiles: Files;
}

/** The file that a path without one stands for: the same bytes moved, the same file name elsewhere, or a slip of the keys. */
function meantFile(path: string, { headFiles, baseFiles }: Sides): { path: string; moved: boolean } | null {
  const models = [...headFiles.keys()].filter(isModelFile);
  const id = baseFiles.get(path) ?? null;
  const moved = id === null ? undefined : models.find(each => headFiles.get(each) === id);
  if (moved !== undefined) return { path: moved, moved: true };
  const namesakes = models.filter(each => posix.basename(each) === posix.basename(path));
  const found = namesakes.length === 1 ? namesakes[0] : nearestWord(path, models);
  return found === undefined ? null : { path: found, moved: false };
}

/** What to do where the configuration names a model that is not there. */
export function missingModelHint({ name, path }: ModelConfig, source: string, sides: Sides): string {
  if (/[*?]/.test(path))
    return `A path names one file, not a pattern: name each model, or leave \`models\` out of ${source}, and all are checked.`;
  const meant = meantFile(path, sides);
  const correct = `Correct the path of ${name} in ${source}`;
  if (meant === null)
    return `${correct} (it counts from the root of the repository), or add the file. A \`prepare\` command may make it.`;
  return meant.moved ? `Its file is now ${meant.path}. ${correct}.` : `There is ${meant.path}. ${correct}.`;
}

const hintIn = (config: ModelConfig, { config: whole, headFiles, baseFiles }: ChangeSet): string =>
  missingModelHint(config, whole.source ?? CONFIG_NAME, {
    headFiles,
    baseFiles: new Map([...baseFiles].map(([path, { blobId }]) => [path, blobId])),
  });

/** The same error, with what to do about a configured path. */
export function explainMissing(
  error: QuickServeError,
  config: ModelConfig,
  changes: ChangeSet,
): QuickServeError {
  if (error.code !== 'MODEL_NOT_FOUND' || changes.config.models === null) return error;
  const { code, message } = error;
  return new QuickServeError({ code, message, hint: hintIn(config, changes), cause: error });
}

/** What a plan says of a model whose file is not there; null where it is. */
export function missingIn(config: ModelConfig | null, changes: ChangeSet): string | null {
  if (config === null || changes.headFiles.has(config.path)) return null;
  if (existsSync(join(changes.repository.root, config.path))) return null;
  return (config.tests?.prepare ?? null) === null
    ? hintIn(config, changes)
    : 'Its `prepare` command may make it.';
}
