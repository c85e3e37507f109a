import { QuickServeError } from '../../shared/errors.ts';
import { pullScope, pushScope } from './authorization.ts';
import type { ApiRequest, Endpoint } from './endpoint.ts';
import { digestMismatch } from './failure.ts';
import type { Descriptor } from './manifest.ts';
import { TransientAnswer } from './retry.ts';
import { ConnectionFailure, type WireAnswer } from './transport.ts';
import { locationOf, receivedBytes, withDigest } from './upload-session.ts';

/** Bytes that can be read as often as attempts need, from any offset. */
export interface BlobSource {
  readonly descriptor: Descriptor;
  /** The bytes from `start` up to `end` (exclusive). */
  open(start: number, end: number): AsyncIterable<Uint8Array>;
}

export type BlobOutcome = 'exists' | 'mounted' | 'uploaded';

export interface BlobPushOptions {
  /** Another repository of the same registry that has the blob. */
  readonly mountFrom?: string | null;
  /** Bytes of this blob that are on their way so far; falls back where an attempt begins anew. */
  readonly onProgress?: (sentBytes: number) => void;
}

/** One big registry refuses larger chunks; others take any. */
const FIRST_CHUNK_BYTES = 4 * 2 ** 20;
const SMALLEST_CHUNK_BYTES = 64 * 1024;
/** Whole uploads that were cut before it is tried in chunks: a proxy's limit may show as a cut only. */
const CUTS_BEFORE_CHUNKS = 3;
const TOO_LARGE = [413, 416];

interface UploadState {
  readonly location: URL;
  readonly received: number;
}

const isTransient = (error: unknown): boolean =>
  error instanceof TransientAnswer || (error instanceof ConnectionFailure && !error.lasting);

/** Uploads one blob to a repository. */
export class BlobUpload {
  readonly #endpoint: Endpoint;
  readonly #repository: string;
  readonly #blob: BlobSource;
  readonly #options: BlobPushOptions;
  readonly #action: string;

  constructor(endpoint: Endpoint, repository: string, blob: BlobSource, options: BlobPushOptions) {
    this.#endpoint = endpoint;
    this.#repository = repository;
    this.#blob = blob;
    this.#options = options;
    this.#action = `push ${blob.descriptor.digest.slice(0, 19)} to ${endpoint.registry}/${repository}`;
  }

  /** @throws QuickServeError CONTAINER_REGISTRY_*, IMAGE_DIGEST_MISMATCH. */
  async run(): Promise<BlobOutcome> {
    if (await this.#exists()) return 'exists';
    let cuts = 0;
    return this.#endpoint.persist(this.#action, async () => {
      // An answer that was lost may have been a success.
      if (cuts > 0 && (await this.#exists())) return 'uploaded';
      try {
        if (cuts >= CUTS_BEFORE_CHUNKS) return await this.#inChunks();
        const begun = await this.#begin(cuts === 0 ? (this.#options.mountFrom ?? null) : null);
        if (begun === 'mounted') return 'mounted';
        return (await this.#sendWhole(begun)) ? 'uploaded' : await this.#inChunks();
      } catch (error) {
        if (isTransient(error)) cuts += 1;
        throw error;
      }
    });
  }

  /** Ever smaller chunks until the registry takes them. */
  async #inChunks(): Promise<BlobOutcome> {
    for (let chunkBytes = FIRST_CHUNK_BYTES; chunkBytes >= SMALLEST_CHUNK_BYTES; chunkBytes /= 2) {
      const begun = await this.#begin(null);
      if (begun === 'mounted') return begun;
      if (await this.#sendChunks(begun, chunkBytes)) return 'uploaded';
    }
    throw this.#refusedSizes();
  }

  #refusedSizes(): QuickServeError {
    return new QuickServeError({
      code: 'CONTAINER_REGISTRY_FAILED',
      message: `Cannot ${this.#action}: the registry, or a proxy before it, refuses even chunks of ${SMALLEST_CHUNK_BYTES / 1024} KiB.`,
      hint: 'Raise its limit of the body size (nginx: client_max_body_size).',
    });
  }

  #call(request: Omit<ApiRequest, 'scopes' | 'action'>): Promise<WireAnswer> {
    return this.#endpoint.call({
      ...request,
      scopes: [pushScope(this.#repository)],
      action: this.#action,
    });
  }

