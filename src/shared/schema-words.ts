import { isJsonObject } from './json-object.ts';

/** Puts descriptions into a JSON Schema, so that what the fields mean can be read apart from how they are checked. */

type Schema = Readonly<Record<string, unknown>>;

/**
 * Descriptions by path. Lists, dictionaries and "or null" add nothing to a path: `change.platform` and, in every entry of
 * a list, `registry.entries.new`. `kind=moved` describes one member of a union by its tag; `kind=moved.from` is a field of
 * that member only.
 */
export type SchemaWords = Readonly<Record<string, string>>;

const below = (words: SchemaWords, prefix: string): SchemaWords =>
  Object.fromEntries(
    Object.entries(words)
      .filter(([path]) => path.startsWith(`${prefix}.`))
      .map(([path, text]) => [path.slice(prefix.length + 1), text]),
  );

function describeField(schema: Schema, text: string | undefined, words: SchemaWords): Schema {
  const inner = describeSchema(schema, words);
  return text === undefined ? inner : { description: text, ...inner };
}

/** The schema with descriptions; those that it has itself stay. */
export function describeSchema(schema: Schema, words: SchemaWords): Schema {
  if (Object.keys(words).length === 0) return schema;
  const properties = schema['properties'];
  const kind = tagOf(schema);
  const tag = kind === null ? null : `kind=${kind}`;
  const fieldWords = tag === null ? words : { ...words, ...below(words, tag) };
  const own = tag === null ? undefined : words[tag];
  const described: Record<string, unknown> = own === undefined ? {} : { description: own };
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'properties') continue;
    // Sub-schemas of the same value, and of what is in a list or a dictionary, have the same paths.
    if (Array.isArray(value) && ['anyOf', 'oneOf', 'allOf'].includes(keyword)) {
      described[keyword] = value.map((each: Schema) => describeSchema(each, words));
    } else if (isJsonObject(value) && ['items', 'additionalProperties', 'then'].includes(keyword)) {
      described[keyword] = describeSchema(value, words);
    } else {
      described[keyword] = value;
    }
  }
  if (isJsonObject(properties)) {
    described['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, field]) => [
        name,
        describeField(field as Schema, fieldWords[name], below(fieldWords, name)),
      ]),
    );
  }
  return described;
}

/** The constant that a member of a tagged union has as its `kind`. */
function tagOf(schema: Schema): string | null {
  const properties = schema['properties'];
  const kind = isJsonObject(properties) ? properties['kind'] : null;
  return isJsonObject(kind) && typeof kind['const'] === 'string' ? kind['const'] : null;
}
