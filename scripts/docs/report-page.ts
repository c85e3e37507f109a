import { cell, code } from './markdown.ts';
import { fieldTable, innerObject, membersOf, type Schema, typeOf } from './schema-tables.ts';

/** The members of a tagged union: a table each, under the value of `kind`. */
function unionLines(members: readonly Schema[]): readonly string[] {
  return members.flatMap(member => {
    const { kind, ...properties } = member.properties ?? {};
    const name = code(String(kind?.const));
    const words = member.description === undefined ? ':' : `: ${cell(member.description)}`;
    if (Object.keys(properties).length === 0) return [`\`kind\` ${name}${words}`, ''];
    return [`\`kind\` ${name}${words}`, '', fieldTable({ ...member, properties }), ''];
  });
}

function section(name: string, schema: Schema): readonly string[] {
  const words = schema.description === undefined ? [] : [cell(schema.description), ''];
  const inner = innerObject(schema);
  const members = membersOf(schema);
  if (members.length > 0) return [`## ${name}`, '', ...words, ...unionLines(members)];
  if (inner === null) return [`## ${name}`, '', ...words, `${typeOf(schema)}.`, ''];
  return [`## ${name}`, '', ...words, fieldTable(inner.fields), ''];
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
