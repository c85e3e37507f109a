import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Extract, extract } from 'tar-stream';
import { type Dispatcher, openDispatcher, request } from '../network/dispatcher.ts';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { writeHashed } from './hashed-file.ts';
import type { NpmConfig } from './npm-config.ts';
import type { PinnedPackage } from './pinned-files.ts';

/** tar-stream's type of an entry, which it does not export by name. */
type Entry = Extract extends AsyncIterable<infer Each> ? Each : never;

const MOST_REDIRECTS = 5;
const ATTEMPTS = 3;
const ANSWER_TIMEOUT_MS = 30_000;
const LARGEST_UNPACKED_BYTES = 2 ** 30;
const LARGEST_METADATA_BYTES = 4 * 2 ** 20;

export interface DownloadProgress {
  readonly package: string;
  readonly receivedBytes: number;
  /** As the server announces it, or null. */
  readonly totalBytes: number | null;
}

export interface TarballRequest {
  readonly name: string;
  readonly version: string;
  readonly config: NpmConfig & { readonly registry: string };
  /** Where the files go; it exists and is empty. */
  readonly folder: string;
  /** The files to take with their identities; null: all that `isWanted`, checked by the registry's own integrity. */
  readonly pins: PinnedPackage | null;
  readonly isWanted: (path: string) => boolean;
  readonly onProgress: (progress: DownloadProgress) => void;
}

/** A failure that may be gone when it is tried again. */
class Transient extends Error {}

function downloadFailed(message: string, hint: string, cause?: unknown): QuickServeError {
  return new QuickServeError({ code: 'RUNTIME_DOWNLOAD_FAILED', message, hint, cause });
}

/** Without user, password and query, which may hold a signature. */
const shown = (url: URL): string => `${url.origin}${url.pathname}`;

/** GET with redirects followed by hand: each host gets only the token that was given for it. */
async function get(url: URL, config: NpmConfig, dispatcher: Dispatcher): Promise<Dispatcher.ResponseData> {
  let current = url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const authorization = config.authorizationFor(current);
    // Over connecting too: a proxy that closes its connections would be tried for ever.
    const patience = new AbortController();
    const timer = setTimeout(
      () => patience.abort(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
      ANSWER_TIMEOUT_MS,
    );
    const response = await request(current, {
      dispatcher,
      signal: patience.signal,
      headers: { 'user-agent': 'quickserveml', ...(authorization === null ? {} : { authorization }) },
    })
      .catch(error => {
        throw new Transient(messageOf(error), { cause: error });
      })
      .finally(() => clearTimeout(timer));
    const location = response.headers['location'];
    if (response.statusCode < 300 || response.statusCode >= 400 || typeof location !== 'string')
      return response;
    await response.body.dump();
    const next = URL.canParse(location, current.href) ? new URL(location, current) : null;
    if (next === null || !/^https?:$/.test(next.protocol)) break;
    if (current.protocol === 'https:' && next.protocol === 'http:') break;
    current = next;
  }
  throw downloadFailed(
    `${shown(url)} redirects in a way that is not followed.`,
    'Check the registry that npm is configured for.',
  );
}

async function expectOk(response: Dispatcher.ResponseData, url: URL): Promise<Dispatcher.ResponseData> {
  const { statusCode } = response;
  if (statusCode === 200) return response;
  await response.body.dump();
  if (statusCode >= 500 || statusCode === 429) throw new Transient(`it answered ${statusCode}`);
  const denied = statusCode === 401 || statusCode === 403;
  throw downloadFailed(
    `${shown(url)} answered ${statusCode}.`,
    denied
      ? 'Give npm a token for this registry (.npmrc), or install onnxruntime-node and use --runtime-path.'
      : 'Check the registry that npm is configured for, or install onnxruntime-node and use --runtime-path.',
  );
}

interface Tarball {
  readonly url: URL;
  readonly response: Dispatcher.ResponseData;
  /** Of the whole tarball, as the registry says; null where it was not asked. */
  readonly integrity: string | null;
}

async function readMetadata(
  { name, version, config }: TarballRequest,
  dispatcher: Dispatcher,
): Promise<{ readonly tarball: URL; readonly integrity: string | null }> {
  const url = new URL(`${name}/${version}`, config.registry);
  const response = await expectOk(await get(url, config, dispatcher), url);
  let text = '';
  for await (const chunk of response.body) {
    text += String(chunk);
    if (text.length > LARGEST_METADATA_BYTES) break;
  }
  try {
    const { dist }: { dist: { tarball: string; integrity?: string } } = JSON.parse(text);
    return { tarball: new URL(dist.tarball), integrity: dist.integrity ?? null };
  } catch (error) {
    throw downloadFailed(
      `${shown(url)} did not answer with the metadata of a package.`,
      'Check the registry that npm is configured for.',
      error,
    );
  }
}