  async #exists(): Promise<boolean> {
    const { digest } = this.#blob.descriptor;
    const answer = await this.#call({
      method: 'HEAD',
      to: `${this.#repository}/blobs/${digest}`,
      accept: [200, 404],
    });
    await answer.body.dump();
    return answer.status === 200;
  }

  /** Begins an upload, or gets the blob by a mount. */
  async #begin(mountFrom: string | null): Promise<URL | 'mounted'> {
    const { digest } = this.#blob.descriptor;
    if (mountFrom !== null && mountFrom !== this.#repository) {
      const answer = await this.#endpoint
        .call({
          method: 'POST',
          to: `${this.#repository}/blobs/uploads/?mount=${digest}&from=${encodeURIComponent(mountFrom)}`,
          scopes: [pushScope(this.#repository), pullScope(mountFrom)],
          action: this.#action,
          accept: [201, 202],
          once: true,
        })
        // Refused mounts are no failure: some registries do not know them, or only for those who may read there.
        .catch(() => null);
      await answer?.body.dump();
      if (answer?.status === 201) return 'mounted';
      if (answer?.status === 202) return locationOf(answer, this.#action);
    }
    const answer = await this.#call({
      method: 'POST',
      to: `${this.#repository}/blobs/uploads/`,
      headers: { 'content-length': '0' },
      accept: [202],
      once: true,
    });
    await answer.body.dump();
    return locationOf(answer, this.#action);
  }

  #stream(start: number, end: number) {
    const { blob, report } = { blob: this.#blob, report: this.#options.onProgress };
    return {
      kind: 'stream' as const,
      sizeBytes: end - start,
      async *open(): AsyncIterable<Uint8Array> {
        let sentBytes = start;
        for await (const chunk of blob.open(start, end)) {
          yield chunk;
          sentBytes += chunk.length;
          report?.(sentBytes);
        }
      },
    };
  }

  async #finished(answer: WireAnswer): Promise<void> {
    await answer.body.dump();
    const { digest } = this.#blob.descriptor;
    const said = answer.headers['docker-content-digest'];
    if (typeof said === 'string' && said !== digest)
      throw digestMismatch('What the registry stored', digest, said);
  }

  /** One PUT with all bytes. False: too large for the registry. */
  async #sendWhole(location: URL): Promise<boolean> {
    const { digest, size } = this.#blob.descriptor;
    const answer = await this.#call({
      method: 'PUT',
      to: withDigest(location, digest),
      headers: { 'content-type': 'application/octet-stream' },
      body: this.#stream(0, size),
      accept: [201, ...TOO_LARGE],
      once: true,
    });
    await this.#finished(answer);
    return answer.status === 201;
  }

  /**
   * PATCH by PATCH. False: even such a chunk is too large. After a cut all begins anew: the address of the last answer
   * carries the offset in registries of the docker kind, and with that answer lost they refuse to go on.
   */
  async #sendChunks(begun: URL, chunkBytes: number): Promise<boolean> {
    const { digest, size } = this.#blob.descriptor;
    let location = begun;
    for (let start = 0; start < size; ) {
      const end = Math.min(start + chunkBytes, size);
      const sent = await this.#sendChunk(location, start, end);
      if (sent === 'too-large') return false;
      location = sent.location;
      start = sent.received;
    }
    const answer = await this.#call({
      method: 'PUT',
      to: withDigest(location, digest),
      headers: { 'content-length': '0' },
      accept: [201],
      once: true,
    });
    await this.#finished(answer);
    return true;
  }

  async #sendChunk(location: URL, start: number, end: number): Promise<UploadState | 'too-large'> {
    const answer = await this.#call({
      method: 'PATCH',
      to: location,
      headers: { 'content-type': 'application/octet-stream', 'content-range': `${start}-${end - 1}` },
      body: this.#stream(start, end),
      accept: [202, 204, ...TOO_LARGE],
      once: true,
    });
    await answer.body.dump();
    if (TOO_LARGE.includes(answer.status)) return 'too-large';
    const received = receivedBytes(answer) ?? end;
    // A registry may keep less of a chunk than was sent, never more.
    return { location: locationOf(answer, this.#action), received: Math.min(received, end) };
  }
}
