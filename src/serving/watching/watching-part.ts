import type { Reply, Route } from '../call.ts';
import type { ServingWorld } from '../server-parts.ts';
import type { Served, ServerView, Watcher } from '../watcher.ts';
import { LiveStatistics } from './live-statistics.ts';
import { createServerMetrics, type ServerMetrics } from './metrics.ts';
import { eventLine, requestLine } from './request-log.ts';
import { parseWatchingSettings } from './settings.ts';
import { createSpanExporter, type SpanExporter } from './span-exporter.ts';
import { spansOf } from './spans.ts';
import { randomId, traceContextOf } from './trace-context.ts';

export interface WatchingPart {
  readonly watcher: Watcher;
  readonly routes: readonly Route[];
  readonly metrics: ServerMetrics;
  readonly live: LiveStatistics;
}

/** Routes that run a model: what the live page shows. */
const isInference = ({ route, method, inference }: Served): boolean =>
  inference !== null || (method === 'POST' && route !== null);

function createWatcher(
  settings: ReturnType<typeof parseWatchingSettings>,
  world: ServingWorld,
  parts: {
    readonly metrics: ServerMetrics;
    readonly live: LiveStatistics;
    readonly exporter: SpanExporter | null;
  },
): Watcher {
  const { metrics, live, exporter } = parts;
  return {
    begin: call => traceContextOf(call, exporter === null ? 0 : settings.sampleRatio, world.random),
    served(record) {
      metrics.served(record);
      live.add(record, isInference(record), world.monotonicMs());
      const now = world.now();
      const line = requestLine(record, settings.requestLog, now);
      if (line !== null) world.writeLog(line);
      if (exporter === null || record.trace?.sampled !== true) return;
      exporter.add(spansOf(record, now, [randomId(16, world.random), randomId(16, world.random)]));
    },
    happened(event) {
      metrics.happened(event);
      world.writeLog(eventLine(event, world.now()));
    },
    close: async () => exporter?.close(),
  };
}

/** The part `watching`: metrics, logs and traces. @throws QuickServeError SERVING_SETTINGS_INVALID. */
export function watchingPart(section: unknown, world: ServingWorld, view: ServerView): WatchingPart {
  const settings = parseWatchingSettings(section, world.env, world.toolVersion);
  const metrics = createServerMetrics(view, world.toolVersion);
  const live = new LiveStatistics();
  const exporter = settings.exporter === null ? null : createSpanExporter(settings.exporter);
  const answer = async (): Promise<Reply> => {
    if (exporter !== null) metrics.exported(exporter.counts());
    return {
      status: 200,
      headers: { 'content-type': metrics.registry.contentType },
      body: await metrics.registry.metrics(),
    };
  };
  return {
    watcher: createWatcher(settings, world, { metrics, live, exporter }),
    routes: [{ kind: 'reply', method: 'GET', path: '/metrics', audience: 'watching', answer }],
    metrics,
    live,
  };
}
