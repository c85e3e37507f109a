import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { compareInterfaces } from '../../contract/compare-interfaces.ts';
import { readGit } from '../../git/repository.ts';
import { identifyModel, type ModelIdentity } from '../../model/model-identity.ts';
import { inspectModel } from '../../model/model-inspection.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { readModel } from '../../model/model-reader.ts';
import type { RecordEntry } from '../../registry/record-entry.ts';
import { VERSION_STATUSES } from '../../registry/records.ts';
import { parseStatus } from '../../registry/version-filter.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { openTemporaryFolder } from '../../shared/temporary-folder.ts';
import { committedLocation } from '../check/recording.ts';
import type { CommandResult } from '../command-result.ts';
import type { ContainerRegistryOptions } from '../container-registries.ts';
import type { Surroundings } from '../surroundings.ts';
import { openSession, type RegistryCommandOptions, type RegistrySession } from './session.ts';

export interface AddOptions extends RegistryCommandOptions, ContainerRegistryOptions {
  readonly name: string;
  readonly file: string;
  readonly version?: string;
  readonly status?: string;
  readonly description?: string;
  readonly tag: readonly string[];
  readonly oci?: string;
}

/** The file's path in HEAD's commit, where it is committed as it is; null otherwise. */
async function committedPath(session: RegistrySession, file: string): Promise<string | null> {
  const { repository } = session;
  const path = relative(repository.root, file).split(sep).join('/');
  if (repository.headSha === null || path.startsWith('..')) return null;
  const inHead = await readGit(repository, ['rev-parse', '--verify', '--quiet', `HEAD:${path}`], {
    accept: [0, 1, 128],
  });
  if (inHead.exitCode !== 0) return null;
  const changed = await readGit(repository, ['diff', '--quiet', 'HEAD', '--', path], { accept: [0, 1, 128] });
  return changed.exitCode === 0 ? path : null;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Nobody could find the bytes again in an artifact that does not have them. */
async function pinArtifact(
  options: AddOptions,
  reference: string,
  identity: ModelIdentity,
  world: Surroundings,
): Promise<string> {
  const { openArtifacts } = await import('./artifacts.ts');
  await using artifacts = await openArtifacts(options, world);
  return await artifacts.pin(reference, identity.parts);
}

const changedMeanwhile = (file: string): QuickServeError =>
  new QuickServeError({
    code: 'FILE_UNREADABLE',
    message: `${file} changed while it was being read.`,
    hint: 'Run again when nobody writes to it.',
  });

/** `registry add NAME FILE`: a version without a check; it begins as a draft. */
export async function addVersion(options: AddOptions, world: Surroundings): Promise<CommandResult> {
  const file = resolve(options.cwd, options.file);
  const identity = await identifyModel(file);
  const inspection = await inspectModel(file, { sha256: false });
  const own = interfaceOf(readModel(file));
  const session = await openSession(options, world);
  const { config, registry, repository, dryRun } = session;
  const path = await committedPath(session, file);
  const { blobLimitBytes } = config.registry;
  const pointer =
    options.oci !== undefined
      ? ({ kind: 'oci', reference: await pinArtifact(options, options.oci, identity, world) } as const)
      : path === null || repository.headSha === null
        ? null
        : await committedLocation(config, repository, repository.headSha, path);
  if (pointer === null && identity.sizeBytes > blobLimitBytes) {
    throw new QuickServeError({
      code: 'USAGE',
      message: `${options.file} is larger than registry.blob-limit and is not committed, so nobody could find its bytes again.`,
      hint: 'Commit it (with Git LFS where it is large), raise the limit, or name an OCI artifact with --oci.',
    });
  }
  // The registry takes a snapshot: a file that changes while it is read would be stored under the wrong digest.
  await using scratch = await openTemporaryFolder('add');
  const files = new Map<string, string>();
  if (identity.sizeBytes <= blobLimitBytes && options.oci === undefined) {
    for (const part of identity.parts) {
      const copy = join(scratch.path, part.sha256);
      await copyFile(join(dirname(file), part.path), copy);
      if ((await hashFile(copy)) !== part.sha256) throw changedMeanwhile(options.file);
      files.set(part.sha256, copy);
    }
  }
  const entry: RecordEntry = {
    model: options.name,
    identity,
    bytes: { files, blobLimitBytes: options.oci === undefined ? blobLimitBytes : -1, otherwise: pointer },
    interface: own,
    inspection,
    source: { commit: repository.headSha, path: path ?? basename(file) },
    bumpOf: previous => (previous === null ? 'none' : compareInterfaces(previous.interface, own).bump),
    measurement: null,
    verdict: null,
    status: options.status === undefined ? 'draft' : parseStatus(options.status),
    ...(options.version === undefined ? {} : { version: options.version }),
    ...(options.description === undefined ? {} : { description: options.description }),
    ...(options.tag.length === 0 ? {} : { tags: options.tag }),
  };
  if (entry.status === 'production') {
    throw new QuickServeError({
      code: 'USAGE',
      message: 'A version cannot begin in production.',
      hint: `Add it as one of ${VERSION_STATUSES.filter(status => status !== 'production').join(', ')}, then promote it.`,
    });
  }
  const [outcome] = dryRun ? await registry.previewRecord([entry]) : await registry.record([entry]);
  const what = `${options.name} ${outcome?.version ?? ''}`;
  return {
    document: { dryRun, ...outcome, sha256: identity.sha256, sizeBytes: identity.sizeBytes },
    text:
      outcome?.new === true
        ? `${dryRun ? 'Would add' : 'Added'} ${what}.`
        : `Nothing new: ${outcome?.reason ?? ''}.`,
    exitCode: 0,
  };
}
