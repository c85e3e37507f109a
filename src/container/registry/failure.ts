import { QuickServeError } from '../../shared/errors.ts';
import { maskSecrets } from '../../shared/secrets.ts';
import { terminalSafe } from '../../shared/terminal-text.ts';

/** One entry of a registry's error body (OCI distribution specification, "Error Codes"). */
export interface RegistryErrorEntry {
  readonly code: string;
  readonly message: string;
}

const MOST_ENTRIES = 3;
const LONGEST_MESSAGE = 200;

/** The registry's own words, if the body has any: cut, without acting characters, without secrets. */
export function parseErrorBody(body: string, secrets: readonly string[]): readonly RegistryErrorEntry[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return [];
  }
  const errors =
    typeof parsed === 'object' && parsed !== null && 'errors' in parsed && Array.isArray(parsed.errors)
      ? parsed.errors
      : [];
  const clean = (value: unknown): string => {
    if (typeof value !== 'string') return '';
    const safe = terminalSafe(maskSecrets(value, secrets));
    return safe.length > LONGEST_MESSAGE ? `${safe.slice(0, LONGEST_MESSAGE)}...` : safe;
  };
  return errors.slice(0, MOST_ENTRIES).map((entry: unknown) => {
    const fields: Readonly<Record<string, unknown>> =
      typeof entry === 'object' && entry !== null ? { ...entry } : {};
    return { code: clean(fields['code']), message: clean(fields['message']) };
  });
}

/** An address for people: without user, password, query and fragment, which may hold signatures and states of uploads. */
export const shownUrl = (url: URL): string => `${url.origin}${url.pathname}`;

/** What a registry answered where something else was needed. */
export interface UnexpectedAnswer {
  readonly method: string;
  readonly url: URL;
  readonly status: number;
  readonly entries: readonly RegistryErrorEntry[];
  /** What was being done: `push the manifest of acme/digits:1.0.0`. */
  readonly action: string;
  /** Whether any credentials were sent. */
  readonly authenticated: boolean;
}

function hintFor({ status, authenticated, url }: UnexpectedAnswer): string {
  if (status === 401 || status === 403 || status === 407) {
    return authenticated
      ? 'Check that these credentials may do that in this repository (scope, expiry, permission to push).'
      : `Log in first: \`docker login\`, REGISTRY_AUTH_FILE, or QUICKSERVEML_REGISTRY_USERNAME and QUICKSERVEML_REGISTRY_PASSWORD, with QUICKSERVEML_REGISTRY_HOST=${url.host} where there are several registries.`;
  }
  if (status === 404) return 'Check the name of the repository; some registries want it to be created first.';
  if (status === 429)
    return 'The registry limits requests: wait and run again; what is there is not sent again.';
  if (status >= 500)
    return 'The registry has a problem of its own: run again; what is there is not sent again.';
  return 'Check what the registry allows here (size limits, immutable tags, media types).';
}

/** The error for an answer that no further attempt mends. */
export function answerError(answer: UnexpectedAnswer): QuickServeError {
  const { method, url, status, entries, action } = answer;
  const said = entries
    .map(({ code, message }) => [code, message].filter(text => text !== '').join(': '))
    .filter(text => text !== '')
    .join('; ');
  const refused = status === 401 || status === 403;
  return new QuickServeError({
    code: refused ? 'CONTAINER_REGISTRY_REFUSED' : 'CONTAINER_REGISTRY_FAILED',
    message: `Cannot ${action}: ${method} ${shownUrl(url)} answered ${status}${said === '' ? '' : ` (${said})`}.`,
    hint: hintFor(answer),
  });
}

/** The error where no answer came. */
export function unreachableError(action: string, url: URL, reason: string, cause?: unknown): QuickServeError {
  const tls = /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_|ISSUER/i.test(reason);
  const plain = /wrong version number|packet length too long|http request|EPROTO|ERR_SSL/i.test(reason);
  const hint = tls
    ? 'Give the certificate of its authority with --registry-ca FILE; --insecure HOST trusts any.'
    : plain
      ? `It speaks plain HTTP: --insecure ${url.host} allows that.`
      : 'Check the name, the network and the proxy (HTTPS_PROXY, NO_PROXY). A registry on plain HTTP needs --insecure HOST.';
  return new QuickServeError({
    code: 'CONTAINER_REGISTRY_UNREACHABLE',
    message: `Cannot ${action}: ${url.origin} does not answer (${reason}).`,
    hint,
    cause,
  });
}

/** The error where bytes are not those that their digest names. */
export function digestMismatch(what: string, wanted: string, found: string): QuickServeError {
  return new QuickServeError({
    code: 'IMAGE_DIGEST_MISMATCH',
    message: `${what} has the digest ${found}, not ${wanted}.`,
    hint: 'The registry, or something on the way, changed the bytes: nothing was tagged. Run again, or ask who runs it.',
  });
}
