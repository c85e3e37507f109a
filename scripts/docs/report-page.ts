import { markdownTable } from 'markdown-table';
import { cell, code } from './markdown.ts';

/** As much of JSON Schema as the report's schema is written in. */
interface Schema {
  readonly description?: string;
  readonly type?: string;
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** A type in a few words; parts with a name of their own as links to their sections. */
function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map(value => code(String(value))).join(', ');
  if (schema.oneOf !== undefined) return 'one of several, by `kind`';
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.additionalProperties !== undefined) return `names to ${typeOf(schema.additionalProperties)}`;
  return schema.type ?? 'anything';
}

/** The object behind lists, dictionaries and "or null", and how its fields are reached from the outer one. */
function innerObject(schema: Schema): { readonly suffix: string; readonly fields: Schema } | null {
  if (schema.properties !== undefined && schema.oneOf === undefined) return { suffix: '.', fields: schema };
  if (schema.items !== undefined) {
    const inner = innerObject(schema.items);
    return inner === null ? null : { ...inner, suffix: `[]${inner.suffix}` };
  }
  if (schema.additionalProperties !== undefined) {
    const inner = innerObject(schema.additionalProperties);
    return inner === null ? null : { ...inner, suffix: `.*${inner.suffix}` };
  }
  return (schema.anyOf ?? []).map(innerObject).find(inner => inner !== null) ?? null;
}

function rowsOf({ properties = {}, required = [] }: Schema, prefix: string): readonly (readonly string[])[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const inner = innerObject(schema);
    const always = required.includes(key) ? '' : 'may be absent';
    return [
      [code(`${prefix}${key}`), typeOf(schema), always, cell(schema.description ?? '')],
      ...(inner === null ? [] : rowsOf(inner.fields, `${prefix}${key}${inner.suffix}`)),
    ];
  });
}

const table = (schema: Schema): string =>
  markdownTable([['field', 'type', '', ''], ...rowsOf(schema, '')], { alignDelimiters: false });

/** The members of a tagged union: a table each, under the value of `kind`. */
function unionLines(members: readonly Schema[]): readonly string[] {
  return members.flatMap(member => {
    const { kind, ...properties } = member.properties ?? {};
    const name = code(String(kind?.const));
    if (Object.keys(properties).length === 0) return [`\`kind\` ${name}: nothing else.`, ''];
    return [`\`kind\` ${name}:`, '', table({ ...member, properties }), ''];
  });
}

function section(name: string, schema: Schema): readonly string[] {
  const words = schema.description === undefined ? [] : [cell(schema.description), ''];
  const inner = innerObject(schema);
  if (schema.oneOf !== undefined) return [`## ${name}`, '', ...words, ...unionLines(schema.oneOf)];
  if (inner === null) return [`## ${name}`, '', ...words, `${typeOf(schema)}.`, ''];
  return [`## ${name}`, '', ...words, table(inner.fields), ''];
}

/** docs/report.md from the JSON Schema of a report. */
export function reportPage(schema: Schema): string {
  return [
    '# The report',
    '',
    'Written from [schemas/report.schema.json](../schemas/report.schema.json) (JSON Schema 2020-12), which `report.json`, the',
    'file of `quickserveml check --report-dir`, is always valid by. Fields may be added while `schemaVersion` stays the same;',
    'none is renamed or taken away. Times are milliseconds, sizes are bytes, shares are fractions (0.05 is 5 %).',
    '',
    ...section('report', { ...schema, description: schema.description ?? '' }),
    ...Object.entries(schema.$defs ?? {}).flatMap(([name, part]) => section(name, part)),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}
