import { QuickServeError } from '../shared/errors.ts';
import { timeOfId } from './time-ids.ts';

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

/** Folder of everything that belongs to one model. */
export const modelFolder = (model: string): string => `models/${encodeSegment(model)}`;

/** `yyyy-mm` of an instant given as ISO 8601 in UTC. */
const monthOf = (createdAt: string): string => createdAt.slice(0, 7);

/**
 * Digests are spread over 256 folders, as git does with its objects: an append reads the folders on its path, and one
 * with ten thousand digests in it would be half a megabyte.
 */
const spread = (sha256: string): string => `${sha256.slice(0, 2)}/${sha256}`;

export const modelPath = (model: string): string => `${modelFolder(model)}/model.json`;
export const versionsFolder = (model: string): string => `${modelFolder(model)}/versions`;
export const versionPath = (model: string, version: string): string =>
  `${versionsFolder(model)}/${version}.json`;
/** Says which version has these bytes, so that an append need not read all versions. */
export const digestPath = (model: string, sha256: string): string =>
  `${modelFolder(model)}/digests/${spread(sha256)}.json`;
export const blobPath = (sha256: string): string => `blobs/${spread(sha256)}`;

export const measurementPath = (
  model: string,
  fingerprintKey: string,
  createdAt: string,
  id: string,
): string =>
  `${modelFolder(model)}/benchmarks/${encodeSegment(fingerprintKey)}/${monthOf(createdAt)}/${id}.json`;

export const verdictsFolder = (sha256: string): string => `verdicts/${spread(sha256)}`;
export const verdictPath = (sha256: string, id: string): string => `${verdictsFolder(sha256)}/${id}.json`;
/** Packed verdicts of all digests that begin with the same two characters. */
export const verdictPackPath = (sha256: string): string => `verdicts/${sha256.slice(0, 2)}.jsonl`;

export const eventsFolder = (model: string): string => `${modelFolder(model)}/events`;
/** The month comes from the id, by which events are ordered. */
export const eventPath = (model: string, id: string): string =>
  `${eventsFolder(model)}/${monthOf(new Date(timeOfId(id) ?? 0).toISOString())}/${id}.json`;

/** Where `compact --rewrite` keeps who wrote the commits that it replaces. */
export const auditPath = (id: string): string => `audit/${id}.jsonl`;

/** What is left of a month's folder after compacting: one file with a record a line. */
export const packPath = (monthFolder: string): string => `${monthFolder}.jsonl`;

/** What a path on the branch is. Unknown places belong to a newer version or to people, and are left alone. */
export type Place =
  | { readonly kind: 'format' }
  | { readonly kind: 'model'; readonly model: string }
  | { readonly kind: 'version'; readonly model: string; readonly version: string }
  | { readonly kind: 'digest'; readonly model: string; readonly sha256: string }
  | {
      readonly kind: 'measurement';
      readonly model: string;
      readonly fingerprintKey: string;
      readonly month: string;
      readonly id: string;
    }
  | {
      readonly kind: 'measurement-pack';
      readonly model: string;
      readonly fingerprintKey: string;
      readonly month: string;
    }
  | { readonly kind: 'event'; readonly model: string; readonly month: string; readonly id: string }
  | { readonly kind: 'event-pack'; readonly model: string; readonly month: string }
  | { readonly kind: 'verdict'; readonly sha256: string; readonly id: string }
  | { readonly kind: 'verdict-pack'; readonly prefix: string }
  | { readonly kind: 'blob'; readonly sha256: string }
  | { readonly kind: 'audit'; readonly id: string }
  | { readonly kind: 'unknown' };

const unknown: Place = { kind: 'unknown' };

function withoutSuffix(name: string | undefined, suffix: string): string | null {
  return name?.endsWith(suffix) === true ? name.slice(0, -suffix.length) : null;
}

const withoutJson = (name: string | undefined): string | null => withoutSuffix(name, '.json');
/** The digest of a spread path; null where its folder is not the one that it belongs to. */
const gather = (folder: string | undefined, sha256: string | null | undefined): string | null =>
  sha256 !== null && sha256 !== undefined && folder === sha256.slice(0, 2) ? sha256 : null;

function placeOfMeasurement(model: string, rest: readonly string[]): Place {
  const [segment = '', month = '', file] = rest;
  const fingerprintKey = decodeSegment(segment);
  if (fingerprintKey === null) return unknown;
  if (rest.length === 2) {
    const packed = withoutSuffix(month, '.jsonl');
    return packed === null ? unknown : { kind: 'measurement-pack', model, fingerprintKey, month: packed };
  }
  const id = withoutJson(file);
  if (rest.length !== 3 || id === null) return unknown;
  return { kind: 'measurement', model, fingerprintKey, month, id };
}

function placeOfEvent(model: string, rest: readonly string[]): Place {
  const [month = '', file] = rest;
  if (rest.length === 1) {
    const packed = withoutSuffix(month, '.jsonl');
    return packed === null ? unknown : { kind: 'event-pack', model, month: packed };
  }
  const id = withoutJson(file);
  return rest.length !== 2 || id === null ? unknown : { kind: 'event', model, month, id };
}

function placeInModel(model: string, rest: readonly string[]): Place {
  const [kind, first, second] = rest;
  if (rest.length === 1 && kind === 'model.json') return { kind: 'model', model };
  if (rest.length === 2 && kind === 'versions') {
    const version = withoutJson(first);
    return version === null ? unknown : { kind: 'version', model, version };
  }
  if (rest.length === 3 && kind === 'digests') {
    const sha256 = gather(first, withoutJson(second));
    return sha256 === null ? unknown : { kind: 'digest', model, sha256 };
  }
  if (kind === 'events') return placeOfEvent(model, rest.slice(1));
  if (kind === 'benchmarks') return placeOfMeasurement(model, rest.slice(1));
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
  if (top === 'blobs' && rest.length === 1) {
    const sha256 = gather(segment, rest[0]);
    return sha256 === null ? unknown : { kind: 'blob', sha256 };
  }
  if (top === 'verdicts' && rest.length === 0) {
    const prefix = withoutSuffix(segment, '.jsonl');
    return prefix !== null && /^[0-9a-f]{2}$/.test(prefix) ? { kind: 'verdict-pack', prefix } : unknown;
  }
  if (top === 'verdicts' && rest.length === 2) {
    const sha256 = gather(segment, rest[0]);
    const id = withoutJson(rest[1]);
    return sha256 === null || id === null ? unknown : { kind: 'verdict', sha256, id };
  }
  if (top === 'audit' && rest.length === 0) {
    const id = withoutSuffix(segment, '.jsonl');
    return id === null ? unknown : { kind: 'audit', id };
  }
  return unknown;
}
