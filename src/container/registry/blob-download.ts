import { createHash } from 'node:crypto';
import { messageOf, QuickServeError } from '../../shared/errors.ts';
import { pullScope } from './authorization.ts';
import type { Endpoint } from './endpoint.ts';
import { digestMismatch } from './failure.ts';
import type { Descriptor } from './manifest.ts';
import { backoffMs, type RetrySurroundings } from './retry.ts';

/** Cuts without any progress in between before a download is given up. */
const CUTS_IN_A_ROW = 5;

export interface BlobRange {
  /** Offset of the first byte. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

interface Download extends RetrySurroundings {
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly descriptor: Descriptor;
}

function tooLong(action: string, sizeBytes: number): QuickServeError {
  return new QuickServeError({
    code: 'IMAGE_DIGEST_MISMATCH',
    message: `Cannot ${action}: the registry sends more than its ${sizeBytes} bytes.`,
    hint: 'The registry, or something on the way, changed the bytes. Run again, or ask who runs it.',
  });
}

/**
 * The bytes of a range; after a cut it goes on from where it was. Registries that know no ranges send all, of which the
 * rest is left out. The bytes are not verified: a digest says nothing of a part.
 * @throws QuickServeError CONTAINER_REGISTRY_*, IMAGE_NOT_FOUND.
 */
export async function* readRange(download: Download, range: BlobRange): AsyncGenerator<Uint8Array, void> {
  const { endpoint, repository, descriptor } = download;
  const action = `read ${descriptor.digest.slice(0, 19)} of ${endpoint.registry}/${repository}`;
  let position = range.start;
  for (let cuts = 0; position < range.end; ) {
    const whole = position === 0 && range.end === descriptor.size;
    const answer = await endpoint.call({
      method: 'GET',
      to: `${repository}/blobs/${descriptor.digest}`,
      scopes: [pullScope(repository)],
      ...(whole ? {} : { headers: { range: `bytes=${position}-${range.end - 1}` } }),
      accept: [200, 206, 404],
      action,
    });
    if (answer.status === 404) {
      await answer.body.dump();
      throw new QuickServeError({
        code: 'IMAGE_NOT_FOUND',
        message: `Cannot ${action}: the registry does not have it.`,
        hint: 'It was deleted, or never pushed here.',
      });
    }
    let skip = answer.status === 200 ? position : 0;
    const before = position;
    let cause: unknown = null;
    try {
      for await (const chunk of answer.body) {
        const bytes: Uint8Array = Buffer.from(chunk);
        const useful = bytes.subarray(Math.min(skip, bytes.length));
        skip -= bytes.length - useful.length;
        const wanted = useful.subarray(0, range.end - position);
        position += wanted.length;
        if (wanted.length > 0) yield wanted;
        if (wanted.length === useful.length) continue;
        if (range.end === descriptor.size) throw tooLong(action, descriptor.size);
        break;
      }
    } catch (error) {
      if (error instanceof QuickServeError) throw error;
      cause = error;
    }
    if (position >= range.end) return;
    cuts = position > before ? 1 : cuts + 1;
    if (cuts > CUTS_IN_A_ROW) {
      throw new QuickServeError({
        code: 'CONTAINER_REGISTRY_UNREACHABLE',
        message: `Cannot ${action}: the connection was cut at byte ${position} again and again (${messageOf(cause ?? 'too few bytes')}).`,
        hint: 'Check the network and the proxy (HTTPS_PROXY, NO_PROXY).',
        cause,
      });
    }
    await download.sleep(backoffMs(cuts, download.random));
  }
}

/** All bytes of a blob. @throws QuickServeError as readRange, and IMAGE_DIGEST_MISMATCH after the last byte. */
export async function* readWhole(download: Download): AsyncGenerator<Uint8Array, void> {
  const { descriptor } = download;
  const hash = createHash('sha256');
  for await (const chunk of readRange(download, { start: 0, end: descriptor.size })) {
    hash.update(chunk);
    yield chunk;
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== descriptor.digest) throw digestMismatch('What the registry sent', descriptor.digest, found);
}
