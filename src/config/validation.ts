import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { nearestWord } from '../shared/nearest-word.ts';
import type { JsonSchema } from './json-schema.ts';
import { type Problem, quote } from './problem.ts';
import { isMapping, ownValue, type RawConfig } from './raw.ts';
import { CONFIG_SCHEMA } from './schema.ts';

let compiled: ValidateFunction | undefined;

/** Compiling takes milliseconds that a run without a configuration file need not spend. */
function validator(): ValidateFunction {
  compiled ??= new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true }).compile(CONFIG_SCHEMA);
  return compiled;
}

/**
 * Holds a parsed file against the schema. `rest` is the file without the parts that have problems, so that the rules
 * can still look at everything else and all errors come at once.
 */
export function validateShape(value: unknown): {
  readonly problems: readonly Problem[];
  readonly rest: RawConfig;
} {
  const validate = validator();
  if (validate(value)) return { problems: [], rest: value as RawConfig };
  const errors = validate.errors ?? [];
  const rest: unknown = structuredClone(value);
  for (const error of errors) removePart(rest, offendingPath(error, value));
  return {
    problems: errors.map(error => toProblem(error, value)),
    rest: (isMapping(rest) ? rest : {}) as RawConfig,
  };
}

function offendingPath(error: ErrorObject, root: unknown): readonly (string | number)[] {
  const path = pathOf(error.instancePath, root);
  return error.keyword === 'additionalProperties'
    ? [...path, String(error.params['additionalProperty'])]
    : path;
}

/** A JSON pointer as keys and positions: a number is a position only where the file has a list. */
function pathOf(pointer: string, root: unknown): readonly (string | number)[] {
  const path: (string | number)[] = [];
  let at: unknown = root;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(at)) {
      path.push(Number(key));
      at = at[Number(key)];
    } else {
      path.push(key);
      at = isMapping(at) ? ownValue(at, key) : undefined;
    }
  }
  return path;
}

/** Deletes the part at the path; a list goes as a whole, so that positions keep their meaning. */
function removePart(root: unknown, path: readonly (string | number)[]): void {
  let at = root;
  for (const [index, key] of path.entries()) {
    if (!isMapping(at)) return;
    const inner = ownValue(at, String(key));
    if (index === path.length - 1 || Array.isArray(inner)) {
      Reflect.deleteProperty(at, key);
      return;
    }
    at = inner;
  }
}

function toProblem(error: ErrorObject, root: unknown): Problem {
  const schema: JsonSchema = error.parentSchema ?? {};
  return { path: offendingPath(error, root), message: describe(error, schema) };
}

function describe(error: ErrorObject, schema: JsonSchema): string {
  const { keyword, params } = error;
  const data: unknown = schema.writeOnly === true ? HIDDEN : error.data;
  switch (keyword) {
    case 'additionalProperties':
      return unknownKey(String(params['additionalProperty']), Object.keys(schema.properties ?? {}));
    case 'required':
      return `needs the key ${quote(String(params['missingProperty']))}`;
    case 'enum':
      return `is ${show(data)}, not one of ${(schema.enum ?? []).join(', ')}${suggest(data, schema.enum ?? [])}`;
    case 'const':
      return `is ${show(data)}; this QuickServeML reads ${String(schema.const)}`;
    case 'type':
      return `is ${show(data)}, not ${expected(schema)}`;
    case 'pattern':
      return `is ${show(data)}, not ${schema.title ?? `a text like ${String(schema.pattern)}`}`;
    case 'minimum':
      return `is ${show(data)}; the smallest is ${String(schema.minimum)}`;
    case 'maximum':
      return `is ${show(data)}; the largest is ${String(schema.maximum)}`;
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return 'is empty';
    case 'maxLength':
      return `is longer than ${String(schema.maxLength)} characters`;
    case 'maxItems':
      return `has more than ${String(schema.maxItems)} entries`;
    default:
      return error.message ?? `breaks the rule "${keyword}" of the schema`;
  }
}

function unknownKey(key: string, known: readonly string[]): string {
  const nearest = nearestOf(key, known);
  const help = nearest === undefined ? `; known here: ${known.join(', ')}` : `; did you mean "${nearest}"?`;
  return `is not a known key${help}`;
}

function suggest(data: unknown, allowed: readonly unknown[]): string {
  const texts = allowed.filter(value => typeof value === 'string');
  const nearest = typeof data === 'string' ? nearestOf(data, texts) : undefined;
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`;
}

/** Words that mean the same, but which are not spelt alike. */
const SYNONYMS: Readonly<Record<string, string>> = {
  'max-increase': 'max-regression',
  'max-regression': 'max-increase',
  dimensions: 'dims',
  size: 'file-size',
  timeout: 'load-timeout',
};

/** The known word that is meant: another style of the same (`maxRegression`), a synonym, or a slip of the keys. */
function nearestOf(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const kebab = word
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll(/[_ ]/g, '-')
    .toLowerCase();
  const synonym = Object.hasOwn(SYNONYMS, kebab) ? SYNONYMS[kebab] : undefined;
  return synonym !== undefined && known.includes(synonym) ? synonym : nearestWord(kebab, known);
}

/** Stands for a value that may be a secret. */
const HIDDEN = Symbol('hidden');

function show(data: unknown): string {
  if (data === HIDDEN) return 'something else';
  if (typeof data === 'string') return quote(data);
  if (data === null) return 'nothing';
  if (Array.isArray(data)) return 'a list';
  return typeof data === 'object' ? 'a mapping' : String(data);
}

/** What should stand there: the title of a value's schema says it best, mappings are just mappings. */
function expected({ title, type }: JsonSchema): string {
  if (title !== undefined && type !== 'object') return title;
  const names: Readonly<Record<string, string>> = {
    object: 'a mapping',
    array: 'a list',
    string: 'a text',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
  };
  return [type ?? []]
    .flat()
    .map(kind => names[kind] ?? kind)
    .join(' or ');
}
