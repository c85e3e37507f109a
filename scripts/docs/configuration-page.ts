import { markdownTable } from 'markdown-table';
import type { JsonSchema } from '../../src/config/json-schema.ts';
import { cell, code } from './markdown.ts';

const HEADER = ['key', 'value', 'default', ''];

/** docs/configuration.md from the schema and an example file. */
export function configurationPage(schema: JsonSchema, example: string): string {
  const top = schema.properties ?? {};
  const model = top['models']?.additionalProperties;
  if (typeof model !== 'object') throw new Error('the schema has no models');
  const scalars = Object.fromEntries(
    Object.entries(top).filter(([, property]) => property.type !== 'object'),
  );
  const defaults = top['defaults']?.properties ?? {};
  return [
    '# Configuration',
    '',
    '`quickserveml.yml` in the root of the repository. Every key may be left out, and so may the file: then every',
    '`.onnx` and `.ort` file is checked with the defaults below. Flags of the command line and inputs of the action win',
    'over the file. Unknown keys are errors; all errors of a file are reported at once, each with its line.',
    '',
    'Editors complete and check the file with [the JSON Schema](../schemas/quickserveml.schema.json), named in a first',
    'line such as `# yaml-language-server: $schema=…/quickserveml.schema.json`.',
    '',
    'Quantities are written for people: durations `250us`, `3ms`, `30s`, `2min`, `1h`; percentages `5%`; sizes in powers',
    'of 1000 (`500MB`) or of 1024 (`2GiB`).',
    '',
    '## A whole example',
    '',
    '```yaml',
    example.trimEnd(),
    '```',
    '',
    '## Top level',
    '',
    table(scalars),
    '',
    section('registry', top['registry']),
    section('runtime', top['runtime']),
    section('models.<name>', withoutKeys(model, ['benchmark', 'policy']), [
      top['models']?.description ?? '',
      '',
      'A name may have parts separated by `/`; it is the folder of the model on the registry branch.',
      '`benchmark` and `policy` are described below.',
    ]),
    section('benchmark', defaults['benchmark'], [
      'Under `defaults` for all models, under `models.<name>` for one: what a model leaves out comes from `defaults`.',
    ]),
    section('policy', defaults['policy'], [
      'Under `defaults` for all models, under `models.<name>` for one: what a model leaves out comes from `defaults`, key',
      'by key; an own `accept` list replaces the inherited one.',
      '',
      "**The rules come from the base.** In a pull request the base commit's policy counts, so that a change cannot relax",
      'the rules that it is held against. A change of the rules is reported as `RULES_CHANGED` and takes effect once it is',
      'on the base branch. For a model that is new, the rules of the change itself count. How models are measured',
      '(`benchmark`, `dims`, `cases`, `runtime`) takes effect at once and is reported as `MEASUREMENT_CHANGED`; a model that',
      'is no longer listed as `MODEL_UNCONFIGURED`.',
    ]),
    section('comment', top['comment']),
    section('deploy', top['deploy']),
    section('alerts', top['alerts'], [
      'Who is told when a model in production gets worse: [schedules-and-alerts.md](schedules-and-alerts.md).',
    ]),
    section('alerts.places.<name>', placeSchema(top['alerts'])),
  ].join('\n');
}

function section(title: string, schema: JsonSchema | undefined, text?: readonly string[]): string {
  const lines = text ?? [schema?.description ?? ''];
  return [`## \`${title}\``, '', ...lines, '', table(schema?.properties ?? {}, schema?.required), ''].join(
    '\n',
  );
}

function placeSchema(alerts: JsonSchema | undefined): JsonSchema | undefined {
  const schema = alerts?.properties?.['places']?.additionalProperties;
  return typeof schema === 'object' ? schema : undefined;
}

function withoutKeys(schema: JsonSchema, keys: readonly string[]): JsonSchema {
  const kept = Object.entries(schema.properties ?? {}).filter(([key]) => !keys.includes(key));
  return { ...schema, properties: Object.fromEntries(kept) };
}

function table(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = []): string {
  return markdownTable([HEADER, ...rows(properties, '', required)], { alignDelimiters: false });
}

/** A row for each key, nested mappings by their dotted path. */
function rows(
  properties: Readonly<Record<string, JsonSchema>>,
  prefix: string,
  required: readonly string[],
): readonly (readonly string[])[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const path = `${prefix}${key}`;
    const entry = typeof schema.items === 'object' ? schema.items : undefined;
    if (schema.properties !== undefined) {
      return [
        [code(path), '', '', cell(schema.description ?? '')],
        ...rows(schema.properties, `${path}.`, []),
      ];
    }
    const nested =
      entry?.properties === undefined ? [] : rows(entry.properties, `${path}[].`, entry.required ?? []);
    const fallback =
      schema.default === undefined ? defaultText(required.includes(key)) : shown(schema.default);
    return [[code(path), cell(valueText(schema)), fallback, cell(schema.description ?? '')], ...nested];
  });
}

function defaultText(required: boolean): string {
  return required ? 'required' : '';
}

function shown(value: unknown): string {
  return code(typeof value === 'string' ? value : JSON.stringify(value));
}

function valueText(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map(value => code(String(value))).join(', ');
  if (schema.const !== undefined) return code(String(schema.const));
  const example = schema.examples?.[0];
  if (schema.title !== undefined) return schema.title;
  const kinds: Readonly<Record<string, string>> = {
    string: 'text',
    integer: 'whole number',
    boolean: '`true`, `false`',
    array: 'list',
    object: 'mapping',
  };
  const kind = kinds[String(schema.type)] ?? String(schema.type);
  if (example === undefined) return kind;
  return typeof example === 'string' ? `${kind}, as ${code(example)}` : `${kind}, as ${code(flow(example))}`;
}

/** A value in YAML's flow style. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${flow(inner)}`)
    .join(', ')} }`;
}
