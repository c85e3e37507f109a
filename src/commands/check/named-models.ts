import { relative, resolve, sep } from 'node:path';
import type { ModelConfig } from '../../config/config.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { CONTRACT_FINDING, METRIC_FINDINGS } from '../../shared/finding-names.ts';
import { nearestWord } from '../../shared/nearest-word.ts';

const MOST_LISTED = 20;

interface Folders {
  readonly root: string;
  /** Paths may also be given from here, as a shell completes them. */
  readonly cwd: string;
}

const isNamed = (model: ModelConfig, name: string, { root, cwd }: Folders): boolean =>
  model.name === name ||
  model.path === name ||
  model.path === relative(root, resolve(cwd, name)).split(sep).join('/');

/** Which of several is meant, or all that there are. */
function choiceOf(word: string, known: readonly string[]): string {
  const ends = known.filter(each => each.endsWith(`/${word}`));
  const nearest = ends.length === 1 ? ends[0] : nearestWord(word, known);
  if (nearest !== undefined) return `Did you mean "${nearest}"?`;
  const more = known.length - MOST_LISTED;
  const listed = known.slice(0, MOST_LISTED).join(', ') || 'none';
  return `The models are: ${listed}${more > 0 ? `, and ${more} more` : ''}.`;
}

/**
 * The models that were asked for by name or path; all where none was.
 * @throws QuickServeError USAGE where there is no such model.
 */
export function selectModels(
  models: readonly ModelConfig[],
  wanted: readonly string[],
  folders: Folders,
): readonly ModelConfig[] {
  if (wanted.length === 0) return models;
  const unknown = wanted.filter(name => !models.some(model => isNamed(model, name, folders)));
  const [first] = unknown;
  if (first !== undefined) {
    throw new QuickServeError({
      code: 'USAGE',
      message: `There is no model ${unknown.map(name => `"${name}"`).join(', ')}.`,
      hint: choiceOf(
        first,
        models.map(({ name }) => name),
      ),
    });
  }
  return models.filter(model => wanted.some(name => isNamed(model, name, folders)));
}

/**
 * Refuses an acceptance that could let nothing through, since whoever wrote it counts on it.
 * @param models all that the check knows, also those that it leaves out.
 * @throws QuickServeError USAGE where the finding or the model does not exist.
 */
export function requireKnownAcceptances(accept: readonly string[], models: readonly string[]): void {
  const findings: readonly string[] = [...Object.values(METRIC_FINDINGS), CONTRACT_FINDING];
  for (const given of accept) {
    const at = given.indexOf(':');
    const [finding, model] = at === -1 ? [given, null] : [given.slice(0, at), given.slice(at + 1)];
    const refuse = (message: string, hint: string): QuickServeError =>
      new QuickServeError({ code: 'USAGE', message: `--accept ${given}: ${message}`, hint });
    if (!findings.includes(finding)) {
      const nearest = nearestWord(finding, findings);
      throw refuse(
        `there is no finding "${finding}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
        `The findings are: ${findings.join(', ')}; for example --accept slower:${models[0] ?? 'digits'}`,
      );
    }
    if (model === null)
      throw refuse('it names no model.', `For example --accept ${finding}:${models[0] ?? 'digits'}`);
    if (!models.includes(model)) throw refuse(`there is no model "${model}".`, choiceOf(model, models));
  }
}
