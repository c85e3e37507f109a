import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../../../src/serving/call.ts';
import type { TraceContext } from '../../../src/serving/watcher.ts';
import { healthReply } from '../../../src/serving/watching/health.ts';
import { instrumentsOf } from '../../../src/serving/watching/instruments.ts';
import { LiveStatistics } from '../../../src/serving/watching/live-statistics.ts';
import { parseWatchingSettings } from '../../../src/serving/watching/settings.ts';
import { createSpanExporter } from '../../../src/serving/watching/span-exporter.ts';
import { spansOf } from '../../../src/serving/watching/spans.ts';
import { parseTraceparent, randomId, traceContextOf } from '../../../src/serving/watching/trace-context.ts';
import { watchingPart } from '../../../src/serving/watching/watching-part.ts';
import { lacks } from '../../support/requirements.ts';
import { callOf, servedOf, servingWorld, snapshotOf } from '../../support/serving-doubles.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const trace: TraceContext = {
  traceId: TRACE,
  spanId: SPAN,
  parentSpanId: '00f067aa0ba902b7',
  sampled: true,
  state: 'vendor=1',
};

function partOf(section: unknown = undefined, env: Record<string, string> = {}) {
  const surroundings = servingWorld(env);
  const view = { snapshot: () => snapshotOf() };
  const part = watchingPart(section, surroundings.world, view);
  const scrape = async (): Promise<string> => {
    const route = part.routes?.find(({ path }) => path === '/metrics');
    if (route?.kind !== 'reply') throw new Error('no route');
    const reply: Reply = await route.answer(callOf(), {});
    return String(reply.body);
  };
  const { metrics } = instrumentsOf(view, surroundings.world);
  return { ...surroundings, watcher: part.watcher!, metrics, scrape };
}

describe('metrics', () => {
  it('count requests by route, method and status, and times by model and version', async () => {
    const { watcher, scrape } = partOf();
    watcher.served(servedOf());
    watcher.served(servedOf({ status: 503, inference: null }));
    const text = await scrape();
    expect(text).toContain('quickserveml_http_requests_total{route="/predict",method="POST",status="200"} 1');
    expect(text).toContain('quickserveml_rejected_requests_total{status="503"} 1');
    expect(text).toContain('quickserveml_inference_duration_seconds_sum{model="digits",version="1"} 0.005');
    expect(text).toContain(
      'quickserveml_inference_duration_seconds_bucket{le="0.0025",model="digits",version="1"} 0',
    );
    expect(text).toContain(
      'quickserveml_inference_duration_seconds_bucket{le="0.005",model="digits",version="1"} 1',
    );
    expect(text).toContain('quickserveml_batch_size_bucket{le="4",model="digits",version="1"} 1');
  });

  it('show the state of the server at the moment they are read', async () => {
    const text = await partOf().scrape();
    expect(text).toContain('quickserveml_queue_length{model="digits",version="1"} 4');
    expect(text).toContain('quickserveml_workers{state="busy"} 1');
    expect(text).toContain('quickserveml_workers{state="starting"} 0');
    expect(text).toContain('quickserveml_worker_resident_memory_bytes{worker="1"} 90000000');
    expect(text).toContain('process_resident_memory_bytes');
  });

  it('have a bounded number of series, whatever callers send', async () => {
    const { watcher, scrape } = partOf();
    for (let index = 0; index < 200; index += 1)
      watcher.served(servedOf({ method: `M${index}`, route: null, status: 404, inference: null }));
    const series = (await scrape())
      .split('\n')
      .filter(line => line.startsWith('quickserveml_http_requests_total{'));
    expect(series).toEqual([
      'quickserveml_http_requests_total{route="none",method="other",status="404"} 200',
    ]);
  });

  it.skipIf(lacks('promtool'))('are what promtool takes without a complaint', async () => {
    const { watcher, scrape, metrics } = partOf();
    watcher.served(servedOf());
    watcher.happened({ kind: 'worker-ended', worker: 0, reason: 'SIGKILL', requests: 1, expected: false });
    watcher.happened({ kind: 'model-failed', model: 'm "x"\n', version: '2', reason: 'no' });
    metrics.routed('digits', '2');
    metrics.compared('digits', '1', '2', 'different');
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await scrape(),
      encoding: 'utf8',
    });
    // The names of Node's own metrics are prom-client's.
    const own = (stdout + stderr).split('\n').filter(line => line.startsWith('quickserveml_'));
    expect(own).toEqual([]);
    expect(status).not.toBe(1);
  });
});

