import { openApiDocument } from '../../contract/openapi.ts';
import type { Route } from '../call.ts';
import type { ServedModel } from '../served-model.ts';
import { RECORD_FAILURES, RECORD_STREAM } from './record-stream.ts';

type Json = Readonly<Record<string, unknown>>;

const error = (description: string): Json => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
});

/** What may come instead of an answer, whatever the route. */
const REFUSALS: Json = {
  '401': error('a key is needed'),
  '429': error('too many requests of this client; Retry-After says when to come again'),
  '500': error('the server failed'),
  '503': error('the server cannot answer now; Retry-After says when to come again'),
};

const INFERENCE_REFUSALS: Json = {
  '400': error('the request is not what the model takes; the message says where and why'),
  '404': error('there is no such model or version'),
  '408': error('the body did not come in time'),
  '413': error('the body is larger than this server takes'),
  '415': error('the body is not JSON'),
  '422': error('the model cannot be run on these inputs'),
  ...REFUSALS,
};

const OBJECT: Json = { content: { 'application/json': { schema: { type: 'object' } } } };
const NAMES: Json = {
  name: 'model',
  in: 'query',
  description: 'name of the model; the first where it is left out',
  schema: { type: 'string' },
};
const VERSIONS: Json = {
  name: 'version',
  in: 'query',
  description: 'version of the model; the newest where it is left out',
  schema: { type: 'string' },
};

const SUMMARIES: Readonly<Record<string, string>> = {
  '/': 'what this server is and serves',
  '/health': 'whether requests are answered, and what is wrong where something is',
  '/model/info': 'interface and identity of a model',
  '/model/schema': 'JSON Schemas of its requests and responses in every form',
  '/openapi.json': 'this document',
  '/v2': 'server metadata (Open Inference Protocol v2)',
  '/v2/health/live': 'the server runs',
  '/v2/health/ready': 'the server answers requests',
  '/v2/models': 'models and versions',
  '/v2/models/{name}': 'metadata of a model',
  '/v2/models/{name}/ready': 'the model answers requests',
  '/v2/models/{name}/versions/{version}': 'metadata of a version',
  '/v2/models/{name}/versions/{version}/ready': 'the version answers requests',
};

const takesModelQuery = new Set(['/model/info', '/model/schema']);

function readingOperation(path: string, models: readonly ServedModel[]): Json {
  const known: Readonly<Record<string, readonly string[]>> = {
    name: [...new Set(models.map(({ name }) => name))],
    version: [...new Set(models.map(({ version }) => version))],
  };
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', enum: known[name] ?? [] },
  }));
  const query = takesModelQuery.has(path) ? [NAMES, VERSIONS] : [];
  const mayMiss = names.length + query.length > 0;
  return {
    get: {
      summary: SUMMARIES[path] ?? path,
      ...(mayMiss ? { parameters: [...names, ...query] } : {}),
      responses: {
        '200': { description: 'as asked', ...OBJECT },
        ...(mayMiss ? { '404': error('there is no such model or version') } : {}),
        ...REFUSALS,
        // Health says the same in both cases, with what is wrong.
        ...(path === '/health' || path.endsWith('/ready')
          ? { '503': { description: 'not ready', ...OBJECT } }
          : {}),
      },
    },
  };
}

const RECORD_NUMBER: Json = { type: 'integer', minimum: 1, description: 'number of the line' };

/** The response of a form, with the number of its record before it. Its values are told by reference: they are large. */
function recordAnswer(form: string, response: Json): Json {
  const properties = response['properties'] as Json;
  const values = Object.keys(properties).map(key => [
    key,
    { $ref: `#/components/schemas/${form}/properties/${key}` },
  ]);
  return {
    type: 'object',
    properties: { record: RECORD_NUMBER, ...Object.fromEntries(values) },
    required: ['record', ...(response['required'] as readonly string[])],
    additionalProperties: false,
  };
}

/** What a line of the answer of `POST /model/batch` may be. */
function recordAnswers(schemas: Json): Json {
  const forms = [
    'PredictResponse',
    ...('PredictSingleRequest' in schemas ? ['PredictSingleResponse'] : []),
  ].filter(form => form in schemas);
  const failure = {
    type: 'object',
    properties: { code: { enum: RECORD_FAILURES }, message: { type: 'string' } },
    required: ['code', 'message'],
    additionalProperties: false,
  };
  const count = { type: 'integer', minimum: 0 };
  return {
    oneOf: [
      ...forms.map(form => recordAnswer(form, schemas[form] as Json)),
      {
        type: 'object',
        properties: { record: RECORD_NUMBER, error: failure },
        required: ['record', 'error'],
        additionalProperties: false,
      },
      {
        type: 'object',
        description: 'the last line',
        properties: { records: count, failed: count },
        required: ['records', 'failed'],
        additionalProperties: false,
      },
    ],
  };
}

/**
 * `POST /model/batch`. Lines are told as an array of what stands in them, as OpenAPI 3.2 has it for sequences of JSON.
 * @param payload of a line, as for `/predict`
 * @param example of a payload; none where it would be large
 */
