import type { Served } from '../watcher.ts';

type Attribute = { readonly key: string; readonly value: Readonly<Record<string, unknown>> };

/** A span in OTLP's JSON form: ids in hexadecimal, 64-bit numbers as text (opentelemetry-proto, "OTLP/HTTP, JSON"). */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: number };
}

const SPAN_KIND_INTERNAL = 1;
const SPAN_KIND_SERVER = 2;
const STATUS_ERROR = 2;

const text = (key: string, value: string): Attribute => ({ key, value: { stringValue: value } });
const whole = (key: string, value: number): Attribute => ({ key, value: { intValue: String(value) } });

/** A clock in milliseconds carries no more than microseconds. */
const nanos = (epochMs: number): string => `${BigInt(Math.round(epochMs * 1000)) * 1000n}`;

/**
 * The spans of a request: of the server, and inside it of the queue and of the model's run. Names and attributes follow
 * OpenTelemetry's conventions for HTTP servers; nothing of a payload, and neither address nor query.
 * @param endMs milliseconds since the epoch.
 * @param childIds ids for the inner spans.
 */
export function spansOf(served: Served, endMs: number, childIds: readonly [string, string]): readonly Span[] {
  const { trace, inference } = served;
  if (trace === null || !trace.sampled) return [];
  const startMs = endMs - served.totalMs;
  const model =
    inference === null
      ? []
      : [
          text('quickserveml.model', inference.model),
          text('quickserveml.version', inference.version),
          whole('quickserveml.batch.size', inference.batchSize),
        ];
  const server: Span = {
    traceId: trace.traceId,
    spanId: trace.spanId,
    ...(trace.parentSpanId === null ? {} : { parentSpanId: trace.parentSpanId }),
    ...(trace.state === null ? {} : { traceState: trace.state }),
    name: served.route === null ? served.method : `${served.method} ${served.route}`,
    kind: SPAN_KIND_SERVER,
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(endMs),
    attributes: [
      text('http.request.method', served.method),
      ...(served.route === null ? [] : [text('http.route', served.route)]),
      whole('http.response.status_code', served.status),
      whole('http.request.body.size', served.bytesIn),
      whole('http.response.body.size', served.bytesOut),
      text('quickserveml.request.id', served.requestId),
      ...model,
    ],
    status: served.status >= 500 ? { code: STATUS_ERROR } : {},
  };
  if (inference === null) return [server];
  const inner = (name: string, spanId: string, fromMs: number, toMs: number): Span => ({
    traceId: trace.traceId,
    spanId,
    parentSpanId: trace.spanId,
    name,
    kind: SPAN_KIND_INTERNAL,
    startTimeUnixNano: nanos(fromMs),
    endTimeUnixNano: nanos(toMs),
    attributes: model,
    status: {},
  });
  // The record has durations and no moments: the run is placed at the end, which the writing of the answer follows.
  const runMs = Math.max(startMs, endMs - inference.inferenceMs);
  const queueMs = Math.max(startMs, runMs - inference.queueMs);
  return [server, inner('queue', childIds[0], queueMs, runMs), inner('inference', childIds[1], runMs, endMs)];
}
