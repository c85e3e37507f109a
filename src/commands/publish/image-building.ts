import { basename, dirname, join, resolve } from 'node:path';
import { applicationEntries } from '../../container/image/application.ts';
import { type BaseImage, readBaseImages } from '../../container/image/base-image.ts';
import { blobsOfPlatforms } from '../../container/image/blob-list.ts';
import { type ComposedImage, composeImage } from '../../container/image/composition.ts';
import type { EarlyPush } from '../../container/image/early-push.ts';
import type { FactsCache } from '../../container/image/facts-cache.ts';
import { compressedLayer, type ImageLayer, storedLayer } from '../../container/image/layer.ts';
import { runtimeLayer } from '../../container/image/runtime-layer.ts';
import type { ImageRepository } from '../../container/registry/image-repository.ts';
import { ensureCommit } from '../../git/history.ts';
import { openObjectStore } from '../../git/object-store.ts';
import { resolveRuntime } from '../../runtime/installer.ts';
import { servedName } from '../../serving/served-name.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { RegistrySession } from '../registry/session.ts';
import { runtimeOptions } from '../runtime-source.ts';
import type { Surroundings } from '../surroundings.ts';
import { declaredTime, type PublishOptions, type PublishSettings, wholeSeconds } from './publish-options.ts';
import type { PublishedModel } from './published-model.ts';

/** dist/, where the bundled server is; of a run from the sources, the one beside them. */
export function applicationFolder(world: Surroundings): string {
  const folder = dirname(world.workerPath);
  return basename(folder) === 'runtime' ? resolve(folder, '../../dist') : folder;
}

/** Address of a repository that means the same on every machine: without user, `.git`, and the scp form of ssh. */
export function publicAddress(url: string): string | null {
  const scp = /^(?:[^@/]+@)?([^:/@]+):(?!\/\/)(.+)$/.exec(url);
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(url)
    ? url
    : scp === null
      ? ''
      : `https://${scp[1]}/${scp[2]}`;
  if (!URL.canParse(address)) return null;
  const { protocol, hostname, port, pathname } = new URL(address);
  if (!/^(https?|ssh|git):$/.test(protocol) || hostname === '') return null;
  const isWeb = protocol === 'https:' || protocol === 'http:';
  const host = isWeb && port !== '' ? `${hostname}:${port}` : hostname;
  return `${protocol === 'http:' ? 'http' : 'https'}://${host}${pathname.replace(/(\.git)?\/*$/, '')}`;
}

/** The committer's time of a commit, from the clone or its remote. */
async function commitTime(session: RegistrySession, commit: string): Promise<string> {
  const { repository, remote } = session;
  await using store = await openObjectStore({ environment: repository.environment, remote, repository });
  const read = async (): Promise<string | null> => {
    const object = (await store.readObjects([commit])).get(commit);
    const seconds = /^committer .* (\d+) [+-]\d{4}$/m.exec(object?.content.toString('utf8') ?? '')?.[1];
    return seconds === undefined ? null : wholeSeconds(Number(seconds) * 1000);
  };
  const found = (await read()) ?? ((await ensureCommit(store, commit)) ? await read() : null);
  if (found !== null) return found;
  throw new QuickServeError({
    code: 'BASE_NOT_FOUND',
    message: `The time of commit ${commit.slice(0, 12)}, which the model is from, cannot be found out: it is in no clone at hand.`,
    hint: 'Fetch it, or declare the time of the image with --created.',
  });
}

const EPOCH = '1970-01-01T00:00:00Z';

/** The time that the image declares: it must be the same wherever the image is made. */
async function createdAt(
  session: RegistrySession,
  models: readonly PublishedModel[],
  options: PublishOptions,
  world: Surroundings,
): Promise<string> {
  const declared = declaredTime(options, world.env);
  if (declared !== null) return declared;
  const times = await Promise.all(
    models.map(async ({ version }) => {
      if (version === null) return EPOCH;
      const { source, createdAt: recordedAt } = version.version;
      return source.commit === null
        ? wholeSeconds(Date.parse(recordedAt))
        : commitTime(session, source.commit);
    }),
  );
  return times.sort().at(-1) ?? EPOCH;
}

