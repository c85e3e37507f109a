import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

type Json = Record<string, unknown>;

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly multiSegment: boolean;
  readonly validate: ValidateFunction;
  readonly type: unknown;
}

/** One operation of a platform's REST API, ready to check requests and answers. */
export interface Operation {
  /** `GET /repos/{owner}/{repo}/pulls`, as the product spells it. */
  readonly route: string;
  readonly pattern: RegExp;
  readonly parameters: readonly Parameter[];
  readonly body: { readonly validate: ValidateFunction; readonly properties: readonly string[] } | null;
  readonly answers: ReadonlyMap<number, Json | null>;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** OpenAPI 3.0 to JSON Schema: `nullable` becomes a type, keywords that only OpenAPI knows go. */
function convert(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(convert);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(
    ([key]) => !['nullable', 'discriminator', 'xml', 'externalDocs'].includes(key) && !key.startsWith('x-'),
  );
  const schema: Json = Object.fromEntries(kept.map(([key, inner]) => [key, convert(inner)]));
  if (value['nullable'] !== true) return schema;
  if (typeof schema['type'] === 'string' && schema['enum'] === undefined)
    return { ...schema, type: [schema['type'], 'null'] };
  return { anyOf: [schema, { type: 'null' }] };
}

/** Text of a path or a query as the type that it is declared with. */
function typed(text: string, type: unknown): unknown {
  if (type === 'integer' && /^-?\d+$/.test(text)) return Number(text);
  if (type === 'boolean' && /^(?:true|false)$/.test(text)) return text === 'true';
  // Declared with `style: form` and without `explode`: one parameter, with commas.
  return type === 'array' ? text.split(',') : text;
}

/** The contract of a platform, out of its published description: finds the operation of a request and validates against it. */
export class ApiContract {
  readonly operations: readonly Operation[];
  readonly #raw: Json;
  readonly #document: Json;
  readonly #id: string;
  readonly #ajv: Ajv2020;
  readonly #answerValidators = new Map<string, ValidateFunction>();

  static readonly #known = new Map<string, ApiContract>();

  /**
   * The contract, compiled once for all servers of a process, since it keeps nothing of a request and takes long.
   * @param name of a file in contracts/: an extract of an OpenAPI 3 document, without prose
   */
  static of(name: string): ApiContract {
    const contract = ApiContract.#known.get(name) ?? new ApiContract(name);
    ApiContract.#known.set(name, contract);
    return contract;
  }

  private constructor(name: string) {
    const raw = JSON.parse(readFileSync(join(import.meta.dirname, 'contracts', name), 'utf8')) as Json;
    this.#raw = raw;
    this.#id = `https://contract.invalid/${name}`;
    this.#document = convert(raw) as Json;
    this.#ajv = new Ajv2020({ strict: false, allErrors: true });
    this.#ajv.addFormat('uri', text => URL.canParse(text));
    this.#ajv.addFormat('date-time', text => !Number.isNaN(Date.parse(text)));
    this.#ajv.addFormat('int64', { type: 'number', validate: Number.isSafeInteger });
    this.#ajv.addFormat('binary', true);
    this.#ajv.addSchema({ ...this.#document, $id: this.#id });
    this.operations = Object.entries(raw['paths'] as Json).flatMap(([path, methods]) =>
      Object.entries(methods as Json).map(([method, operation]) =>
        this.#operation(method.toUpperCase(), path, operation as Json),
      ),
    );
  }

  /** The schema with `$ref` followed. */
  resolve(schema: unknown): Json {
    let current = schema as Json;
    while (typeof current['$ref'] === 'string') {
      current = current['$ref']
        .replace(/^.*#\//, '')
        .split('/')
        .reduce<unknown>((at, key) => (at as Json)[key], this.#document) as Json;
    }
    return current;
  }

  #compile(schema: unknown): ValidateFunction {
    return this.#ajv.compile(
      JSON.parse(
        JSON.stringify(convert(schema)).replaceAll('"#/components/', `"${this.#id}#/components/`),
      ) as Json,
    );
  }

  #operation(method: string, path: string, operation: Json): Operation {
    const parameters = ((operation['parameters'] ?? []) as Json[]).map(reference => {
      const source = typeof reference['$ref'] === 'string' ? this.#rawAt(reference['$ref']) : reference;
      const schema = source['schema'] as Json;
      return {
        name: source['name'] as string,
        in: source['in'] as 'path' | 'query',
        required: source['required'] === true,
        multiSegment: source['x-multi-segment'] === true,
        validate: this.#compile(schema),
        type: schema['type'],
      };
    });
    const multi = new Set(parameters.filter(parameter => parameter.multiSegment).map(({ name }) => name));
    const pattern = path.replace(
      /\{(\w+)\}/g,
      (_, name: string) => `(?<${name}>${multi.has(name) ? '.+' : '[^/]+'})`,
    );
    const bodySchema = jsonSchemaOf(operation['requestBody']);
    const answers = new Map<number, Json | null>();
    for (const [status, answer] of Object.entries((operation['responses'] ?? {}) as Json)) {
      const resolved =
        isObject(answer) && typeof answer['$ref'] === 'string' ? this.#rawAt(answer['$ref']) : answer;
      answers.set(Number(status), jsonSchemaOf(resolved));
    }
    return {
      route: `${method} ${path}`,
      pattern: new RegExp(`^${pattern}$`),
      parameters,
      body:
        bodySchema === null
          ? null
          : {
              validate: this.#compile(bodySchema),
              properties: Object.keys((this.resolve(convert(bodySchema))['properties'] ?? {}) as Json),
            },
      answers,
    };
  }

