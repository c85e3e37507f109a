import { QuickServeError } from '../shared/errors.ts';
import type { BranchState } from './branch-state.ts';
import {
  eventsFolder,
  modelFolder,
  modelPath,
  placeOf,
  REGISTRY_FILE,
  verdictPackPath,
  verdictPath,
  verdictsFolder,
  versionPath,
  versionsFolder,
} from './layout.ts';
import { assembleModel, type RegisteredModel, readSource } from './model-sources.ts';
import { readPack, uniqueById } from './packs.ts';
import type { VerdictRecord } from './records.ts';
import { formatTrailers } from './registry-commit.ts';
import { checkFormat, type RecordReader } from './schemas.ts';

/**
 * Checks that the branch is a registry that this version may write to.
 * @returns false where there is no branch yet.
 * @throws QuickServeError REGISTRY_MALFORMED, REGISTRY_FORMAT_UNKNOWN.
 */
export async function checkRegistry(state: BranchState, reader: RecordReader): Promise<boolean> {
  if (state.tip === null) return false;
  const trailers = formatTrailers(state.tipMessage);
  if (trailers !== null && trailers.fileId !== null) {
    const top = (await state.listFolders([''])).get('') ?? [];
    // The very file that the writer of the tip checked: it need not be fetched to be read again.
    if (top.some(({ path, id }) => path === REGISTRY_FILE && id === trailers.fileId)) {
      checkFormat(trailers.format);
      return true;
    }
  }
  const content = (await state.readFiles([REGISTRY_FILE])).get(REGISTRY_FILE);
  if (content === undefined) {
    throw new QuickServeError({
      code: 'REGISTRY_MALFORMED',
      message: `The registry branch exists but has no ${REGISTRY_FILE}: it is something else, or damaged. Nothing was changed.`,
      hint: 'Choose another branch name for the registry, or restore the branch from its history.',
    });
  }
  checkFormat(reader.read('format', REGISTRY_FILE, content).format);
  return true;
}

/** What a change to one model's life looks at. */
export interface ModelFiles {
  /** null: the branch knows no such model. */
  readonly model: RegisteredModel | null;
  /** Names of all versions that there are. */
  readonly versionNames: readonly string[];
  /** The greatest id among its events. */
  readonly newestEventId: string | null;
}

const baseName = (name: string): string => name.replace(/\.json$/, '');

/**
 * One model with all its events and those of its versions that are asked for; measurements are left out.
 * @throws QuickServeError REGISTRY_MALFORMED.
 */
export async function readModelFiles(
  state: BranchState,
  reader: RecordReader,
  name: string,
  wanted: readonly string[] | 'all',
): Promise<ModelFiles> {
  const [events, versions] = [eventsFolder(name), versionsFolder(name)];
  const folders = await state.listFolders([modelFolder(name), events, versions]);
  if (!folders.has(modelFolder(name))) return { model: null, versionNames: [], newestEventId: null };
  const inEvents = folders.get(events) ?? [];
  const months = inEvents.filter(({ type }) => type === 'tree').map(({ path }) => `${events}/${path}`);
  const loose = await state.listFolders(months);
  const versionNames = (folders.get(versions) ?? []).map(({ path }) => baseName(path));
  const chosen = wanted === 'all' ? versionNames : wanted.filter(version => versionNames.includes(version));
  const paths = [
    modelPath(name),
    ...chosen.map(version => versionPath(name, version)),
    ...inEvents.filter(({ type }) => type === 'blob').map(({ path }) => `${events}/${path}`),
    ...months.flatMap(month => (loose.get(month) ?? []).map(({ path }) => `${month}/${path}`)),
  ];
  const contents = await state.readFiles(paths);
  const sources = [...contents].flatMap(([path, content]) => {
    const place = placeOf(path);
    return place.kind === 'unknown' ? [] : [readSource(reader, path, '', place, content)];
  });
  const model = assembleModel(name, sources, 0);
  return { model, versionNames, newestEventId: model.events.at(-1)?.id ?? null };
}

/**
 * The latest verdict on these bytes of this model; null where there is none.
 * @throws QuickServeError REGISTRY_MALFORMED.
 */
export async function readLatestVerdict(
  state: BranchState,
  reader: RecordReader,
  model: string,
  sha256: string,
): Promise<VerdictRecord | null> {
  const folder = verdictsFolder(sha256);
  const entries = (await state.listFolders([folder])).get(folder) ?? [];
  const contents = await state.readFiles([
    verdictPackPath(sha256),
    ...entries.map(({ path }) => `${folder}/${path}`),
  ]);
  const verdicts = [...contents].flatMap(([path, content]) => readVerdicts(reader, path, content));
  const own = verdicts.filter(verdict => verdict.model === model && verdict.sha256 === sha256);
  return uniqueById(own).at(-1) ?? null;
}

/** The verdicts of a pack, or of one file. @throws QuickServeError REGISTRY_MALFORMED. */
export function readVerdicts(
  reader: RecordReader,
  path: string,
  content: Uint8Array,
): readonly VerdictRecord[] {
  if (placeOf(path).kind !== 'verdict-pack') return [readVerdict(reader, path, content)];
  const records = readPack(reader, 'verdict', path, content);
  const stranger = records.find(({ sha256 }) => verdictPackPath(sha256) !== path);
  if (stranger === undefined) return records;
  throw new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${path} on the registry branch holds verdict ${stranger.id} on bytes of another folder (${stranger.sha256}).`,
    hint: 'Restore that file from the history of the branch (git log -- <file>), then run again.',
  });
}

/** One verdict; the record must say what its place says. @throws QuickServeError REGISTRY_MALFORMED. */
export function readVerdict(reader: RecordReader, path: string, content: Uint8Array): VerdictRecord {
  const record = reader.read('verdict', path, content);
  if (verdictPath(record.sha256, record.id) === path) return record;
  throw new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${path} on the registry branch is verdict ${record.id} on other bytes (${record.sha256}). Nothing was changed.`,
    hint: 'Restore that file from the history of the branch (git log -- <file>), then run again.',
  });
}
