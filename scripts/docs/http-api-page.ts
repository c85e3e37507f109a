import { markdownTable } from 'markdown-table';
import type { ModelInterface } from '../../src/model/inspection.ts';
import type { Audience, Route } from '../../src/serving/call.ts';
import { HeldBytes } from '../../src/serving/held-bytes.ts';
import { benchmarkRoute } from '../../src/serving/interfaces/benchmark-route.ts';
import { cloudRoutes } from '../../src/serving/interfaces/cloud-routes.ts';
import type { InferenceAccess } from '../../src/serving/interfaces/inference-replies.ts';
import { servedOpenApi } from '../../src/serving/interfaces/openapi-document.ts';
import { ownRoutes } from '../../src/serving/interfaces/own-routes.ts';
import { recordStreamRoute } from '../../src/serving/interfaces/record-stream.ts';
import { v2Routes } from '../../src/serving/interfaces/v2-routes.ts';
import { pagesPart } from '../../src/serving/pages/page-routes.ts';
import { DEFAULT_LIMITS } from '../../src/serving/settings.ts';
import type { ServerView } from '../../src/serving/watcher.ts';
import { watchingPart } from '../../src/serving/watching/watching-part.ts';
import { cell, code } from './markdown.ts';

type Json = Readonly<Record<string, unknown>>;

const EXAMPLE: ModelInterface = {
  inputs: [{ name: 'pixels', kind: 'tensor', dtype: 'float32', shape: ['batch', 64] }],
  outputs: [{ name: 'scores', kind: 'tensor', dtype: 'float32', shape: ['batch', 10] }],
  opsets: { 'ai.onnx': 17 },
  optionalInputs: [],
};

/** What the settings have to say for a route to be there; and what the document of the server does not describe. */
const REMARKS: Readonly<Record<string, string>> = {
  '/model/batch':
    'one payload a line (`application/x-ndjson`) to one result a line, numbered from 1 in the same order, and a last line that counts',
  '/model/benchmark': 'times of the smallest request, `?runs=50`; with `interfaces.benchmark`',
  '/ping': 'as `/health`, for Amazon SageMaker; with `interfaces.sageMaker`',
  '/invocations': 'as `/predict`, for Amazon SageMaker; with `interfaces.sageMaker`',
  '/vertex/health':
    'as `/health`, for Vertex AI, at the path that `AIP_HEALTH_ROUTE` names; with `interfaces.vertex`',
  '/vertex/predict': '`{"instances": [...]}`, for Vertex AI, at the path that `AIP_PREDICT_ROUTE` names',
  '/v2/repository/index': 'models and versions, as Triton lists them',
  '/v2/models/{name}/infer': 'runs the newest version (Open Inference Protocol v2, JSON or binary tensors)',
  '/v2/models/{name}/versions/{version}/infer': 'runs that version',
  '/metrics': "metrics in Prometheus' text format",
  '/dashboard': 'live page for people',
  '/dashboard/events': 'its numbers, one server-sent event a second',
  '/docs': 'Swagger UI over `/openapi.json`',
};

const AUDIENCES: Readonly<Record<Audience, string>> = {
  open: 'everybody, without a key too',
  reading: 'whoever has a key',
  inference: 'whoever has a key; counts against its rate',
  watching: 'whoever has a key',
};

/** Nothing here is called while the routes are only listed. */
const notCalled = new Proxy(
  {},
  {
    get: () => {
      throw new Error('the page lists routes; it calls none');
    },
  },
);

function routesOf(toolVersion: string): readonly Route[] {
  const access = notCalled as InferenceAccess;
  const view = notCalled as ServerView;
  const world = {
    env: {},
    now: () => 0,
    monotonicMs: () => 0,
    random: () => 0,
    writeLog: () => undefined,
    folder: '/',
    toolVersion,
  };
  const vertex = { healthRoute: '/vertex/health', predictRoute: '/vertex/predict' };
  return [
    ...ownRoutes({ access, view, toolVersion, openApi: () => ({}), links: [] }),
    recordStreamRoute(access, DEFAULT_LIMITS, new HeldBytes(DEFAULT_LIMITS.heldBytes)),
    benchmarkRoute(access, () => 0),
    ...v2Routes(access, view, toolVersion),
    ...cloudRoutes({ benchmark: true, sageMaker: true, vertex }, access, view),
    ...(watchingPart(undefined, world, view).routes ?? []),
    ...(pagesPart(undefined, world, view).routes ?? []),
  ];
}

