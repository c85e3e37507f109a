import { QuickServeError } from '../../shared/errors.ts';
import { quoteName } from '../../shared/terminal-text.ts';

/** An image's name: `registry/repository[:tag][@digest]`. */
export interface ImageReference {
  /** Host with its port, in lower case, as people write it (`docker.io`, `127.0.0.1:5000`). */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string | null;
  /** `sha256:<64 hex>`. */
  readonly digest: string | null;
}

const DOCKER_HUB = 'docker.io';
const LONGEST_REPOSITORY = 255;

// The grammar of github.com/distribution/reference, which every client follows.
const HOST =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[\w][\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

export const isTag = (text: string): boolean => TAG.test(text);
export const isDigest = (text: string): boolean => DIGEST.test(text);

function invalid(text: string, why: string): QuickServeError {
  return new QuickServeError({
    code: 'IMAGE_REFERENCE_INVALID',
    message: `${quoteName(text)} is not the name of an image: ${why}.`,
    hint: 'Write registry/repository[:tag][@sha256:...], for example ghcr.io/acme/digits:1.4.2.',
  });
}

/** The first part names a registry where it could not be a repository's: with a dot, a port, or `localhost`. */
const namesRegistry = (part: string): boolean =>
  part.includes('.') || part.includes(':') || part === 'localhost' || part !== part.toLowerCase();

/**
 * Reads the name of an image. Without a registry it is Docker Hub's, as everywhere.
 * @throws QuickServeError IMAGE_REFERENCE_INVALID.
 */
export function parseReference(text: string): ImageReference {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw invalid(text, 'it is an address with a scheme');
  const at = text.indexOf('@');
  const digest = at < 0 ? null : text.slice(at + 1);
  if (digest !== null && !isDigest(digest))
    throw invalid(text, 'its digest is not sha256: and 64 hex digits');
  const name = at < 0 ? text : text.slice(0, at);
  const colon = name.lastIndexOf(':');
  const hasTag = colon > name.lastIndexOf('/');
  const tag = hasTag ? name.slice(colon + 1) : null;
  if (tag !== null && !isTag(tag)) throw invalid(text, `${quoteName(tag)} is not a tag`);
  const path = hasTag ? name.slice(0, colon) : name;
  const slash = path.indexOf('/');
  const first = slash < 0 ? '' : path.slice(0, slash);
  const hasRegistry = first !== '' && namesRegistry(first);
  const registry = hasRegistry ? first.toLowerCase() : DOCKER_HUB;
  if (!HOST.test(registry)) throw invalid(text, `${quoteName(registry)} is not a host`);
  const rest = hasRegistry ? path.slice(slash + 1) : path;
  const canonical = registry === 'index.docker.io' ? DOCKER_HUB : registry;
  const repository = canonical === DOCKER_HUB && !rest.includes('/') ? `library/${rest}` : rest;
  if (rest === '' || !repository.split('/').every(part => COMPONENT.test(part))) {
    throw invalid(text, 'a repository is lower-case letters, digits and single separators');
  }
  if (repository.length > LONGEST_REPOSITORY) throw invalid(text, 'its repository is too long');
  return { registry: canonical, repository, tag, digest };
}

/** The name as people write it. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`;
}

/** Where the API of a registry is: Docker Hub answers under another name. */
export const apiHostOf = (registry: string): string =>
  registry === DOCKER_HUB ? 'registry-1.docker.io' : registry;

/** The key under which `docker login` keeps the credentials of a registry. */
export const credentialKeyOf = (registry: string): string =>
  registry === DOCKER_HUB ? 'https://index.docker.io/v1/' : registry;
