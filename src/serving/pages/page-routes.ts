import type { ServerResponse } from 'node:http';
import { errorReply, type Reply, type Route } from '../call.ts';
import type { ServerPart, ServingWorld } from '../server-parts.ts';
import { sectionOf } from '../settings-section.ts';
import type { ServerView, Watcher } from '../watcher.ts';
import { healthStatusOf } from '../watching/health.ts';
import { instrumentsOf } from '../watching/instruments.ts';
import type { LiveStatistics } from '../watching/live-statistics.ts';
import { dashboardCss, dashboardHtml, dashboardScript } from './dashboard-files.ts';

/** Everything a page loads is from this server. Swagger UI draws its icons as data: addresses and sets styles in place. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const asset = (type: string, body: string, cache = 'no-cache'): Reply => ({
  status: 200,
  headers: {
    'content-type': `${type}; charset=utf-8`,
    'content-security-policy': POLICY,
    'cache-control': cache,
  },
  body,
});

const get = (path: string, answer: () => Reply | Promise<Reply>): Route => ({
  kind: 'reply',
  method: 'GET',
  path,
  // The files hold nothing: what they show comes from routes that may want a key.
  audience: 'open',
  answer,
});

/** Swagger UI, loaded when somebody asks for it: it is larger than the server. */
const swagger = () => import('./swagger-files.ts');

const INTERVAL_MS = 1000;
/** People who look; each costs a connection and a document a second. */
const MOST_WATCHERS = 32;

interface LivePage {
  readonly routes: readonly Route[];
  /** Ends the streams, so that a drain need not wait for people who look. */
  close(): void;
}

interface LiveSources {
  readonly view: ServerView;
  readonly live: LiveStatistics;
  readonly monotonicMs: () => number;
  readonly toolVersion: string;
}

function liveDocument({ view, live, monotonicMs, toolVersion }: LiveSources): string {
  const state = view.snapshot();
  const now = monotonicMs();
  return JSON.stringify({
    ...state,
    status: healthStatusOf(state),
    residentBytes: process.memoryUsage.rss(),
    figures: live.figures(now),
    models: live.models(now),
    version: toolVersion,
  });
}

/** `/dashboard` and its server-sent events, one document a second, and only while somebody looks. */
function livePage(sources: LiveSources): LivePage {
  const watchers = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | null = null;
  const stop = (): void => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  const tick = (): void => {
    const event = `data: ${liveDocument(sources)}\n\n`;
    // Who does not keep up misses documents instead of filling memory.
    for (const response of watchers) if (!response.writableNeedDrain) response.write(event);
  };
  const open = (response: ServerResponse): Reply | null => {
    if (watchers.size >= MOST_WATCHERS)
      return errorReply(503, `${MOST_WATCHERS} people look already`, { 'retry-after': '30' });
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx would keep events back otherwise.
      'x-accel-buffering': 'no',
    });
    watchers.add(response);
    response.once('close', () => {
      watchers.delete(response);
      if (watchers.size === 0) stop();
    });
    response.write(`data: ${liveDocument(sources)}\n\n`);
    timer ??= setInterval(tick, INTERVAL_MS).unref();
    return null;
  };
  return {
    routes: [
      get('/dashboard', () => asset('text/html', dashboardHtml)),
      get('/dashboard/page.css', () => asset('text/css', dashboardCss)),
      get('/dashboard/page.js', () => asset('text/javascript', dashboardScript)),
      {
        kind: 'stream',
        method: 'GET',
        path: '/dashboard/events',
        audience: 'watching',
        open: (_, response) => open(response),
      },
    ],
    close: () => {
      stop();
      for (const response of watchers) response.end();
    },
  };
}

/** `/docs`: Swagger UI over `/openapi.json`. */
const swaggerRoutes: readonly Route[] = [
  get('/docs', async () => asset('text/html', (await swagger()).swaggerHtml)),
  get('/docs/page.css', async () => asset('text/css', (await swagger()).swaggerPageCss)),
  get('/docs/page.js', async () => asset('text/javascript', (await swagger()).swaggerPageScript)),
  get('/docs/swagger-ui.css', async () => asset('text/css', (await swagger()).swaggerCss, 'max-age=86400')),
  get('/docs/swagger-ui-bundle.js', async () =>
    asset('text/javascript', (await swagger()).swaggerScript, 'max-age=86400'),
  ),
  get('/docs/notice.txt', async () => asset('text/plain', (await swagger()).swaggerNotice)),
];

/** The part `pages`: `/dashboard` and `/docs`. It has no settings. @throws QuickServeError SERVING_SETTINGS_INVALID. */
export function pagesPart(section: unknown, world: ServingWorld, view: ServerView): ServerPart {
  sectionOf(section, 'pages', []);
  const { live } = instrumentsOf(view, world);
  const { monotonicMs, toolVersion } = world;
  const page = livePage({ view, live, monotonicMs, toolVersion });
  const watcher: Watcher = {
    begin: () => null,
    served: () => undefined,
    // The streams never end by themselves, and their sockets would keep a drain waiting.
    happened: event => {
      if (event.kind === 'draining') page.close();
    },
    close: async () => page.close(),
  };
  return { watcher, routes: [...page.routes, ...swaggerRoutes] };
}
