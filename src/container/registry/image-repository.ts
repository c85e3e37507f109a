import { createHash } from 'node:crypto';
import { QuickServeError } from '../../shared/errors.ts';
import { pullScope, pushScope } from './authorization.ts';
import { type BlobRange, readRange, readWhole } from './blob-download.ts';
import { type BlobOutcome, type BlobPushOptions, type BlobSource, BlobUpload } from './blob-upload.ts';
import type { Endpoint } from './endpoint.ts';
import { digestMismatch } from './failure.ts';
import {
  ACCEPTED_MANIFESTS,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  isIndexType,
  MEDIA_TYPES,
} from './manifest.ts';
import { isDigest } from './reference.ts';
import { parseDescriptor, parseIndex, referrersTag, withReferrer } from './referrers.ts';
import type { RetrySurroundings } from './retry.ts';
import { openStreamedUpload, type StreamedUpload } from './streamed-upload.ts';
import { readAtMost, type WireAnswer } from './transport.ts';
import { probeUpload } from './upload-probe.ts';

/** A manifest or an index in the bytes that its digest names. */
export interface EncodedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** One repository of a registry: `acme/digits` at `ghcr.io`. All of it throws QuickServeError CONTAINER_REGISTRY_*. */
export interface ImageRepository {
  readonly registry: string;
  readonly name: string;
  /** What a tag or digest stands for; null: the repository has none such. */
  resolve(reference: string): Promise<Descriptor | null>;
  /** Verified against the digest where `reference` is one. @throws also IMAGE_DIGEST_MISMATCH. */
  readManifest(reference: string): Promise<EncodedManifest | null>;
  /** Under its digest, or a tag that then stands for it. */
  writeManifest(manifest: EncodedManifest, tag?: string): Promise<void>;
  hasBlob(digest: string): Promise<boolean>;
  /** All bytes, verified after the last one. @throws also IMAGE_DIGEST_MISMATCH, IMAGE_NOT_FOUND. */
  readBlob(descriptor: Descriptor): AsyncIterable<Uint8Array>;
  /** A part of the bytes, which nothing can verify. */
  readBlobRange(descriptor: Descriptor, range: BlobRange): AsyncIterable<Uint8Array>;
  /** Unless it is there: mounted where that is allowed, else uploaded. @throws also IMAGE_DIGEST_MISMATCH. */
  pushBlob(blob: BlobSource, options?: BlobPushOptions): Promise<BlobOutcome>;
  /** Begins an upload whose digest is known only once all its bytes are written. */
  streamBlob(sizeBytes: number): StreamedUpload;
  /** Begins an upload and gives it up: nothing stays. @throws where the credentials may not push. */
  probePush(): Promise<void>;
  /** Manifests whose subject has this digest, by the API or by the tag that replaces it. */
  listReferrers(digest: string, artifactType?: string): Promise<readonly Descriptor[]>;
  /**
   * Writes a manifest that has a `subject`, after its blobs, and where the registry has no API for it lists it under
   * the subject's `sha256-...` tag.
   */
  attach(manifest: ImageManifest): Promise<Descriptor>;
}

/** The distribution specification lets registries refuse more. */
const LARGEST_MANIFEST_BYTES = 4 * 2 ** 20;
const MOST_PAGES = 50;
/** How often an entry is added again to a list that others write too. */
const LIST_ATTEMPTS = 5;

const sha256Of = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** JSON in the order of its keys as given, without spaces; identity follows from the bytes. */
export function encodeManifest(manifest: ImageManifest | ImageIndex): EncodedManifest {
  const bytes = Buffer.from(JSON.stringify(manifest), 'utf8');
  const mediaType = manifest.mediaType ?? MEDIA_TYPES.manifest;
  return { bytes, descriptor: { mediaType, digest: sha256Of(bytes), size: bytes.length } };
}

/** A blob that is in memory. */
export function blobOfBytes(bytes: Uint8Array, mediaType: string): BlobSource {
  return {
    descriptor: { mediaType, digest: sha256Of(bytes), size: bytes.length },
    async *open(start, end) {
      yield bytes.subarray(start, end);
    },
  };
}