describe('logs', () => {
  it('are one JSON document a line, with what is needed to find a request again', () => {
    const { watcher, lines } = partOf();
    watcher.served(servedOf({ trace }));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toEqual({
      time: '2026-01-01T00:00:00.000Z',
      level: 'info',
      event: 'request',
      requestId: 'request-1',
      traceId: TRACE,
      spanId: SPAN,
      method: 'POST',
      route: '/predict',
      status: 200,
      durationMs: 12,
      bytesIn: 100,
      bytesOut: 50,
      client: '192.0.2.1',
      key: 'ci',
      model: 'digits',
      version: '1',
      queueMs: 2,
      inferenceMs: 5,
      batchSize: 4,
    });
  });

  it('cannot be forged by a name with a line end in it', () => {
    const { watcher, lines } = partOf();
    watcher.happened({ kind: 'reload-failed', reason: 'a\n{"level":"info"}' });
    expect(lines[0]?.match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'error', event: 'reload-failed' });
  });

  it('leave out what is not wanted', () => {
    const problems = partOf({ requestLog: 'problems' });
    problems.watcher.served(servedOf());
    problems.watcher.served(servedOf({ status: 429 }));
    expect(problems.lines.map(line => JSON.parse(line).status)).toEqual([429]);
    const none = partOf({ requestLog: 'none' });
    none.watcher.served(servedOf({ status: 500 }));
    expect(none.lines).toEqual([]);
  });
});

describe('trace context', () => {
  it.each([
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    // A later version may say more.
    [`cc-${TRACE}-${SPAN}-01-more`, true],
  ])('of %s is read', (header, sampled) => {
    expect(parseTraceparent(header)).toEqual({ traceId: TRACE, spanId: SPAN, sampled });
  });

  it.each([
    undefined,
    '',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
  ])('of %s is not one, and a new trace starts', header => {
    expect(parseTraceparent(header)).toBeNull();
    const started = traceContextOf(
      callOf(header === undefined ? {} : { traceparent: header }),
      1,
      Math.random,
    );
    expect(started).toMatchObject({ parentSpanId: null, sampled: true, state: null });
    expect(started.traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  it('follows the caller: its trace, its span as parent, its decision, its state', () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: 'vendor=1' };
    const context = traceContextOf(callOf(headers), 1, Math.random);
    expect(context).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, sampled: false, state: 'vendor=1' });
    expect(context.spanId).not.toBe(SPAN);
  });

  it('has ids that are never all zero', () => {
    expect(randomId(16, () => 0)).toBe('0000000000000001');
  });
});

