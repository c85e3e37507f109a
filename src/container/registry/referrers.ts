import { QuickServeError } from '../../shared/errors.ts';
import { isJsonObject } from '../../shared/json-object.ts';
import { type Descriptor, type ImageIndex, MEDIA_TYPES } from './manifest.ts';
import { isDigest } from './reference.ts';

/** The tag under which referrers are listed where a registry has no API for it (distribution specification 1.1). */
export const referrersTag = (digest: string): string => digest.replace(':', '-');

function parseAnnotations(value: unknown): Readonly<Record<string, string>> | null {
  if (!isJsonObject(value)) return null;
  const texts = Object.entries(value).flatMap(([key, text]) =>
    typeof text === 'string' ? [[key, text] as const] : [],
  );
  return Object.fromEntries(texts);
}

/** A descriptor of a stranger's JSON; null where it is none. */
export function parseDescriptor(value: unknown): Descriptor | null {
  if (!isJsonObject(value)) return null;
  const { mediaType, digest, size, artifactType, platform } = value;
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !isDigest(digest)) return null;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return null;
  const annotations = parseAnnotations(value['annotations']);
  const { os, architecture, variant } = isJsonObject(platform) ? platform : {};
  return {
    mediaType,
    digest,
    size,
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
    ...(annotations === null ? {} : { annotations }),
    ...(typeof os === 'string' && typeof architecture === 'string'
      ? { platform: { os, architecture, ...(typeof variant === 'string' ? { variant } : {}) } }
      : {}),
  };
}

/** @throws QuickServeError IMAGE_UNUSABLE where the bytes are no index. */
export function parseIndex(bytes: Uint8Array, what: string): ImageIndex {
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // Said below.
  }
  const entries = isJsonObject(parsed) && Array.isArray(parsed['manifests']) ? parsed['manifests'] : null;
  const manifests = entries?.map(parseDescriptor) ?? [null];
  if (manifests.some(entry => entry === null)) {
    throw new QuickServeError({
      code: 'IMAGE_UNUSABLE',
      message: `${what} is not an index of manifests.`,
      hint: 'Something else was pushed there; look at it with `skopeo inspect --raw`.',
    });
  }
  const annotations = isJsonObject(parsed) ? parseAnnotations(parsed['annotations']) : null;
  return {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: manifests.filter(entry => entry !== null),
    ...(annotations === null ? {} : { annotations }),
  };
}

/** The list with one more entry, or null: it has it already. */
export function withReferrer(index: ImageIndex | null, entry: Descriptor): ImageIndex | null {
  const manifests = index?.manifests ?? [];
  if (manifests.some(({ digest }) => digest === entry.digest)) return null;
  return { ...index, schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [...manifests, entry] };
}