const plainType = (answer: WireAnswer): string =>
  (answer.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** The header wins over the body, which may be without; the body wins over a header that says only "JSON". */
function mediaTypeOf(answer: WireAnswer, bytes: Uint8Array): string {
  const said = plainType(answer);
  if (said.startsWith('application/vnd.')) return said;
  try {
    const body: Readonly<Record<string, unknown>> = Object(JSON.parse(Buffer.from(bytes).toString('utf8')));
    if (typeof body['mediaType'] === 'string') return body['mediaType'];
    return Array.isArray(body['manifests']) ? MEDIA_TYPES.index : MEDIA_TYPES.manifest;
  } catch {
    return said;
  }
}

export function openImageRepository(
  endpoint: Endpoint,
  name: string,
  surroundings: RetrySurroundings,
): ImageRepository {
  const { registry } = endpoint;
  const shown = (reference: string): string =>
    `${registry}/${name}${isDigest(reference) ? '@' : ':'}${reference}`;

  const readManifest = async (reference: string): Promise<EncodedManifest | null> => {
    const answer = await endpoint.call({
      method: 'GET',
      to: `${name}/manifests/${reference}`,
      scopes: [pullScope(name)],
      headers: { accept: ACCEPTED_MANIFESTS },
      accept: [200, 404],
      action: `read the manifest of ${shown(reference)}`,
    });
    if (answer.status === 404) {
      await answer.body.dump();
      return null;
    }
    const bytes = await endpoint.persist(`read the manifest of ${shown(reference)}`, () =>
      readAtMost(answer.body, LARGEST_MANIFEST_BYTES + 1),
    );
    if (bytes.length > LARGEST_MANIFEST_BYTES) {
      throw new QuickServeError({
        code: 'IMAGE_UNUSABLE',
        message: `The manifest of ${shown(reference)} is larger than 4 MiB.`,
        hint: 'No client reads such a manifest; check what was pushed there.',
      });
    }
    const digest = sha256Of(bytes);
    const said = answer.headers['docker-content-digest'];
    const wanted = isDigest(reference)
      ? reference
      : typeof said === 'string' && isDigest(said)
        ? said
        : digest;
    if (digest !== wanted) throw digestMismatch(`The manifest of ${shown(reference)}`, wanted, digest);
    return { bytes, descriptor: { mediaType: mediaTypeOf(answer, bytes), digest, size: bytes.length } };
  };

  const resolve = async (reference: string): Promise<Descriptor | null> => {
    const answer = await endpoint.call({
      method: 'HEAD',
      to: `${name}/manifests/${reference}`,
      scopes: [pullScope(name)],
      headers: { accept: ACCEPTED_MANIFESTS },
      accept: [200, 404, 405],
      action: `look for ${shown(reference)}`,
    });
    await answer.body.dump();
    if (answer.status === 404) return null;
    const digest = answer.headers['docker-content-digest'];
    const size = Number(answer.headers['content-length']);
    const mediaType = plainType(answer);
    if (
      answer.status === 200 &&
      typeof digest === 'string' &&
      isDigest(digest) &&
      size > 0 &&
      mediaType !== ''
    ) {
      return { mediaType, digest, size };
    }
    // Without those headers the bytes have to say it.
    return (await readManifest(reference))?.descriptor ?? null;
  };

  const put = async ({ descriptor, bytes }: EncodedManifest, reference: string): Promise<WireAnswer> => {
    const answer = await endpoint.call({
      method: 'PUT',
      to: `${name}/manifests/${reference}`,
      scopes: [pushScope(name)],
      headers: { 'content-type': descriptor.mediaType },
      body: { kind: 'bytes', bytes },
      accept: [200, 201, 202],
      action: `push the manifest of ${shown(reference)}`,
    });
    await answer.body.dump();
    const said = answer.headers['docker-content-digest'];
    if (typeof said === 'string' && said !== descriptor.digest) {
      throw digestMismatch(`What the registry stored as ${shown(reference)}`, descriptor.digest, said);
    }
    return answer;
  };

  /** null: the registry has no such API. */
  const askReferrers = async (digest: string): Promise<readonly Descriptor[] | null> => {
    const found: Descriptor[] = [];
    let to: string | URL = `${name}/referrers/${digest}`;
    for (let page = 0; page < MOST_PAGES; page++) {
      const answer: WireAnswer = await endpoint.call({
        method: 'GET',
        to,
        scopes: [pullScope(name)],
        headers: { accept: MEDIA_TYPES.index },
        accept: [200, 400, 404, 405, 406, 501],
        action: `list what refers to ${shown(digest)}`,
      });
      if (answer.status !== 200 || !isIndexType(plainType(answer))) {
        await answer.body.dump();
        return page === 0 ? null : found;
      }
      const bytes = await readAtMost(answer.body, LARGEST_MANIFEST_BYTES);
      found.push(...parseIndex(bytes, `The list of referrers of ${shown(digest)}`).manifests);
      const next = /<([^>]+)>\s*;[^,]*rel="?next"?/i.exec(String(answer.headers['link'] ?? ''))?.[1];
      if (next === undefined || !URL.canParse(next, answer.url.href)) return found;
      to = new URL(next, answer.url);
    }
    return found;
  };

  const readList = async (digest: string) => {
    const listed = await readManifest(referrersTag(digest));
    return listed === null || !isIndexType(listed.descriptor.mediaType)
      ? null
      : parseIndex(listed.bytes, shown(referrersTag(digest)));
  };

  /** Two who write at once could each lose the other's entry: it is read again until it is in. */
  const addToList = async (digest: string, entry: Descriptor): Promise<void> => {
    for (let attempt = 0; attempt < LIST_ATTEMPTS; attempt++) {
      const next = withReferrer(await readList(digest), entry);
      if (next === null) return;
      await put(encodeManifest(next), referrersTag(digest));
    }
    if (withReferrer(await readList(digest), entry) === null) return;
    throw new QuickServeError({
      code: 'CONTAINER_REGISTRY_FAILED',
      message: `Others kept writing ${shown(referrersTag(digest))}, and the entry did not stay.`,
      hint: 'Run again when nobody else attaches anything to this image.',
    });
  };

  return {
    registry,
    name,
    resolve,
    readManifest,
    async writeManifest(manifest, tag) {
      await put(manifest, tag ?? manifest.descriptor.digest);
    },
    async hasBlob(digest) {
      const answer = await endpoint.call({
        method: 'HEAD',
        to: `${name}/blobs/${digest}`,
        scopes: [pullScope(name)],
        accept: [200, 404],
        action: `look for ${digest.slice(0, 19)} in ${registry}/${name}`,
      });
      await answer.body.dump();
      return answer.status === 200;
    },
    readBlob: descriptor => readWhole({ endpoint, repository: name, descriptor, ...surroundings }),
    readBlobRange: (descriptor, range) =>
      readRange({ endpoint, repository: name, descriptor, ...surroundings }, range),
    pushBlob: (blob, options = {}) => new BlobUpload(endpoint, name, blob, options).run(),
    streamBlob: sizeBytes => openStreamedUpload(endpoint, name, sizeBytes),
    probePush: () => probeUpload(endpoint, name),
    async listReferrers(digest, artifactType) {
      const found = (await askReferrers(digest)) ?? (await readList(digest))?.manifests ?? [];
      return artifactType === undefined ? found : found.filter(entry => entry.artifactType === artifactType);
    },
    async attach(manifest) {
      const { subject } = manifest;
      if (subject === undefined) throw new Error('a referrer needs a subject');
      const encoded = encodeManifest({ ...manifest, mediaType: MEDIA_TYPES.manifest });
      const answer = await put(encoded, encoded.descriptor.digest);
      const entry = parseDescriptor({
        ...encoded.descriptor,
        artifactType: manifest.artifactType ?? manifest.config.mediaType,
        annotations: manifest.annotations,
      });
      if (entry === null) throw new Error('unreachable: a descriptor that was made here');
      // A registry that keeps the list itself says so (distribution specification, "Pushing Manifests with Subject").
      if (answer.headers['oci-subject'] === undefined) await addToList(subject.digest, entry);
      return entry;
    },
  };
}
