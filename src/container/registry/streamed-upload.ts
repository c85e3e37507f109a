import { pushScope } from './authorization.ts';
import type { Endpoint } from './endpoint.ts';
import { cancelUpload } from './upload-probe.ts';
import { locationOf, receivedBytes, withDigest } from './upload-session.ts';

/**
 * An upload that is sent while its digest is still being computed: the digest comes with the last request (distribution
 * specification, "Pushing a blob in chunks"). It is one attempt: nothing of it throws, and where it did not arrive the
 * blob is pushed in the way that is tried again.
 */
export interface StreamedUpload {
  /**
   * Settles once the connection has taken the bytes, or the upload has failed. They may be on their way still: they must
   * stay as they are until the next call has settled.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes the upload after its last byte. False: the registry does not have the blob from it. */
  finish(digest: string): Promise<boolean>;
  /** Gives the upload up, unless it is finished: the repository keeps nothing of it. */
  abandon(): Promise<void>;
}

/** Hands bytes from a writer to a reader, one piece at a time and without a copy. */
function handOver() {
  let piece: Uint8Array | null = null;
  let isClosed = false;
  let wakeReader = (): void => undefined;
  let wakeWriter = (): void => undefined;
  return {
    async write(bytes: Uint8Array): Promise<void> {
      if (isClosed) return;
      const taken = new Promise<void>(resolve => {
        wakeWriter = resolve;
      });
      piece = bytes;
      wakeReader();
      await taken;
    },
    /** The reader ends after what it has; the writer waits no longer, and what it writes is passed over. */
    close(): void {
      isClosed = true;
      wakeReader();
      wakeWriter();
    },
    async *read(): AsyncGenerator<Uint8Array, void> {
      while (piece !== null || !isClosed) {
        if (piece === null) {
          await new Promise<void>(resolve => {
            wakeReader = resolve;
          });
          continue;
        }
        // Who sends it asks for more only once the connection has taken it.
        yield piece;
        piece = null;
        wakeWriter();
      }
    },
  };
}

/** @param sizeBytes of all that will be written. */
export function openStreamedUpload(
  endpoint: Endpoint,
  repository: string,
  sizeBytes: number,
): StreamedUpload {
  const common = {
    scopes: [pushScope(repository)],
    action: `push a layer to ${endpoint.registry}/${repository}`,
    once: true,
  };
  const bytes = handOver();
  let session: URL | null = null;
  let isOpened = false;

  const send = async (): Promise<URL> => {
    const begun = await endpoint.call({
      ...common,
      method: 'POST',
      to: `${repository}/blobs/uploads/`,
      headers: { 'content-length': '0' },
      accept: [202],
    });
    await begun.body.dump();
    session = locationOf(begun, common.action);
    const answer = await endpoint.call({
      ...common,
      method: 'PATCH',
      to: session,
      headers: { 'content-type': 'application/octet-stream' },
      body: {
        kind: 'stream',
        sizeBytes,
        open() {
          // What was sent is gone: no second attempt with other credentials can have it.
          if (isOpened) throw new Error('the bytes of a streamed upload can be read once');
          isOpened = true;
          return bytes.read();
        },
      },
      accept: [202, 204],
    });
    await answer.body.dump();
    if ((receivedBytes(answer) ?? sizeBytes) !== sizeBytes) throw new Error('the registry kept less');
    return locationOf(answer, common.action);
  };
  const sent: Promise<URL | null> = send()
    .catch(() => null)
    .finally(() => bytes.close());

  return {
    write: piece => bytes.write(piece),
    async finish(digest) {
      bytes.close();
      const location = await sent;
      if (location === null) return false;
      try {
        const answer = await endpoint.call({
          ...common,
          method: 'PUT',
          to: withDigest(location, digest),
          headers: { 'content-length': '0' },
          accept: [201],
        });
        await answer.body.dump();
        session = null;
        const said = answer.headers['docker-content-digest'];
        return typeof said !== 'string' || said === digest;
      } catch {
        return false;
      }
    },
    async abandon() {
      bytes.close();
      await sent;
      if (session !== null) await cancelUpload(endpoint, repository, session);
      session = null;
    },
  };
}
