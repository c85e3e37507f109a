import { type EventOutcome, type EventRequest, planEvent } from './event-plan.ts';
import {
  type MeasurementAddition,
  measurementFiles,
  measurementRecords,
  planMeasurements,
} from './measurement-plan.ts';
import type { JudgedVerdict } from './promotion.ts';
import type { RecordEntry, RecordOutcome } from './record-entry.ts';
import { type IdentifiedEntry, verdictRecord } from './record-files.ts';
import { planInit, planRecords } from './record-plan.ts';
import type { VerdictRecord, VersionRecord } from './records.ts';
import { checkTip, openAccess, type RegistryAccess, type RegistryOptions } from './registry-access.ts';
import { checkRegistry, readLatestVerdict } from './registry-files.ts';
import { type ReadOptions, type RegistryState, readRegistryState } from './registry-state.ts';
import { placeSigningKey, signVerdict, verifyVerdict } from './ssh-signatures.ts';
import { type VersionTarget, writeBranchBytes } from './version-bytes.ts';

export type { RegistryOptions };

/** How a measurement got to the remote. */
export interface AdditionOutcome {
  readonly via: 'branch' | 'inbox' | 'none';
  /** When the remote had it, on the writer's clock, in milliseconds since the epoch. */
  readonly acceptedAt: number;
}

/** The registry: a branch of a git repository. Every call works in a throw-away store; no clone is touched. */
export interface Registry {
  readonly branch: string;
  /** For the operations on the branch as a whole: compaction, verification, backup and the like. */
  readonly access: RegistryAccess;
  /** Creates the branch where it does not exist. */
  init(): Promise<{ readonly created: boolean }>;
  /**
   * Versions, events and latest measurements of the named models, or of all of this namespace.
   * @throws QuickServeError REGISTRY_MALFORMED, REGISTRY_FORMAT_UNKNOWN, REMOTE_UNREACHABLE, REMOTE_REFUSED.
   */
  read(options?: ReadOptions): Promise<RegistryState>;
  /**
   * Records all entries in one commit, creating the branch where it does not exist. Outcomes are in the entries' order.
   * @throws QuickServeError as `read`, and REGISTRY_WRITE_REFUSED, REGISTRY_CONFLICT, SIGNATURE_FAILED.
   */
  record(entries: readonly RecordEntry[]): Promise<readonly RecordOutcome[]>;
  /**
   * What `record` would do on the branch as it is now; nothing is written.
   * @throws QuickServeError as `read`.
   */
  previewRecord(entries: readonly RecordEntry[]): Promise<readonly RecordOutcome[]>;
  /**
   * Adds measurements without looking at the branch; where it is crowded they wait in the inbox.
   * @throws QuickServeError as `record`.
   */
  addMeasurements(additions: readonly MeasurementAddition[]): Promise<AdditionOutcome>;
  /**
   * Changes the life of a model or a version.
   * @param dryRun says what would happen, and writes nothing.
   * @throws QuickServeError as `record`, and VERSION_NOT_FOUND, VERSION_DELETED, REGISTRY_NOT_INITIALISED.
   */
  addEvent(request: EventRequest, dryRun?: boolean): Promise<EventOutcome>;
  /** The latest verdict on these bytes, and what its signature is worth; null where there is none. */
  readVerdict(model: string, sha256: string): Promise<JudgedVerdict | null>;
  /**
   * Writes the files of a version that is stored on the branch, sha256 checked.
   * @returns the path of the model file; null where its bytes are elsewhere (`version.bytes` says where).
   * @throws QuickServeError VERSION_BYTES_GONE, REGISTRY_MALFORMED where the branch lacks the bytes or has other ones.
   */
  readBytes(version: VersionRecord, target: VersionTarget): Promise<string | null>;
}

