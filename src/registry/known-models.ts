import type { BranchState } from './branch-state.ts';
import {
  blobPath,
  digestPath,
  measurementPath,
  modelPath,
  REGISTRY_FILE,
  verdictPath,
  versionPath,
  versionsFolder,
} from './layout.ts';
import type { RecordContext } from './record-context.ts';
import type { IdentifiedEntry } from './record-files.ts';
import type { VersionRecord } from './records.ts';
import { checkRegistry } from './registry-files.ts';
import type { RecordReader } from './schemas.ts';
import { folderOf } from './tree-paths.ts';
import { readVersion } from './version-record.ts';
import { newestName } from './versions.ts';

/** What the branch knows about a model, as far as recording needs it. */
export interface KnownModel {
  readonly exists: boolean;
  readonly versionNames: readonly string[];
  readonly newest: VersionRecord | null;
  /** By digest: the version that has these bytes. */
  readonly byDigest: ReadonlyMap<string, VersionRecord>;
}

/**
 * Asks for all folders and files that recording looks at, level by level and then in two requests: each request costs a
 * round trip. Of a model's versions only the newest is read, and the one that has the same bytes.
 */
export async function readKnown(
  state: BranchState,
  reader: RecordReader,
  entries: readonly IdentifiedEntry[],
  { createdAt }: RecordContext,
): Promise<{ readonly initialised: boolean; readonly models: ReadonlyMap<string, KnownModel> }> {
  const models = [...new Set(entries.map(({ entry }) => entry.model))];
  const digests = entries.map(({ entry }) => digestPath(entry.model, entry.identity.sha256));
  const folders = entries.flatMap(({ entry, verdict }) => {
    const { model, identity, measurement } = entry;
    const measured =
      measurement === null ? [] : [measurementPath(model, measurement.fingerprint.key, createdAt, 'id')];
    const judged = verdict === null ? [] : [verdictPath(identity.sha256, verdict.id)];
    const blobs = identity.parts.map(part => blobPath(part.sha256));
    return [versionsFolder(model), ...[modelPath(model), ...measured, ...judged, ...blobs].map(folderOf)];
  });
  const found = await state.listFolders(['', ...new Set([...folders, ...digests.map(folderOf)])]);
  const namesOf = (model: string): string[] =>
    (found.get(versionsFolder(model)) ?? []).map(({ path }) => path.replace(/\.json$/, ''));
  const newestPaths = models.flatMap(model => {
    const name = newestName(namesOf(model));
    return name === null ? [] : [versionPath(model, name)];
  });
  const contents = await state.readFiles([
    REGISTRY_FILE,
    ...models.map(modelPath),
    ...digests,
    ...newestPaths,
  ]);
  // Here, since its file came with the others.
  const initialised = await checkRegistry(state, reader);
  const markers = new Map(
    digests.flatMap((path): [string, string][] => {
      const content = contents.get(path);
      return content === undefined ? [] : [[path, reader.read('digest', path, content).version]];
    }),
  );
  const knownPaths = entries.flatMap(({ entry }) => {
    const version = markers.get(digestPath(entry.model, entry.identity.sha256));
    return version === undefined ? [] : [versionPath(entry.model, version)];
  });
  const records = new Map([...contents, ...(await state.readFiles(knownPaths))]);
  const read = (path: string): VersionRecord =>
    readVersion(reader, path, records.get(path) ?? Buffer.alloc(0));
  const known = new Map(
    models.map((model): [string, KnownModel] => {
      const versionNames = namesOf(model);
      const name = newestName(versionNames);
      const newest = name === null ? null : read(versionPath(model, name));
      const byDigest = new Map<string, VersionRecord>();
      if (newest !== null) byDigest.set(newest.sha256, newest);
      for (const { entry } of entries) {
        if (entry.model !== model) continue;
        const { sha256 } = entry.identity;
        const version = markers.get(digestPath(model, sha256));
        if (version !== undefined) byDigest.set(sha256, read(versionPath(model, version)));
      }
      return [model, { exists: contents.has(modelPath(model)), versionNames, newest, byDigest }];
    }),
  );
  return { initialised, models: known };
}

export const nothingKnown: KnownModel = {
  exists: false,
  versionNames: [],
  newest: null,
  byDigest: new Map(),
};
