import { compare, parse, prerelease } from 'semver';
import type { EncodedManifest, ImageRepository } from '../registry/image-repository.ts';
import { formatReference, isDigest, parseReference } from '../registry/reference.ts';
import { annotatedModels } from './model-annotations.ts';

/** Why an image gets a tag. */
export type TagKind =
  /** The version itself, `1.4.2`: it never moves. */
  | 'version'
  /** `1.4` and `1`: the newest version of their line; they move forward only. */
  | 'line'
  /** `production`, `staging`: what the registry says is there; they move with it. */
  | 'channel'
  /** Named by hand. */
  | 'named';

export interface WantedTag {
  readonly name: string;
  readonly kind: TagKind;
}

/** What a tag stands for now. */
export interface ExistingTag {
  readonly digest: string;
  /** As its image declares it; null: it does not. */
  readonly version: string | null;
  readonly models: readonly string[];
  /** Its annotations. */
  readonly declared: Readonly<Record<string, string>>;
}

const declaredBy = (image: ExistingTag, name: string): string =>
  image.declared[`org.opencontainers.image.${name}`] ?? '';

/** The base image as `--base-image` takes it; null where what stands there is no such name. */
function baseOf(image: ExistingTag): string | null {
  const [name, digest] = [declaredBy(image, 'base.name'), declaredBy(image, 'base.digest')];
  try {
    return isDigest(digest) ? formatReference(parseReference(`${name}@${digest}`)) : null;
  } catch {
    return null;
  }
}

const digestsOf = ({ declared }: ExistingTag): ReadonlyMap<string, string> =>
  new Map(annotatedModels(declared).map(({ name, sha256 }) => [name, sha256]));

/** In what an existing image differs from another of the same version, by what both declare; with the option for the same again. */
function differenceOf(existing: ExistingTag, image: ExistingTag): string {
  const differs = (...names: readonly string[]): boolean =>
    names.some(name => declaredBy(existing, name) !== declaredBy(image, name));
  const [before, now] = [digestsOf(existing), digestsOf(image)];
  const otherModel = [...before.keys(), ...now.keys()].some(name => before.get(name) !== now.get(name));
  const base = baseOf(existing);
  const created = declaredBy(existing, 'created');
  const isTime = /^\d{4}(-\d\d){2}T\d\d(:\d\d){2}Z$/.test(created);
  const parts = [
    ...(otherModel ? ['other bytes of the model'] : []),
    ...(differs('base.digest', 'base.name')
      ? [`another base image${base === null ? '' : ` (--base-image ${base})`}`]
      : []),
    ...(differs('revision') ? ['another commit'] : []),
    ...(differs('created') ? [`another time${isTime ? ` (--created ${created})` : ''}`] : []),
    ...(differs('source') ? ['another address of the repository'] : []),
  ];
  return parts.length === 0
    ? 'another release of the tool, other platforms or another port'
    : parts.join(', ');
}

export type TagDecision = WantedTag &
  (
    | { readonly action: 'create' }
    | { readonly action: 'unchanged' }
    | { readonly action: 'move'; readonly from: string }
    /** A newer version has it, and keeps it. */
    | { readonly action: 'keep'; readonly from: string; readonly reason: string }
    | { readonly action: 'refuse'; readonly from: string; readonly reason: string }
  );

/** Statuses that have a tag of their own. */
export const CHANNELS: readonly string[] = ['production', 'staging'];

/** Tags of one model's version, the most special first. Pre-releases are nobody's newest version. */
export function wantedTags(
  version: string | null,
  status: string | null,
  named: readonly string[],
): readonly WantedTag[] {
  const parsed = version === null ? null : parse(version);
  const tags: WantedTag[] = [];
  if (version !== null && parsed !== null) {
    // `+` is no character of a tag; a dash is what others write for it.
    tags.push({ name: version.replaceAll('+', '-'), kind: 'version' });
    if (prerelease(parsed) === null) {
      tags.push({ name: `${parsed.major}.${parsed.minor}`, kind: 'line' });
      tags.push({ name: String(parsed.major), kind: 'line' });
    }
  }
  if (status !== null && CHANNELS.includes(status)) tags.push({ name: status, kind: 'channel' });
  for (const name of named) if (!tags.some(tag => tag.name === name)) tags.push({ name, kind: 'named' });
  return tags;
}

const isOlder = (one: string | null, other: string | null): boolean | null => {
  const [first, second] = [parse(one ?? ''), parse(other ?? '')];
  return first === null || second === null ? null : compare(first, second) < 0;
};

function decide(
  tag: WantedTag,
  existing: ExistingTag | null,
  image: ExistingTag,
  allowMove: boolean,
): TagDecision {
  if (existing === null) return { ...tag, action: 'create' };
  const from = existing.digest;
  if (from === image.digest) return { ...tag, action: 'unchanged' };
  if (allowMove) return { ...tag, action: 'move', from };
  const isForeign = !image.models.every(model => existing.models.includes(model));
  if (isForeign)
    return { ...tag, action: 'refuse', from, reason: 'it stands for something else than this model' };
  switch (tag.kind) {
    case 'version':
      return {
        ...tag,
        action: 'refuse',
        from,
        reason: `this version was published with ${differenceOf(existing, image)}`,
      };
    case 'named':
      return { ...tag, action: 'refuse', from, reason: 'it stands for another image' };
    case 'channel':
      return { ...tag, action: 'move', from };
    case 'line': {
      const older = isOlder(existing.version, image.version);
      if (older === true) return { ...tag, action: 'move', from };
      if (older === false && existing.version !== image.version) {
        return { ...tag, action: 'keep', from, reason: `${existing.version} is newer` };
      }
      return { ...tag, action: 'refuse', from, reason: 'it stands for another image of the same version' };
    }
  }
}

/** What becomes of each tag. Pure; the registry has no way to set a tag only if it still stands for what it stood for. */
export function decideTags(
  wanted: readonly WantedTag[],
  existing: ReadonlyMap<string, ExistingTag>,
  image: ExistingTag,
  allowMove: boolean,
): readonly TagDecision[] {
  return wanted.map(tag => decide(tag, existing.get(tag.name) ?? null, image, allowMove));
}

function annotationsIn(bytes: Uint8Array): Readonly<Record<string, string>> {
  try {
    const manifest: Readonly<Record<string, unknown>> = Object(
      JSON.parse(Buffer.from(bytes).toString('utf8')),
    );
    const entries = Object.entries(Object(manifest['annotations'] ?? {}));
    return Object.fromEntries(
      entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return {};
  }
}

/** What an image is, as the tags that stand for it would say. */
export function declaredTag({ bytes, descriptor }: EncodedManifest): ExistingTag {
  const declared = annotationsIn(bytes);
  return {
    digest: descriptor.digest,
    version: declared['org.opencontainers.image.version'] ?? null,
    models: annotatedModels(declared).map(({ name }) => name),
    declared,
  };
}

/** What the tags of a repository stand for, by the annotations of their images. */
export async function readTags(
  repository: ImageRepository,
  names: readonly string[],
): Promise<ReadonlyMap<string, ExistingTag>> {
  const found = await Promise.all(
    names.map(async name => {
      const manifest = await repository.readManifest(name);
      return manifest === null ? [] : [[name, declaredTag(manifest)] as const];
    }),
  );
  return new Map(found.flat());
}