/** The usual address first, which saves a request; where the registry has another, its metadata say it. */
async function openTarball(wanted: TarballRequest, dispatcher: Dispatcher): Promise<Tarball> {
  const { name, version, config } = wanted;
  if (wanted.pins !== null) {
    const url = new URL(`${name}/-/${name}-${version}.tgz`, config.registry);
    const response = await get(url, config, dispatcher);
    if (response.statusCode !== 404 && response.statusCode !== 405) {
      return { url, response: await expectOk(response, url), integrity: null };
    }
    await response.body.dump();
  }
  const { tarball, integrity } = await readMetadata(wanted, dispatcher);
  const response = await get(tarball, config, dispatcher);
  return { url: tarball, response: await expectOk(response, tarball), integrity };
}

function hashMismatch(wanted: TarballRequest, what: string): QuickServeError {
  return new QuickServeError({
    code: 'RUNTIME_HASH_MISMATCH',
    message: `${what} of ${wanted.name} ${wanted.version} is not the file that this release was made with.`,
    hint: 'The registry or a proxy changes packages, or the download was damaged: try again, or use --runtime-path.',
  });
}

async function writeEntry(entry: Entry, path: string, wanted: TarballRequest): Promise<void> {
  const pin = wanted.pins?.get(path);
  if (pin !== undefined && entry.header.size !== pin.sizeBytes) throw hashMismatch(wanted, path);
  const file = join(wanted.folder, path);
  const sha256 = await writeHashed(entry, file);
  if (pin !== undefined && sha256 !== pin.sha256) throw hashMismatch(wanted, path);
}

/** A path inside the package, or null for what is none (folders, links, names that leave the folder). */
function packagePath(entry: Entry): string | null {
  if (entry.header.type !== 'file') return null;
  const path = entry.header.name.replace(/^[^/]+\//, '');
  const safe =
    path !== '' && !path.includes('\\') && path.split('/').every(part => part !== '..' && part !== '');
  return safe ? path : null;
}

async function unpack(tarball: Tarball, wanted: TarballRequest): Promise<void> {
  const announced = Number(tarball.response.headers['content-length']);
  const totalBytes = Number.isSafeInteger(announced) && announced > 0 ? announced : null;
  const missing = wanted.pins === null ? null : new Set(wanted.pins.keys());
  const whole = createHash('sha512');
  let receivedBytes = 0;
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      receivedBytes += chunk.length;
      if (wanted.pins === null) whole.update(chunk);
      wanted.onProgress({ package: wanted.name, receivedBytes, totalBytes });
      done(null, chunk);
    },
  });
  const entries = extract();
  const done = new AbortController();
  const source = Readable.from(tarball.response.body);
  const reading = pipeline(source, counting, createGunzip(), entries, { signal: done.signal });
  // Reported by the loop below, where it breaks off; here it must only not be unhandled.
  reading.catch(() => undefined);

  let unpackedBytes = 0;
  for await (const entry of entries) {
    const path = packagePath(entry);
    unpackedBytes += entry.header.size ?? 0;
    if (unpackedBytes > LARGEST_UNPACKED_BYTES) throw hashMismatch(wanted, 'The size');
    const take = path !== null && (missing === null ? wanted.isWanted(path) : missing.has(path));
    if (take) {
      await writeEntry(entry, path, wanted);
      missing?.delete(path);
      if (missing?.size === 0) break;
    } else {
      entry.resume();
    }
  }
  if (missing !== null) {
    // The rest of the tarball, other platforms mostly, is not read: the connection is closed.
    done.abort();
    source.destroy();
    const [first] = missing;
    if (first !== undefined) throw hashMismatch(wanted, `${first} is missing: the content`);
    return;
  }
  await reading;
  const integrity = `sha512-${whole.digest('base64')}`;
  if (tarball.integrity?.split(/\s+/).includes(integrity) !== true) throw hashMismatch(wanted, 'The tarball');
}

/**
 * Streams the wanted files of an npm package into a folder, and closes the connection once they are all there.
 * Network failures and answers of 5xx are tried three times.
 * @throws QuickServeError RUNTIME_DOWNLOAD_FAILED, RUNTIME_HASH_MISMATCH.
 */
export async function downloadPackage(
  wanted: TarballRequest,
  wait: (durationMs: number) => Promise<void>,
): Promise<void> {
  const dispatcher = openDispatcher(wanted.config, {
    headersTimeoutMs: ANSWER_TIMEOUT_MS,
    trustAny: !wanted.config.strictTls,
  });
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await unpack(await openTarball(wanted, dispatcher), wanted);
      } catch (error) {
        if (error instanceof QuickServeError) throw error;
        if (attempt === ATTEMPTS) {
          throw downloadFailed(
            `${wanted.name} ${wanted.version} could not be downloaded from ${new URL(wanted.config.registry).origin}: ` +
              `${messageOf(error)}.`,
            'Check the network and the proxy that npm is configured for. Without internet: `quickserveml runtime load`, or --runtime-path.',
            error,
          );
        }
        await wait(500 * attempt);
      }
    }
  } finally {
    await dispatcher.destroy();
  }
}
