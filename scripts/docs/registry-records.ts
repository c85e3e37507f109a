import { markdownTable } from 'markdown-table';
import { code } from './markdown.ts';

/** As much of JSON Schema as the schemas of the records are written in. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly { readonly if?: Schema; readonly then?: Schema }[];
}

function fieldText(name: string, schema: Schema): string {
  if (schema.enum !== undefined)
    return `\`${name}\` (${schema.enum.map(value => code(String(value))).join(', ')})`;
  const isNullable = Array.isArray(schema.type) && schema.type.includes('null');
  return isNullable ? `\`${name}\` or null` : code(name);
}

const fieldsOf = ({ properties = {} }: Schema): string =>
  Object.entries(properties)
    .map(([name, schema]) => fieldText(name, schema))
    .join(', ');

/** What each kind of record must have, and what events of one kind and each kind of location must have besides. */
export function registryRecords(schemas: Readonly<Record<string, object>>): string {
  const rows = Object.entries(schemas).flatMap(([kind, value]) => {
    const schema = value as Schema;
    const byKind = (schema.allOf ?? []).map(({ if: condition, then }) => [
      `${kind}, \`kind\` ${code(String(condition?.properties?.['kind']?.const))}`,
      fieldsOf(then ?? {}),
    ]);
    const places = (schema.properties?.['bytes']?.anyOf ?? []).flatMap(({ required, properties = {} }) => {
      const { kind: place, ...fields } = properties;
      return required === undefined
        ? []
        : [[`${kind}, \`bytes.kind\` ${code(String(place?.const))}`, fieldsOf({ properties: fields })]];
    });
    return [[kind, fieldsOf(schema)], ...byKind, ...places];
  });
  return markdownTable([['record', 'must have'], ...rows], { alignDelimiters: false });
}
