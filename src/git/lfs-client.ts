import { readCertificates } from '../network/certificates.ts';
import { type Dispatcher, openDispatcher } from '../network/dispatcher.ts';
import { fetch, type Response } from '../network/fetch.ts';
import { networkSettings } from '../network/settings.ts';
import { QuickServeError, systemCodeOf } from '../shared/errors.ts';
import { isJsonObject } from '../shared/json-object.ts';
import { certificateFilesFor, headersFor, type RemoteCredentials } from './credentials.ts';
import type { GitEnvironment } from './git-environment.ts';
import { runGit } from './git-process.ts';
import type { OpenBody } from './resumable-file.ts';

/** A Git LFS server and what it takes to reach it. */
export interface LfsEndpoint {
  /** To which `/objects/batch` is added. */
  readonly url: string;
  readonly credentials: RemoteCredentials;
  readonly environment: GitEnvironment;
  /** The clone, whose credential helpers are asked after a 401. */
  readonly root: string;
  readonly sleep: (ms: number) => Promise<void>;
}

interface DownloadAction {
  readonly href: string;
  readonly header: Readonly<Record<string, string>>;
  readonly authenticated: boolean;
}

const MEDIA_TYPE = 'application/vnd.git-lfs+json';
const ATTEMPTS = 3;
const ANSWER_LIMIT_BYTES = 1024 * 1024;

/** Something that another attempt may mend. */
class TransientFailure extends Error {
  readonly waitMs: number;
  constructor(message: string, waitMs: number, cause?: unknown) {
    super(message, { cause });
    this.waitMs = waitMs;
  }
}

/** Trusts what git was told to trust besides, so that the objects come as the commits do. */
function openConnections({ environment, credentials, url }: LfsEndpoint): Dispatcher {
  const network = networkSettings(environment.variables);
  const files = certificateFilesFor(credentials, url, environment);
  const certificates = [
    ...network.certificates,
    ...files.map(readCertificates).filter(text => text !== null),
  ];
  return openDispatcher({ ...network, certificates });
}

/** Reads an answer that ought to be small; more than the limit is cut off. */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    sizeBytes += bytes.length;
    if (sizeBytes > ANSWER_LIMIT_BYTES) break;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function retryDelayMs(response: Response, attempt: number): number {
  const seconds = Number(response.headers.get('retry-after'));
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 30) * 1000 : 500 * 2 ** attempt;
}

async function send(
  address: string,
  init: {
    readonly method: 'GET' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  },
  dispatcher: Dispatcher,
  attempt: number,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, { ...init, headers: { ...init.headers }, dispatcher });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const detail = systemCodeOf(cause) ?? (cause instanceof Error ? cause.message : String(error));
    throw new TransientFailure(
      `${new URL(address).host} does not answer (${detail}).`,
      500 * 2 ** attempt,
      error,
    );
  }
  if (response.status === 429 || response.status >= 500) {
    await response.body?.cancel();
    throw new TransientFailure(
      `${new URL(address).host} answered ${response.status}.`,
      retryDelayMs(response, attempt),
    );
  }
  return response;
}

function refused(status: number, host: string): QuickServeError {
  return new QuickServeError({
    code: 'LFS_OBJECT_UNAVAILABLE',
    message: `${host} answered ${status}.`,
    hint:
      status === 401 || status === 403
        ? 'Check that the token may read this repository, its LFS objects included.'
        : 'Check the address of the LFS server (lfs.url) and that the object was pushed (`git lfs push --all`).',
  });
}

function parseAnswer(text: string, oid: string, host: string): DownloadAction {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = null;
  }
  const objects: unknown[] =
    isJsonObject(answer) && Array.isArray(answer['objects']) ? answer['objects'] : [];
  const object = objects.find(entry => isJsonObject(entry) && entry['oid'] === oid);
  if (!isJsonObject(object)) {
    throw new QuickServeError({
      code: 'LFS_OBJECT_UNAVAILABLE',
      message: `${host} did not answer as a Git LFS server does.`,
      hint: 'Check the address of the LFS server (lfs.url).',
    });
  }
  const { error, actions } = object;
  if (isJsonObject(error)) {
    const said = typeof error['message'] === 'string' ? error['message'].slice(0, 300) : 'no reason given';
    throw new QuickServeError({
      code: 'LFS_OBJECT_UNAVAILABLE',
      message: `${host} does not have it (${String(error['code'])}: ${said}).`,
      hint: 'Push it from a clone that has it: `git lfs push --all origin`.',
    });
  }
  const action = isJsonObject(actions) ? actions['download'] : undefined;
  const href = isJsonObject(action) && typeof action['href'] === 'string' ? action['href'] : '';
  if (!/^https?:\/\//i.test(href) || !URL.canParse(href) || !isJsonObject(action)) {
    throw new QuickServeError({
      code: 'LFS_OBJECT_UNAVAILABLE',
      message: `${host} gave no address to download it from.`,
      hint: 'Push it from a clone that has it: `git lfs push --all origin`.',
    });
  }
  const header: Record<string, string> = {};
  for (const [name, value] of Object.entries(isJsonObject(action['header']) ? action['header'] : {})) {
    if (typeof value === 'string') header[name.toLowerCase()] = value;
  }
  return { href, header, authenticated: object['authenticated'] === true };
}

