import { relative, resolve, sep } from 'node:path';
import type { ModelConfig } from '../../config/config.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import {
  ACCEPTING_LABEL,
  CONTRACT_FINDING,
  METRIC_FINDINGS,
  TEST_FINDINGS,
} from '../../shared/finding-names.ts';
import { nameSuggestion, nearestWord } from '../../shared/nearest-word.ts';

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
  const suggestion = nameSuggestion(word, known);
  if (suggestion !== null) return suggestion;
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

const FINDINGS: readonly string[] = [
  ...new Set([...Object.values(METRIC_FINDINGS), ...Object.values(TEST_FINDINGS), CONTRACT_FINDING]),
];

interface Acceptance {
  readonly finding: string;
  readonly model: string | null;
}

function readAcceptance(given: string): Acceptance {
  const at = given.indexOf(':');
  return at === -1
    ? { finding: given, model: null }
    : { finding: given.slice(0, at), model: given.slice(at + 1) };
}

/** Why an acceptance could let nothing through, and what would; null where it could. */
function uselessness(
  { finding, model }: Acceptance,
  models: readonly string[],
): { readonly message: string; readonly hint: string } | null {
  const example = `${FINDINGS.includes(finding) ? finding : 'slower'}:${models[0] ?? 'digits'}`;
  if (!FINDINGS.includes(finding)) {
    const nearest = nearestWord(finding, FINDINGS);
    return {
      message: `there is no finding "${finding}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
      hint: `The findings are: ${FINDINGS.join(', ')}; for example ${example}`,
    };
  }
  if (model === null) return { message: 'it names no model.', hint: `For example ${example}` };
  return models.includes(model)
    ? null
    : { message: `there is no model "${model}".`, hint: choiceOf(model, models) };
}

/**
 * Refuses an acceptance that could let nothing through, since whoever wrote it counts on it.
 * @param models all that the check knows, also those that it leaves out.
 * @throws QuickServeError USAGE where the finding or the model does not exist.
 */
export function requireKnownAcceptances(accept: readonly string[], models: readonly string[]): void {
  for (const given of accept) {
    const useless = uselessness(readAcceptance(given), models);
    if (useless === null) continue;
    const { message, hint } = useless;
    throw new QuickServeError({ code: 'USAGE', message: `--accept ${given}: ${message}`, hint });
  }
}

/** The same of labels, as warnings. One of which neither half is known may be meant for somebody else. */
export function uselessLabels(labels: readonly string[], models: readonly string[]): readonly Finding[] {
  return labels
    .filter(label => label.startsWith(ACCEPTING_LABEL))
    .flatMap(label => {
      const given = readAcceptance(label.slice(ACCEPTING_LABEL.length));
      const isMeant =
        given.model !== null && (FINDINGS.includes(given.finding) || models.includes(given.model));
      const useless = isMeant ? uselessness(given, models) : null;
      if (useless === null) return [];
      const message = `The label ${label} lets nothing through: ${useless.message}`;
      return [{ code: 'LABEL_UNUSED', severity: 'warning', message, hint: useless.hint }];
    });
}
