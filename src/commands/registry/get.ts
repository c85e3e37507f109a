import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { separateUrlCredentials } from '../../git/credentials.ts';
import { openLfs } from '../../git/lfs.ts';
import { openObjectStore } from '../../git/object-store.ts';
import type { VersionState } from '../../registry/lifecycle.ts';
import type { BytesLocation } from '../../registry/records.ts';
import { parseSelector, selectModel, selectVersion } from '../../registry/selector.ts';
import {
  refuseLocation,
  type VersionTarget,
  writeArtifactBytes,
  writeSourceBytes,
} from '../../registry/version-bytes.ts';
import { metricsOf } from '../../registry/version-filter.ts';
import type { CommandResult } from '../command-result.ts';
import type { ContainerRegistryOptions } from '../container-registries.ts';
import type { Surroundings } from '../surroundings.ts';
import { versionDocument } from './list.ts';
import { openSession, type RegistryCommandOptions, type RegistrySession, readExisting } from './session.ts';
import { locationText, metricText, minuteOf, table } from './texts.ts';

export interface GetOptions extends RegistryCommandOptions, ContainerRegistryOptions {
  readonly selector: string;
  /** Folder that the version's files are written into. */
  readonly output?: string;
}

async function fetchSource(
  session: RegistrySession,
  state: VersionState,
  location: Extract<BytesLocation, { kind: 'commit' | 'lfs' }>,
  target: VersionTarget,
): Promise<string> {
  const { repository, remote, world } = session;
  const { environment } = repository;
  const named = location.repository === null ? null : separateUrlCredentials(location.repository);
  const isOwn = named === null ? remote.url === repository.remote?.url : named.url === repository.remote?.url;
  const source = isOwn
    ? repository.remote
    : named === null
      ? remote
      : { name: named.url, url: named.url, credentials: named.credentials };
  // The clone's own objects are looked at too: a commit that was never pushed is found there.
  await using store = await openObjectStore({ environment, remote: source, repository });
  const lfs = await openLfs(
    { ...repository, remote: source },
    { cacheFolder: join(world.cacheFolder, 'lfs'), sleep },
  );
  return await writeSourceBytes({ store, lfs }, state.version, location, target);
}

async function fetchArtifact(
  session: RegistrySession,
  state: VersionState,
  location: Extract<BytesLocation, { kind: 'oci' }>,
  target: VersionTarget,
  options: ContainerRegistryOptions,
): Promise<string> {
  const { openArtifacts } = await import('./artifacts.ts');
  await using artifacts = await openArtifacts(options, session.world);
  return await writeArtifactBytes(artifacts, state.version, location, target);
}

/** Writes a version's files, wherever they come from. @returns the model file's path. */
export async function fetchVersion(
  session: RegistrySession,
  state: VersionState,
  target: VersionTarget,
  options: ContainerRegistryOptions,
): Promise<string> {
  const { bytes } = state.version;
  if (bytes.kind === 'blob') {
    const written = await session.registry.readBytes(state.version, target);
    if (written !== null) return written;
  }
  if (bytes.kind === 'commit' || bytes.kind === 'lfs')
    return await fetchSource(session, state, bytes, target);
  if (bytes.kind === 'oci') return await fetchArtifact(session, state, bytes, target, options);
  return refuseLocation(state.version);
}

/** `registry get NAME[@VERSION]`: everything about a version, and with `-o` its files. */
export async function getVersion(options: GetOptions, world: Surroundings): Promise<CommandResult> {
  const session = await openSession(options, world);
  const { model: name, version: wanted } = parseSelector(options.selector);
  const registry = await readExisting(session, { models: [name], measurementLimit: 20 });
  const selected = selectModel(registry, name);
  const state = selectVersion(selected, wanted);
  const { version } = state;
  const verdict = await session.registry.readVerdict(name, version.sha256);
  const target = options.output === undefined ? null : resolve(options.cwd, options.output);
  const written =
    target === null || session.dryRun ? null : await fetchVersion(session, state, target, options);
  const rows: (readonly [string, string])[] = [
    [
      'version',
      version.version +
        (state.deleted === null
          ? ''
          : ` (deleted by ${state.deleted.by.name}: ${state.deleted.reason ?? 'no reason given'})`),
    ],
    ['status', state.status],
    ['description', state.description ?? selected.state.description ?? ''],
    ['tags', [...selected.state.tags, ...state.tags].join(', ')],
    ['sha256', version.sha256],
    ['size', metricText('size', version.sizeBytes)],
    [
      'bytes',
      state.bytesGone && version.bytes.kind === 'blob'
        ? 'gone: taken away by compact --rewrite'
        : locationText(version.bytes),
    ],
    [
      'source',
      `${version.source.commit === null ? '' : `commit ${version.source.commit.slice(0, 12)}, `}${version.source.path}`,
    ],
    [
      'verdict',
      verdict === null
        ? 'none'
        : `${verdict.verdict.gate}, ${verdict.signature.kind === 'valid' ? `signed by ${verdict.signature.identity}` : `signature: ${verdict.signature.kind}`}`,
    ],
    [
      'accepted',
      (verdict?.verdict.accepted ?? []).map(({ finding, by }) => `${finding} by ${by}`).join(', '),
    ],
    ['recorded', `${minuteOf(version.createdAt)} UTC by ${version.author.name}`],
    ...Object.entries(metricsOf(selected.model, state))
      .filter(([metric]) => metric !== 'size')
      .map(([metric, value]) => [metric, metricText(metric, value)] as const),
    ...state.notes.map(({ at, by, text }) => ['note', `${at.slice(0, 10)} ${by.name}: ${text}`] as const),
    ...(written === null ? [] : [['written', written] as const]),
    ...(target !== null && session.dryRun ? [['would write', target] as const] : []),
  ];
  return {
    document: { ...versionDocument(selected.model, state), verdict, written },
    text: table(
      ['model', name],
      rows.filter(([, value]) => value !== ''),
      'll',
    ),
    exitCode: 0,
  };
}

/** `registry export NAME[@VERSION] -o FILE|FOLDER`: a version's bytes, sha256 checked. */
export async function exportVersion(
  options: GetOptions & { readonly output: string },
  world: Surroundings,
): Promise<CommandResult> {
  const session = await openSession(options, world);
  const { model: name, version: wanted } = parseSelector(options.selector);
  const selected = selectModel(await readExisting(session, { models: [name], measurementLimit: 0 }), name);
  const state = selectVersion(selected, wanted);
  const { version } = state;
  const target = resolve(options.cwd, options.output);
  const answer = {
    model: name,
    version: version.version,
    sha256: version.sha256,
    sizeBytes: version.sizeBytes,
  };
  if (session.dryRun) {
    return {
      document: { ...answer, from: version.bytes, written: null },
      text: `Would write ${name} ${version.version} (${locationText(version.bytes)}) to ${target}.`,
      exitCode: 0,
    };
  }
  const isFolder = version.parts.length > 1 || options.output.endsWith('/') || (await isDirectory(target));
  // To the file itself: what a cut download left beside it is found by the next run.
  const written = await fetchVersion(session, state, isFolder ? target : { file: target }, options);
  return {
    document: { ...answer, from: version.bytes, written },
    text: `Wrote ${name} ${version.version} to ${written}, sha256 ${version.sha256}.`,
    exitCode: 0,
  };
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}
