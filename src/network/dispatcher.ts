import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { withUsualAuthorities } from './certificates.ts';
import { isDirect } from './no-proxy.ts';
import type { NetworkSettings } from './settings.ts';

export { type Dispatcher, fetch, type Response, request } from 'undici';

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
