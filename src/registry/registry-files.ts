import { QuickServeError } from '../shared/errors.ts';
import type { BranchState } from './branch-reader.ts';
import { REGISTRY_FILE, versionPath, versionsFolder } from './layout.ts';
import type { VersionRecord } from './records.ts';
import { checkFormat, type RecordReader } from './schemas.ts';
import { isVersion } from './versions.ts';

/**
 * Checks that the branch is a registry that this version may write to.
 * @returns false where there is no branch yet.
 * @throws QuickServeError REGISTRY_MALFORMED, REGISTRY_FORMAT_UNKNOWN.
 */
export async function checkRegistry(state: BranchState, reader: RecordReader): Promise<boolean> {
  if (state.tip === null) return false;
  const content = (await state.readFiles([REGISTRY_FILE])).get(REGISTRY_FILE);
  if (content === undefined) {
    throw new QuickServeError({
      code: 'REGISTRY_MALFORMED',
      message: `The registry branch exists but has no ${REGISTRY_FILE}: it is something else, or damaged. Nothing was changed.`,
      hint: 'Choose another branch name for the registry, or restore the branch from its history.',
    });
  }
  checkFormat(reader.read('format', REGISTRY_FILE, content));
  return true;
}

/** All versions of the named models. */
export async function readVersions(
  state: BranchState,
  reader: RecordReader,
  models: readonly string[],
): Promise<ReadonlyMap<string, readonly VersionRecord[]>> {
  const folders = await state.listFolders(models.map(versionsFolder));
  const paths = new Map<string, readonly string[]>();
  for (const model of models) {
    const folder = versionsFolder(model);
    const names = (folders.get(folder) ?? []).map(({ path }) => path).filter(name => name.endsWith('.json'));
    paths.set(
      model,
      names.map(name => `${folder}/${name}`),
    );
  }
  const contents = await state.readFiles([...paths.values()].flat());
  const versions = new Map<string, readonly VersionRecord[]>();
  for (const [model, files] of paths) {
    versions.set(
      model,
      files.flatMap(path => {
        const content = contents.get(path);
        return content === undefined ? [] : [readVersion(reader, path, content)];
      }),
    );
  }
  return versions;
}

/**
 * One version; the record must say what its place says.
 * @throws QuickServeError REGISTRY_MALFORMED.
 */
export function readVersion(reader: RecordReader, path: string, content: Uint8Array): VersionRecord {
  const record = reader.read('version', path, content);
  let place = '';
  if (isVersion(record.version)) place = versionPath(record.model, record.version);
  if (place === path) return record;
  throw new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${path} on the registry branch says that it is version ${record.version} of ${record.model}. Nothing was changed.`,
    hint: 'Restore that file from the history of the branch (git log -- <file>), then run again.',
  });
}
