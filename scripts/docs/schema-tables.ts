import { markdownTable } from 'markdown-table';
import { cell, code } from './markdown.ts';

/** As much of JSON Schema as our published schemas are written in. */
export interface Schema {
  readonly description?: string;
  readonly type?: string | readonly string[];
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

const tagOf = ({ properties }: Schema): unknown => properties?.['kind']?.const;

/** The members of a tagged union; none where it is something else. */
export function membersOf({ oneOf, anyOf }: Schema): readonly Schema[] {
  const tagged = (oneOf ?? anyOf ?? []).filter(member => tagOf(member) !== undefined);
  return tagged.length > 1 ? tagged : [];
}

/** A type in a few words; parts with a name of their own as links to their sections. */
export function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map(value => code(String(value))).join(', ');
  if (membersOf(schema).length > 0) return 'one of several, by `kind`';
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.additionalProperties !== undefined) return `names to ${typeOf(schema.additionalProperties)}`;
  return typeof schema.type === 'string' ? schema.type : (schema.type ?? ['anything']).join(' or ');
}

/** The object (or union) behind lists, dictionaries and "or null", and how its fields are reached from the outer one. */
export function innerObject(schema: Schema): { readonly suffix: string; readonly fields: Schema } | null {
  if (schema.properties !== undefined || membersOf(schema).length > 0) return { suffix: '.', fields: schema };
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

function rowsOf(schema: Schema, prefix: string): readonly (readonly string[])[] {
  const members = membersOf(schema);
  if (members.length > 0) {
    return members.flatMap(member => {
      const { kind, ...properties } = member.properties ?? {};
      const row = [code(`${prefix}kind`), typeOf(kind ?? {}), '', cell(member.description ?? '')];
      return [row, ...rowsOf({ ...member, properties }, prefix)];
    });
  }
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([key, field]) => {
    const inner = innerObject(field);
    const always = required.includes(key) ? '' : 'may be absent';
    return [
      [code(`${prefix}${key}`), typeOf(field), always, cell(field.description ?? '')],
      ...(inner === null ? [] : rowsOf(inner.fields, `${prefix}${key}${inner.suffix}`)),
    ];
  });
}

/** The fields of an object, and of what is in it, a row each. */
export const fieldTable = (schema: Schema): string =>
  markdownTable([['field', 'type', '', ''], ...rowsOf(schema, '')], { alignDelimiters: false });