/** What the server in the image is started with. */
function serverCommand(models: readonly PublishedModel[], port: number): readonly string[] {
  return [
    '/app/serve.js',
    ...['--host', '0.0.0.0', '--port', String(port)],
    ...models.map(
      ({ name, version, path }) =>
        `${servedName(name)}@${servedName(version?.version.version ?? '0.0.0')}=${path}`,
    ),
  ];
}

async function modelLayer(model: PublishedModel, { cache, world, early }: BuildRequest): Promise<ImageLayer> {
  const { name, sha256 } = model;
  return storedLayer(
    model.entries,
    `model ${name}, sha256 ${sha256}`,
    cache,
    readBytes => world.progress.update(`hashing ${name}: ${Math.round(readBytes / 1e6)} MB`),
    sizeBytes => early?.receive(sizeBytes) ?? null,
  );
}

export interface BuildRequest {
  readonly session: RegistrySession;
  readonly options: PublishOptions;
  readonly settings: PublishSettings;
  readonly models: readonly PublishedModel[];
  readonly base: ImageRepository;
  readonly cache: FactsCache;
  /** Where layers go as soon as they are known; null: nowhere before the image is whole. */
  readonly early: EarlyPush | null;
  readonly world: Surroundings;
}

/** Machines without the internet have their base image somewhere else. */
function nameOtherBase(error: unknown): never {
  if (!(error instanceof QuickServeError) || error.code !== 'CONTAINER_REGISTRY_UNREACHABLE') throw error;
  const { code, message, hint } = error;
  throw new QuickServeError({
    code,
    message,
    hint: `${hint} A copy of the base image elsewhere is named by --base-image or publish.base-image.`,
    cause: error,
  });
}

/** The image as a value. Only `early` pushes anything; the runtime is fetched only where somebody lacks its layer. */
export async function buildImage(request: BuildRequest): Promise<ComposedImage> {
  const { session, options, settings, models, base, early, world } = request;
  const { version: runtimeVersion } = session.config.runtime;
  const layerFolder = join(world.cacheFolder, 'layers');
  const runtime = (image: BaseImage): Promise<ImageLayer> =>
    runtimeLayer({
      platform: image.platform,
      version: runtimeVersion,
      cacheFolder: layerFolder,
      locate: async (platform, arch) => {
        const wanted = {
          runtimePath: options.runtimePath,
          version: runtimeVersion,
          cwd: options.cwd,
        };
        world.progress.step(`getting onnxruntime ${runtimeVersion} for ${platform}-${arch}`);
        const found = await resolveRuntime({ ...runtimeOptions(wanted, world), platform, arch });
        return found.packageFolder;
      },
    });
  const foundation = async () => {
    const [images, application, created] = await Promise.all([
      readBaseImages(base, settings.base, settings.platforms).catch(nameOtherBase),
      applicationEntries(applicationFolder(world)).then(entries =>
        compressedLayer(entries, `quickserveml ${world.toolVersion}`, layerFolder),
      ),
      createdAt(session, models, options, world),
    ]);
    // What changes least comes first: registries and nodes share it between models.
    const parts = await Promise.all(
      images.map(async image => ({ base: image, layers: [await runtime(image), application] })),
    );
    early?.send(
      blobsOfPlatforms(
        parts.map(part => ({ baseLayers: part.base.layers, own: part.layers })),
        base,
      ),
    );
    return { parts, created };
  };
  const [{ parts, created }, ...modelLayers] = await Promise.all([
    foundation(),
    ...models.map(model => modelLayer(model, request)),
  ]);
  const [only, ...others] = models;
  const single = others.length === 0 ? (only?.version?.version ?? null) : null;
  const commits = new Set(models.map(({ version }) => version?.version.source.commit ?? null));
  const [revision = null] = commits.size === 1 ? [...commits] : [];
  const recorded = models.some(({ version }) => version !== null);
  return composeImage(
    {
      models: models.map(({ name, version, sha256, path }) => ({
        name,
        version: version?.version.version ?? null,
        sha256,
        path,
      })),
      version: single?.version ?? null,
      created,
      source: recorded ? publicAddress(session.repository.remote?.url ?? '') : null,
      revision,
      port: settings.port,
      command: serverCommand(models, settings.port),
      environment: ['NODE_ENV=production'],
    },
    parts.map(part => ({ base: part.base, layers: [...part.layers, ...modelLayers] })),
  );
}
