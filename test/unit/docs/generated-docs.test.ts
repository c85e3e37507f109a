import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { generatedFiles } from '../../../scripts/docs/generated-files.ts';
import { httpApiPage } from '../../../scripts/docs/http-api-page.ts';
import { jenkinsOptions } from '../../../scripts/docs/jenkins-options.ts';
import { replaceGenerated } from '../../../scripts/docs/markdown.ts';
import { DESCRIBED_RECORDS } from '../../../scripts/docs/registry-schema.ts';
import { reportPage } from '../../../scripts/docs/report-page.ts';
import type { JsonSchema } from '../../../src/config/json-schema.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { CONFIG_SCHEMA } from '../../../src/config/schema.ts';
import { REPORT_SCHEMA } from '../../../src/report/report-schema.ts';
import { REPORT_WORDS } from '../../../src/report/report-schema-words.ts';
import { ERROR_CATALOG } from '../../../src/shared/error-catalog.ts';
import { projectRoot } from '../../support/requirements.ts';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

test.each(generatedFiles(projectRoot))('$path is what its sources generate', ({ path, text }) => {
  expect(read(path)).toBe(text);
});

describe('the documented configuration', () => {
  const example = read('docs/examples/quickserveml.yml');

  test('is accepted as it stands', () => {
    const config = parseConfig({ text: example, path: 'quickserveml.yml' });
    expect(config.models?.map(({ name }) => name)).toEqual(['digits', 'search/encoder']);
    expect(read('docs/configuration.md')).toContain(example.trimEnd());
  });

  test('is accepted by the published JSON Schema, which refuses a slip', () => {
    const validate = new Ajv2020({ allowUnionTypes: true }).compile(
      JSON.parse(read('schemas/quickserveml.schema.json')),
    );
    expect(validate(parse(example))).toBe(true);
    expect(validate(parse(example.replace('budget: 30s', 'budget: 30')))).toBe(false);
    expect(validate(parse(example.replace('record:', 'recrod:')))).toBe(false);
  });

  test('in the README is accepted too', () => {
    const blocks = [...read('README.md').matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
    const configurations = blocks.filter(block => /^models:/m.test(block));
    expect(configurations).toHaveLength(1);
    expect(() => parseConfig({ text: configurations[0]!, path: 'README.md' })).not.toThrow();
  });
});

describe('the schema', () => {
  /** Every key of the vocabulary with its schema, by dotted path. */
  function keysOf(schema: JsonSchema, prefix = ''): readonly (readonly [string, JsonSchema])[] {
    const inner =
      typeof schema.additionalProperties === 'object' ? schema.additionalProperties : schema.items;
    return [
      ...Object.entries(schema.properties ?? {}).flatMap(([key, property]) => [
        [`${prefix}${key}`, property] as const,
        ...keysOf(property, `${prefix}${key}.`),
      ]),
      ...(inner === undefined ? [] : keysOf(inner, `${prefix}*.`)),
    ];
  }
  const keys = keysOf(CONFIG_SCHEMA);

  test.each(keys)('describes %s', (_key, schema) => {
    expect(schema.description).toMatch(/\.$/);
  });

  test.each(keys.filter(([, schema]) => schema.properties !== undefined))(
    'is closed at %s',
    (_key, schema) => {
      expect(schema.additionalProperties).toBe(false);
    },
  );

  test.each(
    keys.filter(([, { examples, default: fallback }]) => examples !== undefined || fallback !== undefined),
  )('has examples and a default for %s that it accepts itself', (_key, schema) => {
    const validate = new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(schema);
    const values = [...(schema.examples ?? []), ...(schema.default === undefined ? [] : [schema.default])];
    expect(values.filter(value => !validate(value))).toEqual([]);
  });
});

test('docs/errors.md has every code with its exit code', () => {
  const page = read('docs/errors.md');
  for (const [code, { exit }] of Object.entries(ERROR_CATALOG)) {
    expect(page).toMatch(new RegExp(`^\\| \`${code}\`\\s*\\| ${exit}\\s*\\|`, 'm'));
  }
});

describe('generate-docs --check', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  test('names the stale files and exits 1, and the generator mends them', () => {
    const copy = mkdtempSync(join(tmpdir(), 'quickserveml-docs-'));
    folders.push(copy);
    for (const part of [
      'src',
      'scripts',
      'docs',
      'schemas',
      'gitlab',
      'jenkins',
      'fixtures/golden',
      'action.yml',
      'package.json',
    ]) {
      cpSync(join(projectRoot, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(projectRoot, 'node_modules'), join(copy, 'node_modules'), 'dir');
    writeFileSync(join(copy, 'docs/errors.md'), 'old\n');
    writeFileSync(
      join(copy, 'action.yml'),
      read('action.yml').replace('description: Path', 'description: The path'),
    );
    const run = (...args: readonly string[]) =>
      spawnSync(process.execPath, [join(copy, 'scripts/generate-docs.ts'), ...args], { encoding: 'utf8' });

    const stale = run('--check');
    expect(stale.status).toBe(1);
    expect(stale.stderr).toContain('docs/errors.md, docs/action.md');
    expect(run().status).toBe(0);
    expect(run('--check')).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(copy, 'docs/errors.md'), 'utf8')).toBe(read('docs/errors.md'));
  });
});

