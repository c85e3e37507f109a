import type { Served, ServerEvent } from '../watcher.ts';

export type LogLevel = 'info' | 'warning' | 'error';

/** `all`: every request. `problems`: those that were refused or failed. `none`: only what happens to the server. */
export type RequestLog = 'all' | 'problems' | 'none';

const rounded = (durationMs: number): number => Math.round(durationMs * 1000) / 1000;

const levelOf = ({ status }: Served): LogLevel => {
  if (status >= 500) return 'error';
  return status >= 400 ? 'warning' : 'info';
};

/** One line of JSON. JSON.stringify escapes line ends, so no value can make a line of its own. */
const lineOf = (nowMs: number, level: LogLevel, event: string, fields: object): string =>
  `${JSON.stringify({ time: new Date(nowMs).toISOString(), level, event, ...fields })}\n`;

/** The line of a request; null where it is not wanted. Knows nothing of payloads, queries, keys or headers. */
export function requestLine(served: Served, wanted: RequestLog, nowMs: number): string | null {
  const level = levelOf(served);
  if (wanted === 'none' || (wanted === 'problems' && level === 'info')) return null;
  const { inference, trace } = served;
  return lineOf(nowMs, level, 'request', {
    requestId: served.requestId,
    ...(trace === null ? {} : { traceId: trace.traceId, spanId: trace.spanId }),
    method: served.method,
    route: served.route,
    status: served.status,
    durationMs: rounded(served.totalMs),
    bytesIn: served.bytesIn,
    bytesOut: served.bytesOut,
    client: served.clientAddress,
    ...(served.keyName === null ? {} : { key: served.keyName }),
    ...(inference === null
      ? {}
      : {
          model: inference.model,
          version: inference.version,
          queueMs: rounded(inference.queueMs),
          inferenceMs: rounded(inference.inferenceMs),
          batchSize: inference.batchSize,
        }),
  });
}

const LEVELS: Readonly<Partial<Record<ServerEvent['kind'], LogLevel>>> = {
  'model-failed': 'error',
  'reload-failed': 'error',
};

/** The line of an event of the server. A worker that ends without being told to is an error. */
export function eventLine(event: ServerEvent, nowMs: number): string {
  const { kind, ...fields } = event;
  const unexpected = event.kind === 'worker-ended' && !event.expected;
  return lineOf(nowMs, unexpected ? 'error' : (LEVELS[kind] ?? 'info'), kind, fields);
}
