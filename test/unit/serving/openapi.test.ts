import { describe, expect, it } from 'vitest';
import type { ValueInfo } from '../../../src/model/inspection.ts';
import { servedOpenApi } from '../../../src/serving/interfaces/openapi-document.ts';
import type { ServedModel } from '../../../src/serving/served-model.ts';
import { routeOf } from '../../support/serving-doubles.ts';

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly requestBody?: { readonly content: Json };
  readonly responses: Readonly<Record<string, { readonly content?: object }>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const documentOf = (models: readonly ServedModel[], ...routes: readonly string[]) =>
  servedOpenApi(
    models,
    routes.map(path => ({ ...routeOf('inference'), path, method: path === '/health' ? 'GET' : 'POST' })),
    '1.2.3',
  );
const pathsOf = (...routes: readonly string[]): Paths => documentOf([], ...routes)['paths'] as Paths;

const tensor = (name: string, size: number): ValueInfo => ({
  name,
  kind: 'tensor',
  dtype: 'float32',
  shape: ['batch', size],
});
const modelOf = (size: number): ServedModel => ({
  name: 'm',
  version: '1',
  sha256: null,
  interface: { inputs: [tensor('x', size)], outputs: [tensor('y', 1)], opsets: {}, optionalInputs: [] },
  batching: { kind: 'rows' },
});

describe('the OpenAPI document of a server', () => {
  it('has the stream of records, as lines in both directions, where the server has it', () => {
    const operation = pathsOf('/model/batch')['/model/batch']?.['post'];
    expect(Object.keys(operation?.requestBody?.content ?? {})).toEqual(['application/x-ndjson']);
    expect(Object.keys(operation?.responses['200']?.content ?? {})).toEqual(['application/x-ndjson']);
    expect(pathsOf('/health')).not.toHaveProperty('/model/batch');
  });

  it('has a payload of /predict on each line of the stream, with an example where it is small', () => {
    const contentOf = (size: number, path: string, type: string): Json => {
      const paths = documentOf([modelOf(size)], '/model/batch')['paths'] as Paths;
      return paths[path]?.['post']?.requestBody?.content[type] as Json;
    };
    const lines = contentOf(2, '/model/batch', 'application/x-ndjson');
    const { schema } = contentOf(2, '/predict', 'application/json');
    expect(lines['schema']).toMatchObject({ type: 'array', items: schema });
    expect(lines['example']).toBe('{"inputs":{"x":[[0,0]]}}\n');
    expect(contentOf(5000, '/model/batch', 'application/x-ndjson')).not.toHaveProperty('example');
  });

  it('promises no answer that the server never gives: a key that is known may do everything', () => {
    const operations = Object.values(pathsOf('/health', '/model/batch')).flatMap(Object.values);
    expect(operations).toHaveLength(2);
    for (const { responses } of operations) expect(Object.keys(responses)).not.toContain('403');
  });
});