/** The style sheets and scripts of the pages: no one's interface. */
const isFile = ({ path }: Route): boolean => /^\/(docs|dashboard)\/.*\./.test(path);

/** Path and method of an operation of the document; the example's name stands for any. */
const operationOf = (document: Json, { path, method }: Route): Json | undefined => {
  const paths = document['paths'] as Readonly<Record<string, Readonly<Record<string, Json>>>>;
  const item = paths[path] ?? paths[path.replace('{name}', 'digits')];
  return item?.[method.toLowerCase()];
};

function statusRows(document: Json, routes: readonly Route[]): readonly (readonly string[])[] {
  const meanings = new Map<string, string>();
  for (const route of routes) {
    const responses = (operationOf(document, route)?.['responses'] ?? {}) as Readonly<Record<string, Json>>;
    for (const [status, response] of Object.entries(responses)) {
      if (status !== '200') meanings.set(status, String(response['description']));
    }
  }
  return [...meanings].sort().map(([status, meaning]) => [status, cell(meaning)]);
}

function schemaText(document: Json, name: string): readonly string[] {
  const { schemas } = document['components'] as { readonly schemas: Json };
  return [`\`${name}\`:`, '', '```json', JSON.stringify(schemas[name], null, 2), '```', ''];
}

function summaryOf(document: Json, route: Route): string {
  const summary = REMARKS[route.path] ?? operationOf(document, route)?.['summary'];
  if (summary === undefined) throw new Error(`nothing says what ${route.method} ${route.path} does`);
  return cell(String(summary).replace('Runs digits', 'runs the model'));
}

/** docs/http-api.md: the server's own routes and OpenAPI document, for a model with one input and one output. */
export function httpApiPage(toolVersion: string): string {
  const routes = routesOf(toolVersion);
  const model = {
    name: 'digits',
    version: '1.4.2',
    sha256: null,
    interface: EXAMPLE,
    batching: { kind: 'rows' },
  } as const;
  const document = servedOpenApi([model], routes, toolVersion);
  const rows = routes
    .filter(route => !isFile(route))
    .map(route => [
      code(`${route.method} ${route.path}`),
      summaryOf(document, route),
      AUDIENCES[route.audience],
    ]);
  return [
    '# The HTTP interface',
    '',
    'Written from the routes of the server and from the OpenAPI 3.1 document that it gives at `/openapi.json`: there, the schemas',
    'are those of the model that is served. [serving.md](serving.md) explains the forms of a request, and',
    '[serving-operations.md](serving-operations.md) keys, limits and metrics. `quickserveml schema MODEL --openapi` writes the',
    'document without a server.',
    '',
    '## Routes',
    '',
    'Where neither `keys` nor `jwt` are set, everybody may use every route. `?model=` and `?version=` choose on paths without a',
    'name.',
    '',
    markdownTable([['route', 'what it does', 'for'], ...rows], { alignDelimiters: false }),
    '',
    '## Answers that are no result',
    '',
    'Each is `{"error": "..."}` with the reason, but for 503 of a health route, which has the shape of the 200.',
    '',
    markdownTable([['status', ''], ...statusRows(document, routes)], { alignDelimiters: false }),
    '',
    '## Schemas of an example',
    '',
    'For a model with the input `pixels` (`float32[batch,64]`) and the output `scores` (`float32[batch,10]`):',
    '',
    ...schemaText(document, 'PredictRequest'),
    ...schemaText(document, 'PredictResponse'),
    'A line of the answer of `POST /model/batch`:',
    '',
    ...schemaText(document, 'RecordAnswer'),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}
