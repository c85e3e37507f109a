import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Served, ServerEvent, ServerView, WorkerState } from '../watcher.ts';

/** From a tenth of a millisecond, which a small model takes, to the half minute at which requests end. */
const SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128];
const WORKER_STATES: readonly WorkerState[] = ['starting', 'idle', 'busy', 'stopping'];
/** What a caller writes as a method is a label: only these, so that nobody can make series. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH']);

export type ComparisonOutcome = 'same' | 'different' | 'failed' | 'skipped';

/** The counters of the server; all in one registry, since one process answers all requests. */
export interface ServerMetrics {
  readonly registry: Registry;
  served(record: Served): void;
  happened(event: ServerEvent): void;
  /** A request that a split sent to a version. */
  routed(model: string, version: string): void;
  /** An answer of a mirrored version that was held against the answering one. */
  compared(model: string, version: string, mirror: string, outcome: ComparisonOutcome): void;
  exported(counts: { readonly exported: number; readonly dropped: number }): void;
}

interface Instruments {
  readonly requests: Counter<'route' | 'method' | 'status'>;
  readonly requestSeconds: Histogram<'route' | 'method'>;
  readonly requestBytes: Counter<'direction'>;
  readonly inferences: Counter<'model' | 'version' | 'status'>;
  readonly queueSeconds: Histogram<'model' | 'version'>;
  readonly inferenceSeconds: Histogram<'model' | 'version'>;
  readonly batchSize: Histogram<'model' | 'version'>;
  readonly rejected: Counter<'status'>;
  readonly workerEnds: Counter<'expected'>;
  readonly loadFailures: Counter<'model' | 'version'>;
  readonly routed: Counter<'model' | 'version'>;
  readonly comparisons: Counter<'model' | 'version' | 'mirror' | 'outcome'>;
}

function createInstruments(registers: Registry[]): Instruments {
  const histogram = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    buckets: readonly number[] = SECONDS,
  ): Histogram<L> =>
    new Histogram({ name, help, labelNames: [...labelNames], buckets: [...buckets], registers });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const byModel = ['model', 'version'] as const;
  return {
    requests: counter('quickserveml_http_requests_total', 'Requests that have ended.', [
      'route',
      'method',
      'status',
    ]),
    requestSeconds: histogram(
      'quickserveml_http_request_duration_seconds',
      'From the first byte of a request to the last of its answer.',
      ['route', 'method'],
    ),
    requestBytes: counter('quickserveml_http_body_bytes_total', 'Bytes of bodies.', ['direction']),
    inferences: counter('quickserveml_inference_requests_total', 'Requests that a model was run for.', [
      ...byModel,
      'status',
    ]),
    queueSeconds: histogram(
      'quickserveml_queue_duration_seconds',
      'From the last byte of a request until a worker took it.',
      byModel,
    ),
    inferenceSeconds: histogram(
      'quickserveml_inference_duration_seconds',
      "The session's run that a request was part of.",
      byModel,
    ),
    batchSize: histogram(
      'quickserveml_batch_size',
      'Requests that went through the session together, seen by each of them.',
      byModel,
      BATCH_SIZES,
    ),
    rejected: counter('quickserveml_rejected_requests_total', 'Requests that were turned away (429, 503).', [
      'status',
    ]),
    workerEnds: counter('quickserveml_worker_ends_total', 'Worker processes that have ended.', ['expected']),
    loadFailures: counter(
      'quickserveml_model_load_failures_total',
      'Versions that could not be loaded.',
      byModel,
    ),
    routed: counter('quickserveml_split_requests_total', 'Requests that a split sent to a version.', byModel),
    comparisons: counter(
      'quickserveml_mirror_comparisons_total',
      "Answers of a mirrored version that were held against the answering version's.",
      ['model', 'version', 'mirror', 'outcome'],
    ),
  };
}