/** What the clone's credential helpers know of the host, as a header; null where they know nothing. */
async function askHelpers(endpoint: LfsEndpoint): Promise<Readonly<Record<string, string>> | null> {
  const { protocol, host, pathname } = new URL(endpoint.url);
  const output = await runGit({
    args: ['credential', 'fill'],
    cwd: endpoint.root,
    environment: endpoint.environment,
    config: endpoint.credentials.config,
    secrets: endpoint.credentials.secrets,
    stdin: `protocol=${protocol.replace(':', '')}\nhost=${host}\npath=${pathname.slice(1)}\n\n`,
    accept: [0, 1, 128],
    timeoutMs: 30_000,
  });
  const answer = output.stdout.toString('utf8');
  const user = /^username=(.*)$/m.exec(answer)?.[1];
  const password = /^password=(.*)$/m.exec(answer)?.[1];
  if (output.exitCode !== 0 || user === undefined || password === undefined) return null;
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

interface Attempt {
  readonly endpoint: LfsEndpoint;
  readonly dispatcher: Dispatcher;
  readonly attempt: number;
}

async function requestAction(
  { endpoint, dispatcher, attempt }: Attempt,
  wanted: { readonly oid: string; readonly sizeBytes: number },
): Promise<{ readonly action: DownloadAction; readonly headers: Readonly<Record<string, string>> }> {
  const address = `${endpoint.url}/objects/batch`;
  const { host } = new URL(address);
  const body = JSON.stringify({
    operation: 'download',
    transfers: ['basic'],
    objects: [{ oid: wanted.oid, size: wanted.sizeBytes }],
    hash_algo: 'sha256',
  });
  const post = (headers: Readonly<Record<string, string>>): Promise<Response> =>
    send(
      address,
      { method: 'POST', headers: { ...headers, accept: MEDIA_TYPE, 'content-type': MEDIA_TYPE }, body },
      dispatcher,
      attempt,
    );
  let headers = headersFor(endpoint.credentials, address);
  let response = await post(headers);
  if (response.status === 401 && headers['authorization'] === undefined) {
    const asked = await askHelpers(endpoint);
    if (asked !== null) {
      await response.body?.cancel();
      headers = asked;
      response = await post(headers);
    }
  }
  const text = await readText(response);
  if (response.status !== 200) throw refused(response.status, host);
  return { action: parseAnswer(text, wanted.oid, host), headers };
}

async function attemptDownload(
  context: Attempt,
  wanted: { readonly oid: string; readonly sizeBytes: number },
  consume: (open: OpenBody) => Promise<void>,
): Promise<void> {
  const { action, headers } = await requestAction(context, wanted);
  const sameOrigin = new URL(action.href).origin === new URL(context.endpoint.url).origin;
  // Only the server itself gets our credentials; a storage host gets what the action names.
  const own =
    sameOrigin && !action.authenticated && action.header['authorization'] === undefined ? headers : {};
  const get = (offset: number): Promise<Response> =>
    send(
      action.href,
      {
        method: 'GET',
        headers: { ...own, ...action.header, ...(offset === 0 ? {} : { range: `bytes=${offset}-` }) },
      },
      context.dispatcher,
      context.attempt,
    );
  const { host } = new URL(action.href);
  let dropped: unknown;
  const open: OpenBody = async wantedOffset => {
    let response = await get(wantedOffset);
    if (response.status === 416) {
      await response.body?.cancel();
      response = await get(0);
    }
    const offset = response.status === 206 ? startOfRange(response) : 0;
    const isUsable = response.status === 200 || (response.status === 206 && offset === wantedOffset);
    if (!isUsable || response.body === null) {
      await response.body?.cancel();
      throw refused(response.status, host);
    }
    const { body } = response;
    const bytes = (async function* (): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of body) yield chunk as Uint8Array;
      } catch (error) {
        dropped = error;
        throw error;
      }
    })();
    return { offset, bytes };
  };
  try {
    await consume(open);
  } catch (error) {
    if (error !== dropped) throw error;
    throw new TransientFailure(`${host} ended the connection early.`, 500 * 2 ** context.attempt, error);
  }
}

/** Where the part begins that an answer 206 has (RFC 9110, 14.4); -1 where it does not say so. */
function startOfRange(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? -1);
}

/**
 * Downloads one object through the batch API (git-lfs docs/api/batch.md), transfer `basic`; up to three attempts where
 * the network or the server fails, each from the byte that `consume` asks for. `consume` is to check what comes.
 * @throws QuickServeError LFS_OBJECT_UNAVAILABLE without the object's name, or what `consume` threw.
 */
export async function downloadLfsObject(
  endpoint: LfsEndpoint,
  wanted: { readonly oid: string; readonly sizeBytes: number },
  consume: (open: OpenBody) => Promise<void>,
): Promise<void> {
  const dispatcher = openConnections(endpoint);
  try {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await attemptDownload({ endpoint, dispatcher, attempt }, wanted, consume);
        return;
      } catch (error) {
        if (!(error instanceof TransientFailure)) throw error;
        if (attempt + 1 >= ATTEMPTS) {
          throw new QuickServeError({
            code: 'LFS_OBJECT_UNAVAILABLE',
            message: error.message,
            hint: 'Check the LFS server, the network and the proxy settings, then run again.',
            cause: error,
          });
        }
        await endpoint.sleep(error.waitMs);
      }
    }
  } finally {
    await dispatcher.close();
  }
}

/**
 * Asks the server where one object could be downloaded, once, and downloads nothing.
 * @throws QuickServeError LFS_OBJECT_UNAVAILABLE; Error where no answer came.
 */
export async function askForLfsObject(
  endpoint: LfsEndpoint,
  wanted: { readonly oid: string; readonly sizeBytes: number },
): Promise<void> {
  const dispatcher = openConnections(endpoint);
  try {
    await requestAction({ endpoint, dispatcher, attempt: 0 }, wanted);
  } finally {
    await dispatcher.destroy();
  }
}
