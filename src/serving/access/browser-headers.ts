import type { OutgoingHttpHeaders } from 'node:http';

/** Which other origins' pages may call the server (Fetch standard, CORS protocol); empty: none, the default. */
export interface CrossOriginSettings {
  /** `https://app.example.com`, or `*` alone. */
  readonly origins: readonly string[];
  /** How long a browser may keep the answer to a preflight request. */
  readonly maxAgeSeconds: number;
}

/**
 * What every answer says to browsers. Pages set a policy of their own; answers of the interface hold nothing to run.
 * Strict-Transport-Security is left to whatever ends TLS in front of the server.
 */
export const SECURITY_HEADERS: OutgoingHttpHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
};

const isAllowed = (origin: string, { origins }: CrossOriginSettings): boolean =>
  origins.includes('*') || origins.includes(origin);

/** Headers for a caller's `Origin`; none where it has none or is not allowed. Credentials of the browser never travel. */
export function crossOriginHeaders(
  origin: string | undefined,
  settings: CrossOriginSettings,
): OutgoingHttpHeaders {
  if (settings.origins.length === 0) return {};
  const anyOrigin = settings.origins.includes('*');
  // The answer depends on the origin also where it is refused: caches have to know.
  const vary = anyOrigin ? {} : { vary: 'origin' };
  if (origin === undefined || !isAllowed(origin, settings)) return vary;
  return {
    ...vary,
    'access-control-allow-origin': anyOrigin ? '*' : origin,
    'access-control-expose-headers': 'x-request-id, retry-after, inference-header-content-length',
    'cross-origin-resource-policy': 'cross-origin',
  };
}

/** Headers for a preflight request; null: it is none, or from an origin that is not allowed. */
export function preflightHeaders(
  method: string,
  origin: string | undefined,
  requestMethod: string | string[] | undefined,
  settings: CrossOriginSettings,
): OutgoingHttpHeaders | null {
  if (method !== 'OPTIONS' || origin === undefined || requestMethod === undefined) return null;
  if (!isAllowed(origin, settings)) return null;
  return {
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers':
      'authorization, content-type, inference-header-content-length, traceparent, tracestate, x-api-key, x-request-id',
    'access-control-max-age': String(settings.maxAgeSeconds),
  };
}
