import { openDispatcher, request } from '../../network/dispatcher.ts';
import { type Environment, networkSettings } from '../../network/settings.ts';
import { messageOf, QuickServeError } from '../../shared/errors.ts';

/** Of whom the token says who the job is: sigstore's services take tokens for no one else. */
const AUDIENCE = 'sigstore';
const TIMEOUT_MS = 20_000;

/** How a job of a CI can say who it is. */
export type TokenSource =
  /** GitLab's `id_tokens`, or anybody else's. */
  | { readonly kind: 'given'; readonly token: string }
  /** GitHub hands it out for an address and a secret (permission `id-token: write`). */
  | { readonly kind: 'github'; readonly url: string; readonly secret: string };

export function tokenSource(env: Environment): TokenSource | null {
  const token = env['SIGSTORE_ID_TOKEN'];
  if (token) return { kind: 'given', token };
  const url = env['ACTIONS_ID_TOKEN_REQUEST_URL'];
  const secret = env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
  return url && secret && URL.canParse(url) ? { kind: 'github', url, secret } : null;
}

const failed = (why: string, cause?: unknown): QuickServeError =>
  new QuickServeError({
    code: 'SIGNATURE_FAILED',
    message: `GitHub gave no identity token: ${why}.`,
    hint: 'The job needs `permissions: id-token: write`; or sign with a key (docs/proofs.md).',
    cause,
  });

/**
 * @param environment says how to reach others, see networkSettings.
 * @throws QuickServeError SIGNATURE_FAILED, PROXY_INVALID.
 */
export async function identityToken(source: TokenSource, environment: Environment): Promise<string> {
  if (source.kind === 'given') return source.token;
  const url = new URL(source.url);
  url.searchParams.set('audience', AUDIENCE);
  const dispatcher = openDispatcher(networkSettings(environment));
  let answer: unknown;
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      headers: { authorization: `Bearer ${source.secret}`, accept: 'application/json' },
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    if (statusCode !== 200) {
      await body.dump();
      throw failed(`it answered ${statusCode}`);
    }
    answer = await body.json();
  } catch (cause) {
    if (cause instanceof QuickServeError) throw cause;
    throw failed(messageOf(cause), cause);
  } finally {
    await dispatcher.destroy();
  }
  const token: unknown = Object(answer)['value'];
  if (typeof token !== 'string' || token === '') throw failed('its answer has none');
  return token;
}
