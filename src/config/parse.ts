import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import type { Config } from './config.ts';
import { normalise } from './normalisation.ts';
import { formatPath, type Problem, quote } from './problem.ts';
import { checkRules } from './rules.ts';
import { validateShape } from './validation.ts';

/** Generous for a file that people write, small for the parser. */
export const LARGEST_FILE_BYTES = 1_000_000;
/** An alias that stands for others multiplies; YAML's own "billion laughs" ends here. */
const MOST_ALIASES = 100;
const MOST_ERRORS_SHOWN = 30;

/** What a repository without quickserveml.yml has: every default of the schema, models discovered. */
export function defaultConfig(): Config {
  return normalise({}, null);
}

/**
 * The text of a quickserveml.yml as a Config. `path` names the file in errors and becomes `source`.
 * An empty file has every default. Throws CONFIG_INVALID with all errors at once, each with its line.
 */
export function parseConfig({ text, path }: { readonly text: string; readonly path: string }): Config {
  if (Buffer.byteLength(text) > LARGEST_FILE_BYTES) {
    throw invalid(path, [`${path}: is larger than ${LARGEST_FILE_BYTES} bytes`]);
  }
  const lines = new LineCounter();
  const document = parseYaml(text, path, lines);
  const at = (offset: number): string => `${path}:${lines.linePos(offset).line}:`;

  const syntax = [...document.errors, ...document.warnings].map(error => ({
    offset: error.pos[0],
    message: error.message.replaceAll(/\s+/g, ' '),
  }));
  if (syntax.length === 0) syntax.push(...duplicateKeys(document));
  if (syntax.length > 0) {
    throw invalid(
      path,
      syntax.map(({ offset, message }) => `${at(offset)} ${message}`),
    );
  }
  const { problems, rest } = validateShape(toPlain(document, path) ?? {});
  const offsetOf = locator(document);
  const all = [...problems, ...checkRules(rest)]
    .map(problem => ({ problem, offset: offsetOf(problem.path) }))
    .sort((one, other) => one.offset - other.offset);
  if (all.length > 0) {
    throw invalid(
      path,
      all.map(({ problem, offset }) => `${at(offset)} ${sentence(problem)}`),
    );
  }
  return normalise(rest, path);
}

function parseYaml(text: string, path: string, lineCounter: LineCounter): Document {
  try {
    return parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      uniqueKeys: false,
      stringKeys: true,
      schema: 'core',
    });
  } catch (cause) {
    // Nesting too deep for the parser's stack.
    throw invalid(path, [`${path}: cannot be read as YAML: ${messageOf(cause)}`], cause);
  }
}

function toPlain(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (cause) {
    throw invalid(path, [`${path}: cannot be read: ${messageOf(cause)}`], cause);
  }
}

function sentence({ path, message }: Problem): string {
  return `${formatPath(path)} ${message}`;
}

/** Keys that stand twice in one mapping. (The parser's own check compares each with each.) */
function duplicateKeys(document: Document): readonly { readonly offset: number; readonly message: string }[] {
  const found: { readonly offset: number; readonly message: string }[] = [];
  visit(document, {
    Map(_position, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const name = keyText(key);
        if (seen.has(name))
          found.push({ offset: rangeStart(key) ?? 0, message: `${quote(name)} stands here twice` });
        seen.add(name);
      }
    },
  });
  return found;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value ?? '') : '';
}

/** Finds where the last key of a path stands, or the nearest mapping around it. Looks at each mapping only once. */
function locator(document: Document): (path: Problem['path']) => number {
  const indexes = new WeakMap<
    object,
    ReadonlyMap<string, { readonly key: unknown; readonly value: unknown }>
  >();
  return path => {
    let offset = rangeStart(document.contents) ?? 0;
    let node: unknown = document.contents;
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(document);
      if (isSeq(node) && typeof step === 'number') {
        node = node.items[step];
        offset = rangeStart(node) ?? offset;
      } else if (isMap(node)) {
        const index = indexes.get(node) ?? new Map(node.items.map(pair => [keyText(pair.key), pair]));
        indexes.set(node, index);
        const pair = index.get(String(step));
        offset = rangeStart(pair?.key) ?? offset;
        node = pair?.value;
      } else return offset;
    }
    return offset;
  };
}

function rangeStart(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}

function invalid(path: string, found: readonly string[], cause?: unknown): QuickServeError {
  // The parser says the same again for every level that it was in.
  const lines = [...new Set(found)];
  const shown = lines.slice(0, MOST_ERRORS_SHOWN);
  if (lines.length > shown.length) shown.push(`${path}: and ${lines.length - shown.length} more`);
  return new QuickServeError({
    code: 'CONFIG_INVALID',
    message: lines.length === 1 ? shown.join('') : `${path} has ${lines.length} errors:\n${shown.join('\n')}`,
    hint: 'Mend the lines named; docs/configuration.md lists every key, and editors check the file against schemas/quickserveml.schema.json.',
    ...(cause === undefined ? {} : { cause }),
  });
}
