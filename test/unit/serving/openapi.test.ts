import { describe, expect, it } from 'vitest';
import { servedOpenApi } from '../../../src/serving/interfaces/openapi-document.ts';
import { routeOf } from '../../support/serving-doubles.ts';

interface Operation {
  readonly requestBody?: { readonly content: object };
  readonly responses: Readonly<Record<string, { readonly content?: object }>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const pathsOf = (...routes: readonly string[]): Paths =>
  servedOpenApi(
    [],
    routes.map(path => ({ ...routeOf('inference'), path, method: path === '/health' ? 'GET' : 'POST' })),
    '1.2.3',
  )['paths'] as Paths;

describe('the OpenAPI document of a server', () => {
  it('has the stream of records, as lines in both directions, where the server has it', () => {
    const operation = pathsOf('/model/batch')['/model/batch']?.['post'];
    expect(Object.keys(operation?.requestBody?.content ?? {})).toEqual(['application/x-ndjson']);
    expect(Object.keys(operation?.responses['200']?.content ?? {})).toEqual(['application/x-ndjson']);
    expect(pathsOf('/health')).not.toHaveProperty('/model/batch');
  });

  it('promises no answer that the server never gives: a key that is known may do everything', () => {
    const operations = Object.values(pathsOf('/health', '/model/batch')).flatMap(Object.values);
    expect(operations).toHaveLength(2);
    for (const { responses } of operations) expect(Object.keys(responses)).not.toContain('403');
  });
});
