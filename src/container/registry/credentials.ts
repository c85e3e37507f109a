import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, QuickServeError, systemCodeOf } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';
import { credentialKeyOf } from './reference.ts';

/** How to prove who one is at a registry. */
export type RegistryCredentials =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** A refresh token of an OAuth 2 token server. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A bearer token that the registry itself takes. */
  | { readonly kind: 'registry-token'; readonly token: string };

/** Credentials that were given by hand hold for one registry, whose name must be exactly this one. */
export interface ExplicitCredentials {
  readonly registry: string;
  readonly credentials: RegistryCredentials;
}

export interface CredentialSources {
  readonly explicit: readonly ExplicitCredentials[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
}

/** Looks credentials up when a registry asks for them. */
export type FindCredentials = (registry: string, repository: string) => Promise<RegistryCredentials>;

const ANONYMOUS: RegistryCredentials = { kind: 'anonymous' };
const HELPER_TIMEOUT_MS = 30_000;

const objectAt = (value: JsonObject, key: string): JsonObject => {
  const found = Object.hasOwn(value, key) ? value[key] : undefined;
  return isJsonObject(found) ? found : {};
};
const textAt = (value: JsonObject, key: string): string => {
  const found = Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof found === 'string' ? found : '';
};

function unreadable(path: string, why: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'REGISTRY_CREDENTIALS_UNREADABLE',
    message: `The credentials file ${path} cannot be used: ${why}.`,
    hint: 'Log in again (`docker login`, `podman login`), or point REGISTRY_AUTH_FILE or DOCKER_CONFIG elsewhere.',
    cause,
  });
}

async function readAuthFile(path: string, mustExist: boolean): Promise<JsonObject | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = systemCodeOf(error);
    if (!mustExist && (code === 'ENOENT' || code === 'ENOTDIR')) return null;
    throw unreadable(path, code ?? messageOf(error), error);
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (isJsonObject(parsed)) return parsed;
  } catch {
    // JSON.parse quotes what it could not read, which may be a password.
  }
  throw unreadable(path, 'it is not a JSON object');
}

function fromAuthEntry(entry: JsonObject, path: string): RegistryCredentials | null {
  const identity = textAt(entry, 'identitytoken');
  if (identity !== '') return { kind: 'identity-token', token: identity };
  const registryToken = textAt(entry, 'registrytoken');
  if (registryToken !== '') return { kind: 'registry-token', token: registryToken };
  const auth = textAt(entry, 'auth');
  if (auth !== '') {
    const pair = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = pair.indexOf(':');
    if (colon < 0) throw unreadable(path, 'an "auth" in it is not the base64 of user:password');
    return { kind: 'password', username: pair.slice(0, colon), password: pair.slice(colon + 1) };
  }
  const username = textAt(entry, 'username');
  return username === '' ? null : { kind: 'password', username, password: textAt(entry, 'password') };
}

/** `docker-credential-<name> get` (docker-credential-helpers, "Development"). The server goes in by stdin. */
function askHelper(
  name: string,
  server: string,
  environment: CredentialSources['environment'],
  path: string,
): Promise<RegistryCredentials | null> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw unreadable(path, 'it names a strange helper');
  return new Promise((resolve, reject) => {
    const child = execFile(
      `docker-credential-${name}`,
      ['get'],
      { env: { ...environment }, timeout: HELPER_TIMEOUT_MS, windowsHide: true },
      (error, stdout) => {
        if (error !== null) {
          // Helpers say so on stdout and exit with 1. Anything else they print may hold a secret and is not shown.
          if (/credentials not found/i.test(stdout)) return resolve(null);
          return reject(unreadable(path, `docker-credential-${name} failed (${error.code ?? 'stopped'})`));
        }
        try {
          const answer: unknown = JSON.parse(stdout);
          const { username, secret } = isJsonObject(answer)
            ? { username: textAt(answer, 'Username'), secret: textAt(answer, 'Secret') }
            : { username: '', secret: '' };
          if (secret === '') return resolve(null);
          resolve(
            username === '<token>'
              ? { kind: 'identity-token', token: secret }
              : { kind: 'password', username, password: secret },
          );
        } catch {
          reject(unreadable(path, `docker-credential-${name} did not answer with JSON`));
        }
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(server);
  });
}

/** Keys of one registry, the most special first: a path (containers-auth.json(5)), the host, docker's older spellings. */
function keysOf(registry: string, repository: string): readonly string[] {
  const parts = repository.split('/');
  const paths = parts.map((_part, index) => [registry, ...parts.slice(0, parts.length - index)].join('/'));
  const canonical = credentialKeyOf(registry);
  return [
    ...paths,
    registry,
    `https://${registry}`,
    `https://${registry}/v1/`,
    `https://${registry}/v2/`,
    canonical,
  ];
}

async function fromFile(
  path: string,
  mustExist: boolean,
  registry: string,
  repository: string,
  environment: CredentialSources['environment'],
): Promise<RegistryCredentials | null> {
  const file = await readAuthFile(path, mustExist);
  if (file === null) return null;
  const server = credentialKeyOf(registry);
  const helpers = objectAt(file, 'credHelpers');
  const helper = textAt(helpers, registry) || textAt(helpers, server);
  if (helper !== '') return askHelper(helper, server, environment, path);
  const auths = objectAt(file, 'auths');
  for (const key of keysOf(registry, repository)) {
    const found = fromAuthEntry(objectAt(auths, key), path);
    if (found !== null) return found;
  }
  const store = textAt(file, 'credsStore');
  return store === '' ? null : askHelper(store, server, environment, path);
}

/**
 * Credentials in the order that people expect: given by hand, `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG` or the home's
 * `.docker/config.json`, podman's own file. Hosts must match exactly. Each registry is looked up once.
 * @throws QuickServeError REGISTRY_CREDENTIALS_UNREADABLE from the returned function.
 */
export function credentialsFrom(sources: CredentialSources): FindCredentials {
  const { environment, homeFolder } = sources;
  const authFile = environment['REGISTRY_AUTH_FILE'];
  const dockerFolder = environment['DOCKER_CONFIG'];
  const runtimeFolder = environment['XDG_RUNTIME_DIR'];
  const files = [
    ...(authFile ? [{ path: authFile, mustExist: true }] : []),
    { path: join(dockerFolder || join(homeFolder, '.docker'), 'config.json'), mustExist: false },
    ...(runtimeFolder ? [{ path: join(runtimeFolder, 'containers/auth.json'), mustExist: false }] : []),
  ];
  const look = async (registry: string, repository: string): Promise<RegistryCredentials> => {
    const given = sources.explicit.find(explicit => explicit.registry === registry);
    if (given !== undefined) return given.credentials;
    for (const { path, mustExist } of files) {
      const found = await fromFile(path, mustExist, registry, repository, environment);
      if (found !== null) return found;
    }
    return ANONYMOUS;
  };
  const known = new Map<string, Promise<RegistryCredentials>>();
  return (registry, repository) => {
    const key = `${registry}/${repository}`;
    const found = known.get(key) ?? look(registry, repository);
    known.set(key, found);
    return found;
  };
}

/** What must never be shown. */
export function secretsOf(credentials: RegistryCredentials): readonly string[] {
  switch (credentials.kind) {
    case 'anonymous':
      return [];
    case 'password':
      return [credentials.password, `${credentials.username}:${credentials.password}`];
    case 'identity-token':
    case 'registry-token':
      return [credentials.token];
  }
}
