/** The part of JSON Schema 2020-12 that the configuration's schema uses. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  /** What stands there may be a secret: no message repeats it. */
  readonly writeOnly?: boolean;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
}

/** The value that the `default` keywords of an object's properties add up to; undefined where there is none. */
export function defaultOf(schema: JsonSchema): unknown {
  if (schema.default !== undefined) return structuredClone(schema.default);
  const entries = Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const value = defaultOf(property);
    return value === undefined ? [] : [[key, value] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** The schema with a `default`, where one is wanted and there is one: a model's own keys have none, they inherit. */
export function withDefault(schema: JsonSchema, value: unknown, wanted: boolean): JsonSchema {
  return wanted && value !== null ? { ...schema, default: value } : schema;
}