function recordStreamOperation(payload: Json, example: unknown): Json {
  const linesOf = (items: Json, lines: object = {}): Json => ({
    'application/x-ndjson': {
      schema: { type: 'array', description: 'each element is a line of JSON', items },
      ...lines,
    },
  });
  return {
    post: {
      operationId: 'recordStream',
      summary: 'a stream of payloads, one a line, to a stream of answers in their order',
      requestBody: {
        required: true,
        content: linesOf(payload, example === undefined ? {} : { example: `${JSON.stringify(example)}\n` }),
      },
      responses: {
        '200': {
          description:
            'a line for each payload with its number as `record` beside the answer or an `error`, and a last line with `records` and `failed`; a line that is no payload is such an `error`',
          content: linesOf({ $ref: '#/components/schemas/RecordAnswer' }),
        },
        '404': error('there is no such model or version'),
        '415': error('the body is no stream of lines of JSON'),
        ...REFUSALS,
      },
    },
  };
}

/** The schema of the bodies of `/predict`; any where there is no model. */
function payloadOf(contract: Json): Json {
  const { '/predict': predict } = contract['paths'] as Readonly<
    Record<string, { readonly post: { readonly requestBody: { readonly content: Json } } }>
  >;
  const content = predict?.post.requestBody.content['application/json'] as
    | { readonly schema: Json }
    | undefined;
  return content?.schema ?? {};
}

/** Adds to an operation of the contract's document what a running server may answer, and that versions can be named. */
function servedOperation(operation: Json, query: readonly Json[]): Json {
  const responses = operation['responses'] as Json;
  return {
    ...operation,
    ...(query.length > 0 ? { parameters: query } : {}),
    responses: { '200': responses['200'], ...INFERENCE_REFUSALS },
  };
}

/**
 * Lists of which every place has a schema of its own, as lists of a length: the sizes of a shape, which the message of a
 * refusal tells more exactly. Tools that make clients and tests of OpenAPI know the one, and stumble over the other.
 */
function withoutTuples(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTuples);
  if (typeof value !== 'object' || value === null) return value;
  const { prefixItems, items, minItems, ...others } = value as Json;
  const kept = Object.fromEntries(Object.entries(others).map(([key, inner]) => [key, withoutTuples(inner)]));
  if (Array.isArray(prefixItems)) {
    const sizes = { type: 'integer', minimum: 0 };
    return { ...kept, items: sizes, minItems: prefixItems.length, maxItems: prefixItems.length };
  }
  return {
    ...kept,
    ...(items === undefined ? {} : { items: withoutTuples(items) }),
    ...(minItems === undefined ? {} : { minItems }),
  };
}

/** A request of the v2 protocol may ask for some outputs only, so none must be there. */
function partialResponse(schemas: Json): Json {
  const response = schemas['InferResponse'] as { readonly properties?: Json } | undefined;
  const outputs = response?.properties?.['outputs'] as Json | undefined;
  if (response?.properties === undefined || outputs === undefined) return {};
  const { allOf: _all, ...others } = outputs;
  return { InferResponse: { ...response, properties: { ...response.properties, outputs: others } } };
}

/**
 * The OpenAPI document of a running server: exact schemas of the requests of its first model (others have theirs at
 * `/model/schema`), and every other route that is for programs.
 */
export function servedOpenApi(
  models: readonly ServedModel[],
  routes: readonly Route[],
  toolVersion: string,
): Json {
  const [first] = models;
  const newest = models.filter(({ name }) => name === first?.name).at(-1);
  const contract =
    newest === undefined
      ? { paths: {}, components: { schemas: {} } }
      : openApiDocument(newest.interface, { modelName: newest.name, version: newest.version });
  const schemas = (contract['components'] as { readonly schemas: Json }).schemas;
  const paths: [string, Json][] = Object.entries(contract['paths'] as Json).map(([path, item]) => {
    const operation = (item as { readonly post: Json }).post;
    // The schemas are those of one model: another one is not named here.
    return [path, { post: servedOperation(operation, []) }];
  });
  for (const route of routes) {
    if (route.method === 'GET' && route.path in SUMMARIES)
      paths.push([route.path, readingOperation(route.path, models)]);
  }
  const hasStream = routes.some(({ method, path }) => method === 'POST' && path === RECORD_STREAM);
  if (hasStream) {
    const request = schemas['PredictRequest'] as { readonly examples?: readonly unknown[] } | undefined;
    paths.push([RECORD_STREAM, recordStreamOperation(payloadOf(contract), request?.examples?.[0])]);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: newest?.name ?? 'no model',
      version: newest?.version ?? '0.0.0',
      description: `Served by QuickServeML ${toolVersion}.`,
    },
    paths: Object.fromEntries(paths),
    components: {
      schemas: {
        Error: { type: 'object', properties: { error: { type: 'string' } }, required: ['error'] },
        ...(withoutTuples(schemas) as Json),
        ...partialResponse(withoutTuples(schemas) as Json),
        ...(hasStream ? { RecordAnswer: recordAnswers(schemas) } : {}),
      },
    },
  };
}
