import { networkSettings } from '../../network/settings.ts';
import type { Reply } from '../call.ts';
import type { ServerPart, ServingWorld } from '../server-parts.ts';
import type { Served, ServerView, Watcher } from '../watcher.ts';
import { type Instruments, instrumentsOf } from './instruments.ts';
import { eventLine, requestLine } from './request-log.ts';
import { parseWatchingSettings } from './settings.ts';
import { createSpanExporter, type SpanExporter } from './span-exporter.ts';
import { spansOf } from './spans.ts';
import { randomId, traceContextOf } from './trace-context.ts';

/** Routes that run a model: what the live page shows. */
const isInference = ({ route, method, inference }: Served): boolean =>
  inference !== null || (method === 'POST' && route !== null);

function createWatcher(
  settings: ReturnType<typeof parseWatchingSettings>,
  world: ServingWorld,
  parts: Instruments & { readonly exporter: SpanExporter | null },
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

/** The part `watching`: metrics, logs and traces. @throws QuickServeError SERVING_SETTINGS_INVALID, PROXY_INVALID. */
export function watchingPart(section: unknown, world: ServingWorld, view: ServerView): ServerPart {
  const settings = parseWatchingSettings(section, world.env, world.toolVersion);
  const { metrics, live } = instrumentsOf(view, world);
  const exporter =
    settings.exporter === null ? null : createSpanExporter(settings.exporter, networkSettings(world.env));
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
  };
}