/** Opens a registry; nothing is read or written before the first call. */
export function openRegistry(options: RegistryOptions): Registry {
  const access = openAccess(options);
  const { reader } = access;

  const judge = async (verdict: VerdictRecord, scratch: string): Promise<JudgedVerdict> => {
    const { signersFile = null } = options;
    if (verdict.signature === undefined) return { verdict, signature: { kind: 'none' } };
    if (signersFile !== null)
      return { verdict, signature: await verifyVerdict(verdict, signersFile, scratch) };
    return { verdict, signature: { kind: 'invalid', reason: 'registry.signers names no file of signers' } };
  };

  const own = (state: RegistryState): RegistryState => {
    const models = [...state.models.values()].flatMap(model => {
      const name = access.unqualify(model.name);
      return name === null ? [] : [[name, { ...model, name }] as const];
    });
    const names = state.names.flatMap(each => access.unqualify(each) ?? []);
    return { ...state, models: new Map(models), names };
  };

  const qualified = (entries: readonly RecordEntry[]): readonly RecordEntry[] =>
    entries.map(entry => ({ ...entry, model: access.qualify(entry.model) }));

  return {
    branch: access.branch,
    access,
    async init() {
      await using store = await access.openStore();
      const context = access.context();
      return (await access.append(store, state => planInit(state, reader, context))).result;
    },
    async read(readOptions = {}) {
      await using store = await access.openStore();
      const tip = await access.fetchTip(store);
      if (tip.tip === null) return { tip: null, models: new Map(), names: [], looseMonths: [] };
      await checkTip(tip, reader);
      const state = await tip.open();
      const names = readOptions.models?.map(access.qualify);
      const limits = names === undefined ? readOptions : { ...readOptions, models: names };
      return own(await readRegistryState(store, state, reader, access.cache, limits));
    },
    async record(entries) {
      if (entries.length === 0) return [];
      const context = access.context();
      await using store = await access.openStore();
      const key = await placeSigningKey(options.signingKey ?? null, store.gitDir);
      const identified: IdentifiedEntry[] = [];
      for (const entry of qualified(entries)) {
        const verdict = verdictRecord(entry, context);
        const signed =
          verdict === null || key === null ? verdict : await signVerdict(verdict, key, options.author.email);
        identified.push({ entry, verdict: signed });
      }
      const { result } = await access.append(store, state => planRecords(state, reader, identified, context));
      return result.map((outcome, index) => ({ ...outcome, model: entries[index]?.model ?? outcome.model }));
    },
    async previewRecord(entries) {
      await using store = await access.openStore();
      const identified = qualified(entries).map(entry => ({ entry, verdict: null }));
      const state = await access.openState(store, 'tree:0');
      const { result } = await planRecords(state, reader, identified, access.context());
      return result.map((outcome, index) => ({ ...outcome, model: entries[index]?.model ?? outcome.model }));
    },
    async addMeasurements(additions) {
      const context = access.context();
      const named = additions.map(addition => ({ ...addition, model: access.qualify(addition.model) }));
      const records = measurementRecords(named, context);
      await using store = await access.openStore();
      const { via, acceptedAt } = await access.addIndependent(store, {
        files: measurementFiles(records),
        result: null,
        plan: async state => planMeasurements(state, records, context),
      });
      return { via, acceptedAt };
    },
    async addEvent(request, dryRun = false) {
      const context = access.context();
      const named = { ...request, model: access.qualify(request.model) };
      await using store = await access.openStore();
      const judged = (verdict: VerdictRecord) => judge(verdict, store.gitDir);
      if (!dryRun) {
        return (await access.append(store, state => planEvent(state, reader, named, context, judged))).result;
      }
      const state = await access.openState(store, 'tree:0');
      return (await planEvent(state, reader, named, context, judged)).result;
    },
    async readVerdict(model, sha256) {
      await using store = await access.openStore();
      const state = await access.openState(store, 'tree:0');
      if (!(await checkRegistry(state, reader))) return null;
      const verdict = await readLatestVerdict(state, reader, access.qualify(model), sha256);
      return verdict === null ? null : await judge(verdict, store.gitDir);
    },
    async readBytes(version, target) {
      if (version.bytes.kind !== 'blob') return null;
      await using store = await access.openStore();
      const state = await access.openState(store, 'tree:0');
      return await writeBranchBytes(store, state, version, target);
    },
  };
}