describe('spans', () => {
  it('show the queue and the run inside the request, with times that lie in each other', () => {
    const spans = spansOf(servedOf({ trace, status: 500 }), 1_000_000.5, ['1'.repeat(16), '2'.repeat(16)]);
    expect(spans.map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([
      ['POST /predict', '00f067aa0ba902b7'],
      ['queue', SPAN],
      ['inference', SPAN],
    ]);
    const [server, queue, inference] = spans.map(span => [
      Number(BigInt(span.startTimeUnixNano) / 1000n),
      Number(BigInt(span.endTimeUnixNano) / 1000n),
    ]);
    expect(server).toEqual([999_988_500, 1_000_000_500]);
    expect(queue).toEqual([999_993_500, 999_995_500]);
    expect(inference).toEqual([999_995_500, 1_000_000_500]);
    expect(spans[0]?.status).toEqual({ code: 2 });
  });

  it('are none for a request that is not sampled', () => {
    expect(spansOf(servedOf({ trace: { ...trace, sampled: false } }), 0, ['', ''])).toEqual([]);
  });
});

describe('the export of spans', () => {
  /** A collector that answers with the given statuses, then 200. */
  async function collector(statuses: readonly number[] = []) {
    const answers = [...statuses];
    const received: {
      readonly headers: Record<string, unknown>;
      readonly body: unknown;
      readonly url: string;
    }[] = [];
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', piece => pieces.push(piece as Buffer));
      request.on('end', () => {
        received.push({
          headers: request.headers,
          url: request.url ?? '',
          body: JSON.parse(Buffer.concat(pieces).toString()),
        });
        response.writeHead(answers.shift() ?? 200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return {
      received,
      base,
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections();
        await new Promise(resolve => server.close(resolve));
      },
    };
  }
  const quick = { intervalMs: 60_000, timeoutMs: 5000, retries: 3, backoffMs: 5 };
  const settings = (url: string) => ({ url, headers: {}, serviceName: 's', serviceVersion: '1' });
  const noProxy = { httpProxy: null, httpsProxy: null, noProxy: null, certificates: [] };
  const spans = spansOf(servedOf({ trace }), 1000, ['1'.repeat(16), '2'.repeat(16)]);

  it('goes to the collector of the settings, with the headers and the name of the environment', async () => {
    await using there = await collector();
    const { watcher } = partOf(
      { tracing: { endpoint: there.base } },
      { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc', OTEL_SERVICE_NAME: 'digits' },
    );
    const context = watcher.begin(callOf({ traceparent: `00-${TRACE}-${SPAN}-01` }));
    watcher.served(servedOf({ trace: context }));
    await watcher.close();
    expect(there.received).toHaveLength(1);
    const [sent] = there.received;
    expect(sent).toMatchObject({ url: '/v1/traces', headers: { authorization: 'Bearer abc' } });
    const body = sent?.body as {
      readonly resourceSpans: readonly {
        readonly resource: { readonly attributes: readonly unknown[] };
        readonly scopeSpans: readonly { readonly spans: readonly { readonly traceId: string }[] }[];
      }[];
    };
    expect(body.resourceSpans[0]?.resource.attributes).toContainEqual({
      key: 'service.name',
      value: { stringValue: 'digits' },
    });
    expect(body.resourceSpans[0]?.scopeSpans[0]?.spans.map(({ traceId }) => traceId)).toEqual([
      TRACE,
      TRACE,
      TRACE,
    ]);
  });

  it('repeats what the collector could not take for now, and drops what it refuses', async () => {
    await using busy = await collector([503, 429]);
    const patient = createSpanExporter(settings(`${busy.base}/v1/traces`), noProxy, {
      ...quick,
      intervalMs: 10,
    });
    patient.add(spans);
    await expect.poll(() => patient.counts().exported, { timeout: 10_000 }).toBe(3);
    await patient.close();
    expect(busy.received).toHaveLength(3);
    await using refusing = await collector([400]);
    const refused = createSpanExporter(settings(`${refusing.base}/v1/traces`), noProxy, quick);
    refused.add(spans);
    await refused.close();
    expect(refused.counts()).toEqual({ exported: 0, dropped: 3 });
    expect(refusing.received).toHaveLength(1);
  });

  it('keeps a bounded number of spans while nobody answers, and ends all the same', async () => {
    const exporter = createSpanExporter(settings('http://127.0.0.1:9/v1/traces'), noProxy, {
      ...quick,
      backoffMs: 1e6,
    });
    for (let index = 0; index < 2000; index += 1) exporter.add(spans);
    await exporter.close();
    const { exported, dropped } = exporter.counts();
    expect([exported, dropped]).toEqual([0, 6000]);
  });
});

describe('the settings of watching', () => {
  const parse = (section: unknown, env: Record<string, string> = {}) =>
    parseWatchingSettings(section, env, '1');

  it('take the address of traces from the settings, then from the variables of OpenTelemetry', () => {
    expect(parse({}).exporter).toBeNull();
    expect(parse({ tracing: { endpoint: 'http://c:4318/' } }).exporter?.url).toBe('http://c:4318/v1/traces');
    expect(parse({}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/base' }).exporter?.url).toBe(
      'http://c:4318/base/v1/traces',
    );
    expect(parse({}, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/x' }).exporter?.url).toBe('http://c/x');
  });

  it.each([
    [{ log: 'all' }, {}, '"log" is not known'],
    [{ requestLog: 'some' }, {}, 'one of all, problems, none'],
    [{ tracing: { sampleRatio: 2 } }, {}, 'watching.tracing.sampleRatio'],
    [{ tracing: { endpoint: 'ftp://c' } }, {}, 'an http:// or https:// address'],
    [{ tracing: { endpoint: 'http://u:p@c' } }, {}, 'without user and password'],
    [{ tracing: { endpoint: 'http://c' } }, { OTEL_EXPORTER_OTLP_HEADERS: 'a=b%0D%0Ac' }, 'entry 1'],
  ])('refuse %j with %j', (section, env, message) => {
    expect(() => parse(section, env)).toThrow(message);
  });
});

describe('live statistics', () => {
  it('are rates and quantiles of the last ten whole seconds', () => {
    const live = new LiveStatistics();
    for (let ms = 0; ms < 20_000; ms += 10) {
      const slow = ms % 100 === 0;
      live.add(servedOf({ totalMs: slow ? 100 : 10, status: slow ? 500 : 200 }), true, ms);
    }
    const figures = live.figures(20_000);
    expect(figures.requestsPerSecond).toBe(100);
    expect(figures.errorsPerSecond).toBe(10);
    expect(Math.abs((figures.p50Ms ?? 0) / 10 - 1)).toBeLessThan(0.06);
    expect(Math.abs((figures.p95Ms ?? 0) / 100 - 1)).toBeLessThan(0.06);
    expect(live.models(20_000)).toMatchObject([{ model: 'digits', version: '1', meanBatchSize: 4 }]);
    expect(live.figures(40_000)).toMatchObject({ requestsPerSecond: 0, p50Ms: null });
  });
});

describe('health', () => {
  it.each([
    [{}, 200, 'ready'],
    [{ reasons: ['worker 1 was restarted 9 times'] }, 200, 'degraded'],
    [{ ready: false, reasons: ['no worker is ready'] }, 503, 'starting'],
    [{ draining: true }, 503, 'draining'],
  ])('of %j is %i %s, with the reasons', (change, status, word) => {
    const reply = healthReply(snapshotOf(change), [{ name: 'digits', version: '1' }]);
    expect(reply.status).toBe(status);
    expect(JSON.parse(String(reply.body))).toMatchObject({
      status: word,
      reasons: 'reasons' in change ? change.reasons : [],
      models: [{ name: 'digits', version: '1' }],
    });
  });
});
