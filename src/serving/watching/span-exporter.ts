import { openDispatcher, request } from '../../network/dispatcher.ts';
import type { NetworkSettings } from '../../network/settings.ts';
import type { Span } from './spans.ts';

export interface ExporterSettings {
  /** The whole address, `/v1/traces` included. */
  readonly url: string;
  /** Sent as they are; may hold a secret, so they are never shown. */
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly serviceVersion: string;
}

export interface ExporterCounts {
  readonly exported: number;
  readonly dropped: number;
}

export interface SpanExporter {
  add(spans: readonly Span[]): void;
  counts(): ExporterCounts;
  /** Sends what is kept, once, and stops. */
  close(): Promise<void>;
}

export interface ExporterPace {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly backoffMs: number;
}

const PACE: ExporterPace = { intervalMs: 5000, timeoutMs: 10_000, retries: 4, backoffMs: 1000 };
/** As OpenTelemetry's batch processor has it: more is dropped, so that a collector that is down costs no memory. */
const MOST_KEPT = 2048;
const BATCH = 512;
const LONGEST_PAUSE_MS = 30_000;
/** opentelemetry-proto, "OTLP/HTTP response": the only ones that a client may repeat. */
const REPEATABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

function documentOf(spans: readonly Span[], settings: ExporterSettings): string {
  const attribute = (key: string, value: string): unknown => ({ key, value: { stringValue: value } });
  return JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: [
            attribute('service.name', settings.serviceName),
            attribute('service.version', settings.serviceVersion),
          ],
        },
        scopeSpans: [{ scope: { name: 'quickserveml', version: settings.serviceVersion }, spans }],
      },
    ],
  });
}

function pauseOf(retryAfter: string | string[] | undefined, attempt: number, backoffMs: number): number {
  const seconds = typeof retryAfter === 'string' ? Number(retryAfter) : Number.NaN;
  const pauseMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : backoffMs * 2 ** attempt;
  return Math.min(LONGEST_PAUSE_MS, pauseMs);
}

/**
 * Sends spans as OTLP/HTTP with JSON, in batches, one request at a time; what the collector does not take in time is
 * dropped and counted. Never throws and never delays a request.
 */
export function createSpanExporter(
  settings: ExporterSettings,
  network: NetworkSettings,
  pace: ExporterPace = PACE,
): SpanExporter {
  let kept: Span[] = [];
  let exported = 0;
  let dropped = 0;
  let closing = false;
  let sending: Promise<void> | null = null;
  let wake: (() => void) | null = null;
  // A collector beside the server is no matter for a proxy.
  const isBeside = /^https?:\/\/(localhost|127\.|\[::1\])/.test(settings.url);
  const agent = openDispatcher(isBeside ? { ...network, noProxy: '*' } : network);

  const pause = (durationMs: number): Promise<void> =>
    new Promise(resolve => {
      const timer = setTimeout(resolve, durationMs);
      timer.unref();
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  async function sendOnce(body: string, attempt: number): Promise<'taken' | 'refused' | number> {
    try {
      const response = await request(settings.url, {
        method: 'POST',
        dispatcher: agent,
        headers: { ...settings.headers, 'content-type': 'application/json' },
        body,
        headersTimeout: pace.timeoutMs,
        bodyTimeout: pace.timeoutMs,
        signal: AbortSignal.timeout(pace.timeoutMs),
      });
      await response.body.dump({ limit: 65_536 });
      if (response.statusCode >= 200 && response.statusCode < 300) return 'taken';
      if (!REPEATABLE.has(response.statusCode)) return 'refused';
      return pauseOf(response.headers['retry-after'], attempt, pace.backoffMs);
    } catch {
      return pauseOf(undefined, attempt, pace.backoffMs);
    }
  }

  async function send(batch: readonly Span[]): Promise<void> {
    const body = documentOf(batch, settings);
    for (let attempt = 0; attempt <= pace.retries; attempt += 1) {
      const outcome = await sendOnce(body, attempt);
      if (outcome === 'taken') {
        exported += batch.length;
        return;
      }
      // At the end of the server nobody waits for a collector to come back.
      if (outcome === 'refused' || closing) break;
      await pause(outcome);
    }
    dropped += batch.length;
  }

  async function sendAll(): Promise<void> {
    while (kept.length > 0) {
      const batch = kept.slice(0, BATCH);
      kept = kept.slice(BATCH);
      await send(batch);
    }
  }

  const flush = (): Promise<void> => {
    sending ??= sendAll().finally(() => {
      sending = null;
    });
    return sending;
  };
  const timer = setInterval(() => void flush(), pace.intervalMs);
  timer.unref();

  return {
    add(spans) {
      const room = Math.max(0, MOST_KEPT - kept.length);
      dropped += Math.max(0, spans.length - room);
      kept.push(...spans.slice(0, room));
      if (kept.length >= BATCH) void flush();
    },
    counts: () => ({ exported, dropped }),
    async close() {
      closing = true;
      clearInterval(timer);
      wake?.();
      await flush();
      await flush();
      await agent.close();
    },
  };
}