describe('the options of the Jenkins steps', () => {
  const cli = read('jenkins/vars/quickservemlCli.groovy');
  const groovy = read('jenkins/vars/quickservemlPublish.groovy');
  const help = read('jenkins/vars/quickservemlPublish.txt');

  test('come from the help text', () => {
    expect(jenkinsOptions({ groovy, help }, cli)).toContain('| `model` | name@version');
  });

  test('are refused where the help names others than the step takes', () => {
    expect(() => jenkinsOptions({ groovy: groovy.replace("'promote', ", ''), help }, cli)).toThrow('promote');
    expect(() =>
      jenkinsOptions({ groovy, help: help.replace('<dt>target</dt>', '<dt>targt</dt>') }, cli),
    ).toThrow('targt');
  });
});

test('the page of the HTTP interface lists routes for programs and people, and not the files of its pages', () => {
  const page = httpApiPage('0');
  for (const route of ['GET /health', 'POST /predict', 'POST /v2/models/{name}/infer', 'GET /metrics']) {
    expect(page).toContain(`\`${route}\``);
  }
  expect(page).not.toContain('swagger-ui-bundle');
});

describe('published schemas', () => {
  type Node = Readonly<Record<string, unknown>>;
  const isNode = (value: unknown): value is Node =>
    typeof value === 'object' && value !== null && !Array.isArray(value);

  /** Fields without words: the tag of a union's member has them where the member has. */
  function undescribed(schema: Node, path: string): readonly string[] {
    const { properties, $defs, definitions, ...keywords } = schema;
    const fields = Object.entries((properties ?? {}) as Readonly<Record<string, Node>>);
    const parts = Object.entries({ ...($defs as object), ...(definitions as object) });
    return [
      ...fields.flatMap(([name, field]) => {
        const isTag = name === 'kind' && field['const'] !== undefined;
        const words = String((isTag ? schema : field)['description'] ?? '');
        return [
          ...(/^\S.*\S$/s.test(words) ? [] : [`${path}.${name}`]),
          ...undescribed(field, `${path}.${name}`),
        ];
      }),
      ...parts.flatMap(([name, part]) => undescribed(part as Node, name)),
      ...Object.entries(keywords).flatMap(([keyword, value]) => {
        // Conditions repeat fields that are described elsewhere; examples and defaults are values.
        if (['if', 'not', 'examples', 'default', 'enum'].includes(keyword)) return [];
        return (Array.isArray(value) ? value : [value])
          .filter(isNode)
          .flatMap(inner => undescribed(inner, path));
      }),
    ];
  }

  const files = readdirSync(join(projectRoot, 'schemas'));

  test.each(files)('%s says of every field what it means', file => {
    expect(undescribed(JSON.parse(read(`schemas/${file}`)), '')).toEqual([]);
  });

  test('without words for a field are found, however deep it is', () => {
    const words = { description: 'Has words.' };
    const deep = {
      items: { anyOf: [{ properties: { kind: { const: 'a' }, inner: {} } }, { type: 'null' }] },
    };
    expect(
      undescribed({ properties: { told: words, list: { ...words, ...deep } }, $defs: { part: deep } }, ''),
    ).toEqual(['.list.kind', '.list.inner', 'part.kind', 'part.inner']);
  });

  test.each(Object.entries(REPORT_WORDS))('of the report have all words for %s', (part, words) => {
    const schema = part === 'report' ? REPORT_SCHEMA : (REPORT_SCHEMA['$defs'] as Node)[part];
    const text = JSON.stringify(schema);
    expect(Object.entries(words).filter(([, said]) => !text.includes(JSON.stringify(said)))).toEqual([]);
  });

  test('of the registry have all words', () => {
    const text = read('schemas/registry.schema.json');
    expect(text.match(/"description"/g)!.length).toBeGreaterThan(80);
    const ajv = new Ajv({ allowUnionTypes: true });
    for (const schema of Object.values(DESCRIBED_RECORDS)) expect(() => ajv.compile(schema)).not.toThrow();
  });
});

test('the page of the report links each named part to its section', () => {
  const page = reportPage(REPORT_SCHEMA);
  for (const name of Object.keys(REPORT_SCHEMA['$defs'] as object)) expect(page).toContain(`\n## ${name}\n`);
  expect(page).toContain('| `models` | list of [model](#model) |');
});

test('markers that are missing are an error, not a page without its tables', () => {
  expect(() => replaceGenerated('# no markers', 'inputs', 'x')).toThrow('generated:inputs');
  expect(replaceGenerated('a\n<!-- generated:x -->\nold\n<!-- /generated -->\nb', 'x', 'new')).toBe(
    'a\n<!-- generated:x -->\nnew\n<!-- /generated -->\nb',
  );
});
