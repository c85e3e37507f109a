// Part by part: the whole of undici has a browser's interfaces too, which take a ninth of a small publish to load.
import methods from 'undici/lib/api/index.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';
import { withUsualAuthorities } from './certificates.ts';
import { isDirect } from './no-proxy.ts';
import type { NetworkSettings } from './settings.ts';

export type { default as Dispatcher } from 'undici/lib/dispatcher/dispatcher.js';

// What undici does where it is loaded as a whole; its ProxyAgent counts on it.
Object.assign(Dispatcher.prototype, methods);

/** How patient connections are, and what they demand. */
export interface ConnectionLimits {
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly bodyTimeoutMs?: number;
  readonly keepAliveMs?: number;
  /** Any certificate is taken: only for a host that the user named. */
  readonly trustAny?: boolean;
}

/**
 * What every connection of this tool goes through: the proxy of the settings or none, and the authorities of the settings
 * besides the usual ones, for the proxy's own certificate too. Close or destroy it after use.
 */
export function openDispatcher(settings: NetworkSettings, limits: ConnectionLimits = {}): Dispatcher {
  const tls = {
    rejectUnauthorized: limits.trustAny !== true,
    ...(settings.certificates.length === 0 ? {} : { ca: withUsualAuthorities(settings.certificates) }),
  };
  const connect = { ...tls, timeout: limits.connectTimeoutMs ?? 15_000 };
  const common = {
    connect,
    headersTimeout: limits.headersTimeoutMs ?? 60_000,
    bodyTimeout: limits.bodyTimeoutMs ?? 60_000,
    ...(limits.keepAliveMs === undefined ? {} : { keepAliveTimeout: limits.keepAliveMs }),
  };
  return new Agent({
    ...common,
    factory: origin => {
      const url = new URL(origin);
      const uri = url.protocol === 'https:' ? settings.httpsProxy : settings.httpProxy;
      if (uri === null || isDirect(url, settings.noProxy)) return new Pool(origin, common);
      return new ProxyAgent({
        ...common,
        uri,
        requestTls: tls,
        proxyTls: { ...tls, timeout: connect.timeout },
        // Plain HTTP is asked of the proxy itself: most proxies open tunnels to port 443 only.
        proxyTunnel: false,
      });
    },
  });
}

/** What a request may say; GET where it names no method. */
export interface RequestOptions extends Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> {
  readonly dispatcher: Dispatcher;
  readonly method?: Dispatcher.HttpMethod;
}

/** Sends one request, and follows no redirect. Its body has to be read or dumped. @throws what undici throws. */
export async function request(
  address: string | URL,
  { dispatcher, ...options }: RequestOptions,
): Promise<Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(address);
  return dispatcher.request({ method: 'GET', ...options, origin, path: `${pathname}${search}` });
}
