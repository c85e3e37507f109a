import type { PublishConfig } from '../../config/config.ts';
import type { ProofMode } from '../../config/proof-modes.ts';
import type { Platform } from '../../container/registry/manifest.ts';
import { type ImageReference, isTag, parseReference } from '../../container/registry/reference.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { quoteName } from '../../shared/terminal-text.ts';
import type { RegistryCommandOptions } from '../registry/session.ts';

export interface PublishOptions extends RegistryCommandOptions {
  /** Model files, or `name[@version]` of the registry. */
  readonly models: readonly string[];
  readonly image: readonly string[];
  readonly baseImage?: string;
  readonly platform: readonly string[];
  /** A folder, or a file that ends in `.tar`. */
  readonly output?: string;
  readonly tag: readonly string[];
  readonly allowMove?: boolean;
  readonly force?: boolean;
  readonly reason?: string;
  /** Promote the version to this status in the same run. */
  readonly promote?: string;
  readonly port?: number;
  readonly created?: string;
  readonly insecure: readonly string[];
  readonly registryCa?: string;
  readonly runtimePath?: string;
  /** How the proofs are signed: `auto`, `key`, `keyless`, `off`. */
  readonly proofs?: ProofMode;
}

/** What is to be made, and where it goes: options over configuration. */
export interface PublishSettings {
  readonly targets: readonly ImageReference[];
  readonly base: ImageReference;
  readonly platforms: readonly Platform[];
  readonly tags: readonly string[];
  readonly port: number;
  readonly gates: PublishConfig['gates'];
  readonly signature: boolean;
  readonly proofs: ProofMode;
}

const LARGEST_PORT = 65_535;

const usage = (message: string, hint: string): QuickServeError =>
  new QuickServeError({ code: 'USAGE', message, hint });

function parsePlatform(text: string): Platform {
  const [os, architecture, ...rest] = text.split('/');
  if (os === 'linux' && (architecture === 'amd64' || architecture === 'arm64') && rest.length === 0) {
    return { os, architecture };
  }
  throw usage(
    `${quoteName(text)} is not a platform that images can be for.`,
    'Write --platform linux/amd64 or --platform linux/arm64; both for an image of both.',
  );
}

/** A name to push to: tags are given apart, since each is decided on by itself. */
function parseTarget(text: string): { readonly target: ImageReference; readonly tag: string | null } {
  const target = parseReference(text);
  if (target.digest !== null) {
    throw usage(`${quoteName(text)} has a digest, which follows from the image.`, 'Leave it out.');
  }
  return { target: { ...target, tag: null }, tag: target.tag };
}

/** @throws QuickServeError USAGE, IMAGE_REFERENCE_INVALID. */
export function publishSettings(options: PublishOptions, config: PublishConfig): PublishSettings {
  // With --output alone nothing is pushed, whatever the configuration names.
  const fallback = options.output === undefined ? config.images : [];
  const named = (options.image.length > 0 ? options.image : fallback).map(parseTarget);
  if (named.length === 0 && options.output === undefined) {
    throw usage(
      'There is nowhere to publish to.',
      'Name an image with --image ghcr.io/acme/digits, set publish.image in quickserveml.yml, or write a file with --output image.tar.',
    );
  }
  const tags = [...new Set([...options.tag, ...named.flatMap(({ tag }) => tag ?? [])])];
  const wrong = tags.find(tag => !isTag(tag));
  if (wrong !== undefined) {
    throw usage(`${quoteName(wrong)} is not a tag.`, 'A tag is letters, digits, _ . and -, at most 128.');
  }
  const port = options.port ?? config.port;
  if (!Number.isInteger(port) || port < 1 || port > LARGEST_PORT) {
    throw usage(`${port} is not a port.`, `Write --port 8000: a whole number up to ${LARGEST_PORT}.`);
  }
  const platforms = options.platform.length > 0 ? options.platform : config.platforms;
  return {
    targets: named.map(({ target }) => target),
    base: parseReference(options.baseImage ?? config.baseImage),
    platforms: [...new Set(platforms)].sort().map(parsePlatform),
    tags,
    port,
    gates: config.gates,
    signature: config.signature,
    proofs: options.proofs ?? config.proofs,
  };
}

/** `--created`, or SOURCE_DATE_EPOCH (reproducible-builds.org), in whole seconds; null: neither. */
export function declaredTime(
  options: PublishOptions,
  environment: Readonly<Record<string, string | undefined>>,
): string | null {
  const epoch = environment['SOURCE_DATE_EPOCH'];
  const text = options.created;
  const timeMs = text !== undefined ? Date.parse(text) : epoch ? Number(epoch) * 1000 : null;
  if (timeMs === null) return null;
  if (!Number.isFinite(timeMs) || Math.abs(timeMs) > 8.64e15) {
    throw usage(
      `${quoteName(text ?? epoch ?? '')} is not a time.`,
      'Write --created 2026-11-26T12:00:00Z; SOURCE_DATE_EPOCH is in seconds.',
    );
  }
  return wholeSeconds(timeMs);
}

/** A time as images declare it: UTC, without fractions. */
export const wholeSeconds = (timeMs: number): string =>
  new Date(Math.floor(timeMs / 1000) * 1000).toISOString().replace('.000Z', 'Z');
