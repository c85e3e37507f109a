import { compare, parse, prerelease } from 'semver';
import type { ImageRepository } from '../registry/image-repository.ts';

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

const CHANNELS = ['production', 'staging'];

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
      return { ...tag, action: 'refuse', from, reason: 'this version was published with another content' };
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

const MODEL_ANNOTATION = /^dev\.quickserveml\.model\.(.+)\.sha256$/;

function annotationsIn(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const manifest: Readonly<Record<string, unknown>> = Object(
      JSON.parse(Buffer.from(bytes).toString('utf8')),
    );
    return Object(manifest['annotations'] ?? {});
  } catch {
    return {};
  }
}

/** What the tags of a repository stand for, by the annotations of their images. */
export async function readTags(
  repository: ImageRepository,
  names: readonly string[],
): Promise<ReadonlyMap<string, ExistingTag>> {
  const found = await Promise.all(
    names.map(async name => {
      const manifest = await repository.readManifest(name);
      if (manifest === null) return [];
      const annotations = annotationsIn(manifest.bytes);
      const version = annotations['org.opencontainers.image.version'];
      const existing: ExistingTag = {
        digest: manifest.descriptor.digest,
        version: typeof version === 'string' ? version : null,
        models: Object.keys(annotations).flatMap(key => MODEL_ANNOTATION.exec(key)?.[1] ?? []),
      };
      return [[name, existing] as const];
    }),
  );
  return new Map(found.flat());
}
