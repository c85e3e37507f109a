import type { ConfigEntry, GitEnvironment } from './git-environment.ts';
import { runGit } from './git-process.ts';

/** How to authenticate at a remote: as git configuration that travels in the environment, never in an argument or a file. */
export interface RemoteCredentials {
  readonly config: readonly ConfigEntry[];
  /** What must not show in a message. */
  readonly secrets: readonly string[];
}

export const noCredentials: RemoteCredentials = { config: [], secrets: [] };

const isHttp = (url: string): boolean => /^https?:\/\//i.test(url);

/** `https://host:port/` of an HTTP address: the prefix for which a credential holds. */
function originOf(url: string): string {
  return `${new URL(url).origin}/`;
}

/**
 * Credentials for an HTTP remote from a token (GitHub: user `x-access-token`; GitLab: `gitlab-ci-token` or `oauth2`).
 * They hold for the remote's own host only. For other kinds of remotes there is nothing to add.
 */
export function tokenCredentials(
  remoteUrl: string,
  token: string,
  user = 'x-access-token',
): RemoteCredentials {
  if (!isHttp(remoteUrl)) return { config: [], secrets: [token] };
  const basic = Buffer.from(`${user}:${token}`).toString('base64');
  const key = `http.${originOf(remoteUrl)}.extraHeader`;
  // The empty value drops headers that other configuration gave: two Authorization headers are refused.
  return {
    config: [
      [key, ''],
      [key, `Authorization: Basic ${basic}`],
    ],
    secrets: [token, basic],
  };
}

/** A remote's address without user and password, and these as credentials (GitLab puts its job token into the address). */
export function separateUrlCredentials(url: string): {
  readonly url: string;
  readonly credentials: RemoteCredentials;
} {
  if (!isHttp(url) || !URL.canParse(url)) return { url, credentials: noCredentials };
  const parsed = new URL(url);
  if (parsed.username === '' && parsed.password === '') return { url, credentials: noCredentials };
  const user = decodeURIComponent(parsed.username);
  const password = decodeURIComponent(parsed.password);
  parsed.username = '';
  parsed.password = '';
  // A user without a password may be the key of a credential helper or a bare token: a header would guess wrong only
  // for the former, which then asks its helper.
  const clean = parsed.toString();
  return {
    url: clean,
    credentials: tokenCredentials(
      clean,
      password === '' ? user : password,
      password === '' ? 'x-access-token' : user,
    ),
  };
}

/** Both; where they contradict each other the later one wins, as in git. */
export function combineCredentials(...all: readonly RemoteCredentials[]): RemoteCredentials {
  return {
    config: all.flatMap(({ config }) => config),
    secrets: [...new Set(all.flatMap(({ secrets }) => secrets))],
  };
}

function secretsOfHeader(header: string): string[] {
  const value = /^[\w-]+:\s*(?:(basic|bearer|token)\s+)?(\S+)\s*$/i.exec(header);
  if (value?.[2] === undefined) return [];
  if (value[1]?.toLowerCase() !== 'basic') return [value[2]];
  const pair = Buffer.from(value[2], 'base64').toString('utf8');
  const password = pair.slice(pair.indexOf(':') + 1);
  return password === '' ? [value[2]] : [value[2], password];
}

/** Keys that a clone's own configuration needs to reach its remote. `url.*.insteadOf` is resolved before, see openRepository. */
const CONNECTION_KEYS = '^(http|credential)\\.|^core\\.(sshcommand|askpass|gitproxy)$|^ssh\\.variant$';

/**
 * What the clone itself stores to reach its remote: headers (actions/checkout, also from the file it includes),
 * credential helpers, proxies, certificates. Another GIT_DIR does not see them, so they are read here.
 */
export async function storedCredentials(
  root: string,
  environment: GitEnvironment,
): Promise<RemoteCredentials> {
  const { stdout } = await runGit({
    args: ['config', '--local', '--includes', '-z', '--get-regexp', CONNECTION_KEYS],
    cwd: root,
    environment,
    accept: [0, 1],
  });
  const config: ConfigEntry[] = [];
  for (const entry of stdout.toString('utf8').split('\0')) {
    if (entry === '') continue;
    const end = entry.indexOf('\n');
    config.push(end < 0 ? [entry, 'true'] : [entry.slice(0, end), entry.slice(end + 1)]);
  }
  const secrets = config
    .filter(([key]) => /\.extraheader$/i.test(key))
    .flatMap(([, value]) => secretsOfHeader(value));
  return { config, secrets: [...new Set(secrets)] };
}

function matches(prefix: string, url: URL): boolean {
  if (!URL.canParse(prefix)) return false;
  const wanted = new URL(prefix);
  if (wanted.origin !== url.origin) return false;
  const path = wanted.pathname.endsWith('/') ? wanted.pathname : `${wanted.pathname}/`;
  return `${url.pathname}/`.startsWith(path);
}

/**
 * The HTTP headers that the credentials give for an address, as git would send them, names in lower case: `{authorization: 'Basic ...'}`.
 * Hosts must match exactly; an empty value drops what came before.
 */
export function headersFor(
  credentials: RemoteCredentials,
  address: string,
): Readonly<Record<string, string>> {
  const url = new URL(address);
  let headers: Record<string, string> = {};
  for (const [key, value] of credentials.config) {
    const scope = /^http\.(?:(.+)\.)?extraheader$/i.exec(key);
    if (scope === null || (scope[1] !== undefined && !matches(scope[1], url))) continue;
    if (value === '') {
      headers = {};
      continue;
    }
    const colon = value.indexOf(':');
    if (colon > 0) headers[value.slice(0, colon).trim().toLowerCase()] = value.slice(colon + 1).trim();
  }
  return headers;
}

/** The files with authorities that git would use for an address: GIT_SSL_CAINFO, or `http.<address>.sslCAInfo`. */
export function certificateFilesFor(
  credentials: RemoteCredentials,
  address: string,
  environment: GitEnvironment,
): readonly string[] {
  const url = new URL(address);
  const configured = [...environment.config, ...credentials.config].filter(([key]) => {
    const scope = /^http\.(?:(.+)\.)?sslcainfo$/i.exec(key);
    return scope !== null && (scope[1] === undefined || matches(scope[1], url));
  });
  const named = environment.variables['GIT_SSL_CAINFO'];
  return [...(named ? [named] : []), ...configured.map(([, file]) => file)];
}