  #rawAt(reference: string): Json {
    return reference
      .replace(/^#\//, '')
      .split('/')
      .reduce<unknown>((at, key) => (at as Json)[key], this.#raw) as Json;
  }

  /** The operation for a request, the one with the fewest free segments first; null for a route that the platform does not have here. */
  find(
    method: string,
    path: string,
  ): { readonly operation: Operation; readonly path: Readonly<Record<string, string>> } | null {
    const matching = this.operations
      .filter(({ route, pattern }) => route.startsWith(`${method} `) && pattern.test(path))
      .toSorted(
        (a, b) =>
          a.parameters.filter(one => one.multiSegment).length -
          b.parameters.filter(one => one.multiSegment).length,
      );
    const operation = matching[0];
    if (operation === undefined) return null;
    const groups = operation.pattern.exec(path)?.groups ?? {};
    return {
      operation,
      path: Object.fromEntries(
        Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]),
      ),
    };
  }

  /** What is wrong with a request; empty where it keeps the contract. */
  checkRequest(
    operation: Operation,
    path: Readonly<Record<string, string>>,
    query: URLSearchParams,
    body: unknown,
  ): readonly string[] {
    const problems: string[] = [];
    const check = (parameter: Parameter, text: string): void => {
      if (!parameter.validate(typed(text, parameter.type)))
        problems.push(
          `${operation.route}: ${parameter.in} parameter ${parameter.name} is ${JSON.stringify(text)}`,
        );
    };
    for (const parameter of operation.parameters) {
      const text = parameter.in === 'path' ? path[parameter.name] : (query.get(parameter.name) ?? undefined);
      if (text !== undefined) check(parameter, text);
      else if (parameter.required) problems.push(`${operation.route}: ${parameter.name} is missing`);
    }
    const known = new Set(operation.parameters.filter(one => one.in === 'query').map(({ name }) => name));
    for (const name of query.keys())
      if (!known.has(name)) problems.push(`${operation.route}: unknown query parameter ${name}`);
    if (operation.body === null) {
      if (body !== undefined) problems.push(`${operation.route}: takes no body`);
      return problems;
    }
    if (!operation.body.validate(body))
      problems.push(`${operation.route}: body: ${this.#ajv.errorsText(operation.body.validate.errors)}`);
    for (const name of Object.keys(isObject(body) ? body : {})) {
      if (!operation.body.properties.includes(name))
        problems.push(`${operation.route}: unknown field ${name} in the body`);
    }
    return problems;
  }

  /** What is wrong with an answer of the test server itself. */
  checkAnswer(operation: Operation, status: number, data: unknown): readonly string[] {
    const schema = operation.answers.get(status);
    if (schema === undefined || schema === null) return [];
    const key = `${operation.route} ${status}`;
    const validate = this.#answerValidators.get(key) ?? this.#compile(schema);
    this.#answerValidators.set(key, validate);
    const seen = this.#raw['x-nulls-in-answers'] === true ? withoutNulls(data) : data;
    return validate(seen) ? [] : [`answer of ${key}: ${this.#ajv.errorsText(validate.errors)}`];
  }

  /** A value that a component's schema allows: `known` where given, the least that is required elsewhere. */
  complete(component: string, known: unknown): unknown {
    return this.#fill({ $ref: `#/components/schemas/${component}` }, known, 0);
  }

  #fill(reference: unknown, known: unknown, depth: number): unknown {
    const schema = this.resolve(reference);
    const alternatives = (schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf']) as unknown[] | undefined;
    const types = [schema['type']].flat();
    if (known === null) return null;
    if (known === undefined && types.includes('null')) return null;
    if (schema['properties'] === undefined && alternatives !== undefined)
      return this.#fill(alternatives[0], known, depth);
    if (types.includes('object') || schema['properties'] !== undefined) {
      const properties = (schema['properties'] ?? {}) as Json;
      const given = isObject(known) ? known : {};
      const names = new Set([...((schema['required'] ?? []) as string[]), ...Object.keys(given)]);
      return Object.fromEntries(
        [...names].map(name => [
          name,
          properties[name] === undefined ? given[name] : this.#fill(properties[name], given[name], depth + 1),
        ]),
      );
    }
    if (types.includes('array'))
      return Array.isArray(known) ? known.map(item => this.#fill(schema['items'], item, depth + 1)) : [];
    if (known !== undefined) return known;
    if (Array.isArray(schema['enum'])) return schema['enum'][0];
    if (types.includes('integer') || types.includes('number')) return 1;
    if (types.includes('boolean')) return false;
    if (schema['format'] === 'uri') return 'https://github.example/x';
    if (schema['format'] === 'date-time') return '2026-11-23T12:00:00Z';
    return 'x';
  }
}

/** For descriptions that mark no field of an answer as nullable although the platform answers null. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner)]])),
  );
}

function jsonSchemaOf(container: unknown): Json | null {
  if (!isObject(container) || !isObject(container['content'])) return null;
  const json = container['content']['application/json'];
  return isObject(json) && isObject(json['schema']) ? json['schema'] : null;
}