/** Gauges are read from the server when somebody asks for them. */
function createGauges(view: ServerView, registers: Registry[], version: string): void {
  const gauge = (
    name: string,
    help: string,
    read: (state: ReturnType<ServerView['snapshot']>) => number,
  ): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read(view.snapshot()));
      },
    });
  };
  const labelled = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (
      state: ReturnType<ServerView['snapshot']>,
      set: (labels: Readonly<Record<L, string>>, value: number) => void,
    ) => void,
  ): void => {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        this.reset();
        read(view.snapshot(), (labels, value) => this.set(labels, value));
      },
    });
  };
  gauge('quickserveml_ready', '1 where the server takes requests.', ({ ready }) => (ready ? 1 : 0));
  gauge('quickserveml_uptime_seconds', 'Since the server started.', ({ uptimeMs }) => uptimeMs / 1000);
  gauge('quickserveml_connections', 'Open connections.', ({ connections }) => connections);
  gauge(
    'quickserveml_requests_in_flight',
    'Requests whose answer is not finished.',
    ({ inFlight }) => inFlight,
  );
  gauge(
    'quickserveml_held_body_bytes',
    'Bytes of bodies, streams and untaken answers that are held.',
    ({ heldBytes }) => heldBytes,
  );
  labelled('quickserveml_queue_length', 'Requests that wait.', ['model', 'version'], (state, set) => {
    for (const queue of state.queues) set({ model: queue.model, version: queue.version }, queue.waiting);
  });
  labelled(
    'quickserveml_batch_limit',
    'Requests that may go together now.',
    ['model', 'version'],
    (state, set) => {
      for (const queue of state.queues) set({ model: queue.model, version: queue.version }, queue.batchLimit);
    },
  );
  labelled('quickserveml_workers', 'Worker processes by state.', ['state'], (state, set) => {
    for (const each of WORKER_STATES)
      set({ state: each }, state.workers.filter(worker => worker.state === each).length);
  });
  labelled(
    'quickserveml_worker_resident_memory_bytes',
    'Resident memory of a worker process.',
    ['worker'],
    (state, set) => {
      for (const { worker, residentBytes } of state.workers)
        if (residentBytes !== null) set({ worker: String(worker) }, residentBytes);
    },
  );
  labelled('quickserveml_info', 'Always 1; the version of the server.', ['version'], (_, set) =>
    set({ version }, 1),
  );
}

/**
 * Metrics for Prometheus. Labels are few by construction: routes are patterns, methods are known ones, models are loaded
 * ones.
 */
export function createServerMetrics(view: ServerView, toolVersion: string): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const instruments = createInstruments(registers);
  createGauges(view, registers, toolVersion);
  let spans = { exported: 0, dropped: 0 };
  for (const outcome of ['exported', 'dropped'] as const) {
    new Counter({
      name: `quickserveml_trace_spans_${outcome}_total`,
      help: `Spans that were ${outcome === 'exported' ? 'taken by the collector' : 'lost'}.`,
      registers,
      collect() {
        this.reset();
        this.inc(spans[outcome]);
      },
    });
  }
  return {
    registry,
    served(record) {
      const route = record.route ?? 'none';
      const method = METHODS.has(record.method) ? record.method : 'other';
      const status = String(record.status);
      instruments.requests.inc({ route, method, status });
      instruments.requestSeconds.observe({ route, method }, record.totalMs / 1000);
      instruments.requestBytes.inc({ direction: 'in' }, record.bytesIn);
      instruments.requestBytes.inc({ direction: 'out' }, record.bytesOut);
      if (record.status === 429 || record.status === 503) instruments.rejected.inc({ status });
      const { inference } = record;
      if (inference === null) return;
      const labels = { model: inference.model, version: inference.version };
      instruments.inferences.inc({ ...labels, status });
      instruments.queueSeconds.observe(labels, inference.queueMs / 1000);
      instruments.inferenceSeconds.observe(labels, inference.inferenceMs / 1000);
      instruments.batchSize.observe(labels, inference.batchSize);
    },
    happened(event) {
      if (event.kind === 'worker-ended') instruments.workerEnds.inc({ expected: String(event.expected) });
      if (event.kind === 'model-failed')
        instruments.loadFailures.inc({ model: event.model, version: event.version });
    },
    routed: (model, version) => instruments.routed.inc({ model, version }),
    compared: (model, version, mirror, outcome) =>
      instruments.comparisons.inc({ model, version, mirror, outcome }),
    exported: counts => {
      spans = counts;
    },
  };
}
