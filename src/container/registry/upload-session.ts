import { QuickServeError } from '../../shared/errors.ts';
import type { WireAnswer } from './transport.ts';

/** Where an upload goes on. Its address carries the state of the session: nothing of it may be changed, only added to. */
export function locationOf(answer: WireAnswer, action: string): URL {
  const location = answer.headers['location'];
  const url =
    typeof location === 'string' && URL.canParse(location, answer.url.href)
      ? new URL(location, answer.url)
      : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new QuickServeError({
      code: 'CONTAINER_REGISTRY_FAILED',
      message: `Cannot ${action}: the registry did not say where the upload goes on.`,
      hint: 'Check that this is a container registry (OCI distribution specification).',
    });
  }
  if (answer.url.protocol === 'https:' && url.protocol === 'http:') {
    // A registry behind a proxy that ends TLS and does not tell it so.
    if (url.hostname !== answer.url.hostname) {
      throw new QuickServeError({
        code: 'CONTAINER_REGISTRY_FAILED',
        message: `Cannot ${action}: the registry wants the bytes sent to ${url.origin}, which is not encrypted.`,
        hint: 'Ask who runs the registry to give out https addresses.',
      });
    }
    url.protocol = 'https:';
    url.port = answer.url.port;
  }
  return url;
}

/** Where the upload is closed, under the digest of its bytes. */
export function withDigest(location: URL, digest: string): URL {
  const url = new URL(location);
  // Not by searchParams.set, which would write the state anew with other escapes.
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}

/** How many bytes the registry has, by the Range header of its answer (`0-99`). */
export function receivedBytes(answer: WireAnswer): number | null {
  const match = /^(?:bytes=)?0-(\d+)$/.exec(answer.headers['range'] ?? '');
  return match?.[1] === undefined ? null : Number(match[1]) + 1;
}
