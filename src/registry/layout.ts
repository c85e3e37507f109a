import { QuickServeError } from '../shared/errors.ts';

/** The format that this version writes; a branch with a higher one is refused. */
export const REGISTRY_FORMAT = 1;
export const REGISTRY_FILE = 'registry.json';

/** File systems and hosts take 255 bytes a name; some are needed for `.json` and `.lock`. */
const SEGMENT_LIMIT_BYTES = 200;
const DEVICE_NAME = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/;

const encodeByte = (byte: number): string => `%${byte.toString(16).padStart(2, '0')}`;

/**
 * A model's name as one path segment, reversibly: bytes outside `a-z 0-9 . _ -` are percent-encoded. Upper case too, so
 * that two names never fall together where file names ignore case; a dot at either end and device names of Windows
 * likewise, so that `..`, `.git` and `con` cannot come out.
 * @throws QuickServeError USAGE for an empty or too long name.
 */
export function encodeSegment(name: string): string {
  let segment = '';
  for (const byte of Buffer.from(name, 'utf8')) {
    const character = String.fromCharCode(byte);
    segment += /[a-z0-9._-]/.test(character) ? character : encodeByte(byte);
  }
  if (segment.startsWith('.') || segment.startsWith('-') || DEVICE_NAME.test(segment)) {
    segment = encodeByte(segment.charCodeAt(0)) + segment.slice(1);
  }
  if (segment.endsWith('.')) segment = `${segment.slice(0, -1)}%2e`;
  // `x.lock` is a name that git keeps for itself.
  if (segment.endsWith('.lock')) segment = `${segment.slice(0, -5)}%2elock`;
  if (segment === '' || segment.length > SEGMENT_LIMIT_BYTES) {
    throw new QuickServeError({
      code: 'USAGE',
      message: `"${name.slice(0, 60)}" cannot be the name of a model in the registry: it is ${segment === '' ? 'empty' : 'too long'}.`,
      hint: `Give the model a name of 1 to ${SEGMENT_LIMIT_BYTES} bytes (capital letters and special characters count three).`,
    });
  }
  return segment;
}

/** The name behind a segment; null where no name leads to it. */
export function decodeSegment(segment: string): string | null {
  try {
    const name = decodeURIComponent(segment);
    return encodeSegment(name) === segment ? name : null;
  } catch {
    return null;
  }
}

const modelFolder = (model: string): string => `models/${encodeSegment(model)}`;

/** `yyyy-mm` of an instant given as ISO 8601 in UTC. */
const monthOf = (createdAt: string): string => createdAt.slice(0, 7);

export const modelPath = (model: string): string => `${modelFolder(model)}/model.json`;
export const versionsFolder = (model: string): string => `${modelFolder(model)}/versions`;
export const versionPath = (model: string, version: string): string =>
  `${versionsFolder(model)}/${version}.json`;
export const blobPath = (sha256: string): string => `blobs/${sha256}`;

export const measurementPath = (
  model: string,
  fingerprintKey: string,
  createdAt: string,
  id: string,
): string =>
  `${modelFolder(model)}/benchmarks/${encodeSegment(fingerprintKey)}/${monthOf(createdAt)}/${id}.json`;

export const verdictPath = (sha256: string, id: string): string => `verdicts/${sha256}/${id}.json`;

/** What a path on the branch is. Unknown places belong to a newer version or to people, and are left alone. */
export type Place =
  | { readonly kind: 'format' }
  | { readonly kind: 'model'; readonly model: string }
  | { readonly kind: 'version'; readonly model: string; readonly version: string }
  | {
      readonly kind: 'measurement';
      readonly model: string;
      readonly fingerprintKey: string;
      readonly id: string;
    }
  | { readonly kind: 'event'; readonly model: string; readonly id: string }
  | { readonly kind: 'verdict'; readonly sha256: string; readonly id: string }
  | { readonly kind: 'blob'; readonly sha256: string }
  | { readonly kind: 'unknown' };

const unknown: Place = { kind: 'unknown' };
const withoutJson = (name: string): string | null => (name.endsWith('.json') ? name.slice(0, -5) : null);

function placeInModel(model: string, rest: readonly string[]): Place {
  const [kind, first, second, third] = rest;
  if (rest.length === 1 && kind === 'model.json') return { kind: 'model', model };
  if (rest.length === 2 && kind === 'versions' && first !== undefined) {
    const version = withoutJson(first);
    return version === null ? unknown : { kind: 'version', model, version };
  }
  if (rest.length === 3 && kind === 'events' && second !== undefined) {
    const id = withoutJson(second);
    return id === null ? unknown : { kind: 'event', model, id };
  }
  if (rest.length === 4 && kind === 'benchmarks' && first !== undefined && third !== undefined) {
    const id = withoutJson(third);
    const fingerprintKey = decodeSegment(first);
    return id === null || fingerprintKey === null
      ? unknown
      : { kind: 'measurement', model, fingerprintKey, id };
  }
  return unknown;
}

/** Reads a path of the branch back into what it means. */
export function placeOf(path: string): Place {
  if (path === REGISTRY_FILE) return { kind: 'format' };
  const [top, segment, ...rest] = path.split('/');
  if (segment === undefined) return unknown;
  if (top === 'models') {
    const model = decodeSegment(segment);
    return model === null ? unknown : placeInModel(model, rest);
  }
  if (top === 'blobs' && rest.length === 0) return { kind: 'blob', sha256: segment };
  if (top === 'verdicts' && rest.length === 1) {
    const id = withoutJson(rest[0] ?? '');
    return id === null ? unknown : { kind: 'verdict', sha256: segment, id };
  }
  return unknown;
}
