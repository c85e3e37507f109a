import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashOfKey } from '../../src/serving/access/api-keys.ts';
import { SERVER_PARTS } from '../../src/serving/parts.ts';
import { lacks } from '../support/requirements.ts';
import { fixtureModel, startTestServer, type TestServer } from '../support/serving.ts';

const KEY = 'a-key-of-forty-characters-for-these-tests';
const SLOW_KEY = 'another-key-of-forty-characters-and-more';
const asCaller = (key: string) => ({ authorization: `Bearer ${key}` });
const TRACE = '0af7651916cd43dd8448eb211c80319c';

const features = (seed: number): readonly number[] =>
  Array.from({ length: 12 }, (_, index) => Math.sin(seed + index));
/** Nobody else would write this number. */
const PRIVATE = 0.123454321;

describe.skipIf(lacks('runtime'))('a server with everything mounted', { timeout: 60_000 }, () => {
  let server: TestServer;
  let collector: ReturnType<typeof createServer>;
  const spans: string[] = [];

  beforeAll(async () => {
    collector = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', piece => pieces.push(piece as Buffer));
      request.on('end', () => {
        spans.push(Buffer.concat(pieces).toString());
        response.end('{}');
      });
    });
    await new Promise<void>(resolve => collector.listen(0, '127.0.0.1', resolve));
    server = await startTestServer({
      models: [fixtureModel('fraud', '1'), fixtureModel('fraud', '2'), fixtureModel('digits', '1')],
      parts: SERVER_PARTS,
      settings: {
        access: {
          keys: [
            { name: 'team', sha256: hashOfKey(KEY) },
            { name: 'slow', sha256: hashOfKey(SLOW_KEY), rate: { perSecond: 0.001, burst: 3 } },
          ],
        },
        watching: {
          tracing: { endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` },
        },
        traffic: {
          fraud: {
            split: [
              { version: '1', share: 0.5 },
              { version: '2', share: 0.5 },
            ],
          },
        },
      },
    });
  }, 60_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    collector.closeAllConnections();
    await new Promise(resolve => collector.close(resolve));
  });

  const predict = (seed: number, headers: Readonly<Record<string, string>>) =>
    server.post('/predict?model=fraud', { inputs: { features: [features(seed)] } }, headers);

  it('lets health and the files of pages through, and wants a key for everything else', async () => {
    const open = ['/health', '/dashboard', '/docs', '/docs/swagger-ui.css'];
    for (const path of open) expect((await server.get(path)).status, path).toBe(200);
    const closed = ['/metrics', '/dashboard/events', '/openapi.json', '/model/info', '/v2/models/fraud'];
    for (const path of closed) expect((await server.get(path)).status, path).toBe(401);
    expect((await predict(1, {})).status).toBe(401);
    expect((await predict(1, asCaller(KEY))).status).toBe(200);
  });

  it('limits a key exactly, also where its requests come at once, and others not at all', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, seed) => predict(seed, asCaller(SLOW_KEY))),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(3).fill(200), ...Array(17).fill(429)]);
    const refused = answers.find(({ status }) => status === 429);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(900);
    expect((await predict(1, asCaller(KEY))).status).toBe(200);
  });

  it('sends requests to both versions, the same id always to the same', async () => {
    const versionsOf = async (id: string): Promise<string> => {
      const response = await server.post(
        '/v2/models/fraud/infer',
        { inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 12], data: features(1) }] },
        { ...asCaller(KEY), 'x-request-id': id },
      );
      return ((await response.json()) as { model_version: string }).model_version;
    };
    const first = await Promise.all(Array.from({ length: 24 }, (_, index) => versionsOf(`id-${index}`)));
    const second = await Promise.all(Array.from({ length: 24 }, (_, index) => versionsOf(`id-${index}`)));
    expect(new Set(first)).toEqual(new Set(['1', '2']));
    expect(second).toEqual(first);
  });

  it('tells Prometheus of it in a way that promtool takes', async () => {
    const text = await (await server.get('/metrics', asCaller(KEY))).text();
    expect(text).toMatch(
      /quickserveml_inference_requests_total\{model="fraud",version="1",status="200"\} [1-9]/,
    );
    expect(text).toMatch(/quickserveml_batch_size_count\{model="fraud",version="2"\} [1-9]/);
    expect(text).toContain('quickserveml_rejected_requests_total{status="429"} 17');
    expect(text).toMatch(/quickserveml_worker_resident_memory_bytes\{worker="0"\} [1-9]/);
    if (lacks('promtool')) return;
    const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect((stdout + stderr).split('\n').filter(line => line.startsWith('quickserveml_'))).toEqual([]);
  });

  it('follows a trace into the log and to the collector, and puts nothing of a payload or a key anywhere', async () => {
    const response = await server.post(
      '/predict?model=fraud',
      { inputs: { features: [[PRIVATE, ...features(1).slice(1)]] } },
      { ...asCaller(KEY), traceparent: `00-${TRACE}-b7ad6b7169203331-01`, 'x-request-id': 'traced' },
    );
    const { outputs } = (await response.json()) as { outputs: { probabilities: number[][] } };
    expect(response.headers.get('x-request-id')).toBe('traced');
    const lineOf = (): string | undefined => server.log.find(line => line.includes('"requestId":"traced"'));
    await expect.poll(lineOf, { timeout: 10_000 }).toBeDefined();
    expect(JSON.parse(lineOf() ?? '')).toMatchObject({
      traceId: TRACE,
      route: '/predict',
      status: 200,
      key: 'team',
      model: 'fraud',
    });
    await expect.poll(() => spans.join(''), { timeout: 20_000 }).toContain(TRACE);
    const written = server.log.join('') + spans.join('');
    const secrets = [KEY, SLOW_KEY, String(PRIVATE), String(outputs.probabilities[0]?.[0])];
    expect(secrets.filter(secret => written.includes(secret))).toEqual([]);
  });

  it('ends the streams of the live page when it stops, instead of waiting for them', async () => {
    const other = await startTestServer({ models: [fixtureModel('fraud', '1')], parts: SERVER_PARTS });
    const response = await other.get('/dashboard/events');
    const reading = response.text();
    await other[Symbol.asyncDispose]();
    expect(await reading).toMatch(/^data: \{/);
  });
});

describe.skipIf(lacks('runtime'))('a server with a mirror', { timeout: 60_000 }, () => {
  it.each([
    ['the same model', 'digits', 'same'],
    ['a quantised one', 'digits-int8', 'different'],
  ])(
    'counts how often %s says the same, and answers from the version that counts',
    async (_, name, outcome) => {
      await using server = await startTestServer({
        models: [fixtureModel('digits', '1'), fixtureModel(name, '2', 'digits')],
        parts: SERVER_PARTS,
        settings: {
          traffic: { digits: { split: [{ version: '1', share: 1 }], mirror: { version: '2', share: 1 } } },
        },
      });
      const image = Array.from({ length: 784 }, (_element, index) => Math.sin(index));
      for (let turn = 0; turn < 5; turn += 1) {
        const response = await server.post('/v2/models/digits/infer', {
          inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 1, 28, 28], data: image }],
        });
        expect(await response.json()).toMatchObject({ model_version: '1' });
      }
      const expected = `quickserveml_mirror_comparisons_total{model="digits",version="1",mirror="2",outcome="${outcome}"} 5`;
      const metrics = async (): Promise<string> => (await server.get('/metrics')).text();
      await expect.poll(metrics, { timeout: 10_000 }).toContain(expected);
    },
  );
});
