import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import type { ObjectStore } from '../git/object-store.ts';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { readKeptLog } from './audit.ts';
import type { BranchState } from './branch-state.ts';
import { digestPath, placeOf, REGISTRY_FILE } from './layout.ts';
import { readSource } from './model-sources.ts';
import { closedMonths, firstOpenMonth } from './month-packing.ts';
import type { RegistryAccess } from './registry-access.ts';
import { readVerdicts } from './registry-files.ts';
import { checkFormat } from './schemas.ts';
import {
  checkDuplicates,
  checkReferences,
  type Defect,
  error,
  type Inventory,
  RESTORE,
  warning,
} from './verification-checks.ts';

export interface VerifyOutcome {
  readonly tip: string | null;
  readonly files: number;
  readonly models: number;
  readonly versions: number;
  readonly records: number;
  readonly blobs: number;
  readonly defects: readonly Defect[];
  /** Closed months whose files are still apart. */
  readonly looseMonths: number;
}

function readOne(access: RegistryAccess, inventory: Inventory, path: string, content: Buffer): void {
  const place = inventory.places.get(path) ?? { kind: 'unknown' };
  const { reader } = access;
  switch (place.kind) {
    case 'format':
      checkFormat(reader.read('format', path, content).format);
      return;
    case 'digest': {
      const record = reader.read('digest', path, content);
      if (digestPath(place.model, record.sha256) !== path) {
        inventory.defects.push(
          error('misplaced', path, `says that it is about ${record.sha256}. ${RESTORE}`),
        );
      }
      inventory.digests.set(`${place.model}\n${place.sha256}`, { path, version: record.version });
      return;
    }
    case 'verdict':
    case 'verdict-pack':
      inventory.verdicts.set(path, readVerdicts(reader, path, content));
      return;
    case 'audit':
      readKeptLog(path, content);
      return;
    case 'blob':
      return;
    case 'unknown':
      inventory.defects.push(
        warning('orphan', path, 'is no part of a registry that this version knows; it is left alone.'),
      );
      return;
    default:
      inventory.sources.set(path, readSource(reader, path, inventory.ids.get(path) ?? '', place, content));
  }
}

const kindOf = (thrown: unknown): Defect['kind'] =>
  thrown instanceof QuickServeError && thrown.code === 'REGISTRY_FORMAT_UNKNOWN'
    ? 'unknown-format'
    : thrown instanceof QuickServeError && / holds | says that it is /.test(thrown.message)
      ? 'misplaced'
      : 'malformed';

async function sha256OfBlob(store: ObjectStore, id: string): Promise<string> {
  const hash = createHash('sha256');
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done();
    },
  });
  await store.stream(['cat-file', 'blob', id], sink);
  return hash.digest('hex');
}

async function checkBytes(store: ObjectStore, inventory: Inventory): Promise<number> {
  let checked = 0;
  for (const [path, place] of inventory.places) {
    if (place.kind !== 'blob') continue;
    const id = inventory.ids.get(path) ?? '';
    if ((await store.missing([id])).length > 0) continue;
    const sha256 = await sha256OfBlob(store, id);
    checked += 1;
    if (sha256 !== place.sha256) {
      inventory.defects.push(
        error('wrong-bytes', path, `has other bytes: their sha256 is ${sha256}. ${RESTORE}`),
      );
    }
  }
  return checked;
}

/** Brings every object; those that the server itself has lost are named by their paths. */
async function fetchContents(
  store: ObjectStore,
  state: BranchState,
  inventory: Inventory,
  wanted: readonly string[],
): Promise<void> {
  const idsOf = (paths: readonly string[]): string[] => paths.map(path => inventory.ids.get(path) ?? '');
  try {
    await store.ensureBlobs(idsOf(wanted));
    return;
  } catch (thrown) {
    if (thrown instanceof QuickServeError && thrown.code === 'REMOTE_REFUSED') throw thrown;
  }
  // The server could not give them all: one by one, to know which.
  for (const path of wanted) {
    try {
      await store.ensureBlobs(idsOf([path]));
    } catch (thrown) {
      inventory.defects.push(
        error(
          'unreadable',
          path,
          `cannot be had from the server, whose repository is damaged: ${messageOf(thrown)}`,
        ),
      );
    }
  }
  if (state.tip === null) throw new Error('unreachable: a branch without a tip has no files');
}

/**
 * Reads a branch that is in the store, or can be fetched into it, and checks it all: formats, places, references, ids, and
 * with `bytes` the sha256 of every model.
 */
export async function verifyState(
  access: RegistryAccess,
  store: ObjectStore,
  state: BranchState,
  options: { readonly bytes: boolean },
): Promise<VerifyOutcome> {
  const ids = await state.listAllFiles();
  const places = new Map([...ids.keys()].map(path => [path, placeOf(path)]));
  const inventory: Inventory = {
    places,
    ids,
    sources: new Map(),
    digests: new Map(),
    verdicts: new Map(),
    defects: [],
  };
  for (const { ref, why } of state.unusable) {
    inventory.defects.push(
      error(
        'inbox',
        ref,
        `waits in the inbox and cannot be merged: ${why}. Delete the ref when it is of no use.`,
      ),
    );
  }
  if (state.tip !== null && !places.has(REGISTRY_FILE)) {
    inventory.defects.push(
      error('missing', REGISTRY_FILE, `is missing: nobody can write to this branch. ${RESTORE}`),
    );
  }
  const isRecord = (path: string): boolean => places.get(path)?.kind !== 'blob';
  const records = [...ids.keys()].filter(isRecord);
  await fetchContents(store, state, inventory, options.bytes ? [...ids.keys()] : records);
  const objects = await store.readObjects([...new Set(records.map(path => ids.get(path) ?? ''))]);
  for (const path of records) {
    const object = objects.get(ids.get(path) ?? '');
    if (object === undefined) continue;
    try {
      readOne(access, inventory, path, object.content);
    } catch (thrown) {
      inventory.defects.push(
        error(kindOf(thrown), path, messageOf(thrown).replace(' Nothing was changed.', '')),
      );
    }
  }
  checkReferences(inventory);
  checkDuplicates(inventory);
  const blobs = options.bytes ? await checkBytes(store, inventory) : 0;
  const sources = [...inventory.sources.values()];
  return {
    tip: state.tip,
    files: ids.size,
    models: new Set([...places.values()].flatMap(place => ('model' in place ? [place.model] : []))).size,
    versions: sources.filter(({ kind }) => kind === 'version').length,
    records: sources.reduce((sum, source) => sum + ('records' in source ? source.records.length : 1), 0),
    blobs,
    defects: inventory.defects.sort((one, other) => (one.path < other.path ? -1 : 1)),
    looseMonths: closedMonths(ids, firstOpenMonth(access.options.now())).length,
  };
}

/**
 * Walks the whole branch, its inbox included. @throws QuickServeError REMOTE_UNREACHABLE, REMOTE_REFUSED, and
 * REGISTRY_MALFORMED where not even the tree can be read.
 */
export async function verifyRegistry(
  access: RegistryAccess,
  options: { readonly bytes: boolean },
): Promise<VerifyOutcome> {
  await using store = await access.openStore();
  const state = await access.openState(store, 'blob:none');
  return await verifyState(access, store, state, options);
}
