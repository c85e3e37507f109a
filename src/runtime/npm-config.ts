import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'ini';
import { type NetworkSettings, networkSettings, proxyAddress } from '../network/settings.ts';
import { systemCodeOf } from '../shared/errors.ts';

/** Where packages come from and how to get there: what npm on this machine is configured for. */
export interface NpmConfig extends NetworkSettings {
  /** With a slash at its end; null: npm is not configured and could not be asked. */
  readonly registry: string | null;
  /** The value of the Authorization header for a URL, or null: only for hosts and paths that a token was given for. */
  readonly authorizationFor: (url: URL) => string | null;
  readonly strictTls: boolean;
}

export interface NpmSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  readonly platform: string;
}

type Settings = ReadonlyMap<string, string>;

/**
 * Variables that a project's .npmrc may refer to. The file comes with the checkout, so with a fork's change: it must
 * not send any token of the job to a host of its choice. The user's own file may refer to all.
 */
const PROJECT_VARIABLES = /NPM|NODE_AUTH_TOKEN|REGISTRY|ARTIFACT|NEXUS/i;

function settingsOf(
  text: string,
  environment: NpmSurroundings['environment'],
  mayUse: (variable: string) => boolean,
): Settings {
  const settings = new Map<string, string>();
  for (const [key, value] of Object.entries(parse(text))) {
    if (typeof value !== 'string' && typeof value !== 'boolean') continue;
    // As npm does it: a variable that is not set stays as it is written.
    const filled = String(value).replace(/\$\{([^}?]+)\??\}/g, (whole, name: string) =>
      mayUse(name) ? (environment[name] ?? whole) : whole,
    );
    settings.set(key, filled);
  }
  return settings;
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'EACCES') return '';
    throw error;
  }
}

/** The .npmrc of the project: beside the nearest package.json, else in the folder itself. */
async function projectFile(cwd: string): Promise<string> {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if ((await readIfThere(join(folder, 'package.json'))) !== '') return join(folder, '.npmrc');
    if (folder === dirname(folder)) return join(cwd, '.npmrc');
  }
}

/** `npm_config_https_proxy` is `https-proxy`; upper case counts too. */
function environmentSettings(environment: NpmSurroundings['environment']): Settings {
  const settings = new Map<string, string>();
  for (const [name, value] of Object.entries(environment)) {
    const match = /^npm_config_(.+)$/i.exec(name);
    if (match?.[1] === undefined || value === undefined || value === '') continue;
    const key = match[1].startsWith('//') ? match[1] : match[1].toLowerCase().replaceAll('_', '-');
    settings.set(key, value);
  }
  return settings;
}

/** Asks the npm command, which knows its global and built-in settings. null where there is none or it fails. */
function askNpm(surroundings: NpmSurroundings): Promise<string | null> {
  const windows = surroundings.platform === 'win32';
  return new Promise(resolveAnswer => {
    execFile(
      windows ? 'npm.cmd' : 'npm',
      ['config', 'get', 'registry'],
      {
        cwd: surroundings.home,
        env: { ...surroundings.environment },
        shell: windows,
        timeout: 20_000,
        windowsHide: true,
      },
      (error, stdout) => resolveAnswer(error === null ? stdout.trim() : null),
    );
  });
}

function registryUrl(value: string | null | undefined): string | null {
  if (value === null || value === undefined || !URL.canParse(value)) return null;
  const url = new URL(value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  return url.href.endsWith('/') ? url.href : `${url.href}/`;
}

/** npm's rule: the settings of `//host/path/` hold for everything below it; the longest path wins. */
function authorizationOf(url: URL, lookUp: (key: string) => string | undefined): string | null {
  for (let path = url.pathname; ; path = path.replace(/[^/]*\/?$/, '')) {
    const at = `//${url.host}${path.endsWith('/') ? path : `${path}/`}`;
    const token = lookUp(`${at}:_authToken`);
    if (token !== undefined) return `Bearer ${token}`;
    const basic = lookUp(`${at}:_auth`);
    if (basic !== undefined) return `Basic ${basic}`;
    const user = lookUp(`${at}:username`);
    const password = lookUp(`${at}:_password`);
    if (user !== undefined && password !== undefined) {
      const plain = Buffer.from(password, 'base64').toString('utf8');
      return `Basic ${Buffer.from(`${user}:${plain}`).toString('base64')}`;
    }
    if (path === '/' || path === '') return null;
  }
}

/**
 * Reads npm's configuration: `npm_config_*` variables, the project's .npmrc, the user's, and for the registry, where
 * none of them names one, the npm command. Proxies fall back to those of every other connection, see networkSettings; the
 * authorities of both are trusted.
 * @throws QuickServeError PROXY_INVALID.
 */
export async function readNpmConfig(surroundings: NpmSurroundings): Promise<NpmConfig> {
  const { environment, cwd, home } = surroundings;
  const fromEnvironment = environmentSettings(environment);
  const userFile = fromEnvironment.get('userconfig') ?? join(home, '.npmrc');
  const project = settingsOf(await readIfThere(await projectFile(cwd)), environment, name =>
    PROJECT_VARIABLES.test(name),
  );
  const user = settingsOf(await readIfThere(userFile), environment, () => true);
  const layers = [fromEnvironment, project, user];
  const lookUp = (key: string): string | undefined =>
    layers
      .map(layer => layer.get(key))
      .find(value => value !== undefined && value !== '' && value !== 'null');
  const certificateFile = lookUp('cafile');
  const certificates = certificateFile === undefined ? '' : await readIfThere(resolve(cwd, certificateFile));
  const configured = registryUrl(lookUp('registry'));
  const network = networkSettings(environment);
  const proxyOf = (key: string): string | null => {
    const value = lookUp(key);
    return value === undefined ? null : proxyAddress(value, `npm's setting "${key}"`);
  };
  return {
    registry: configured ?? registryUrl(await askNpm(surroundings)),
    authorizationFor: url => authorizationOf(url, lookUp),
    certificates: [...network.certificates, ...(certificates === '' ? [] : [certificates])],
    strictTls: lookUp('strict-ssl') !== 'false',
    httpProxy: proxyOf('proxy') ?? network.httpProxy,
    httpsProxy: proxyOf('https-proxy') ?? network.httpsProxy ?? proxyOf('proxy'),
    noProxy: lookUp('noproxy') ?? network.noProxy,
  };
}
