import type { RegisteredModel } from './model-sources.ts';
import type { EventRecord, RecordAuthor, VersionRecord, VersionStatus } from './records.ts';

/** Who did something, when (by their clock), and why. */
export interface Deed {
  readonly at: string;
  readonly by: RecordAuthor;
  readonly reason: string | null;
}

/** What the events of a version add up to. */
export interface VersionState {
  readonly version: VersionRecord;
  readonly status: VersionStatus;
  /** When the status was given; null where it is the first one. */
  readonly statusSince: Deed | null;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly notes: readonly (Deed & { readonly text: string })[];
  /** Numbers that people gave, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly approvals: readonly (Deed & { readonly status: VersionStatus })[];
  /** null: not deleted. */
  readonly deleted: Deed | null;
  /** The registry says itself that nobody can have the bytes any more; that it does not is no promise. */
  readonly bytesGone: boolean;
}

/** A time during which a version was in production. */
export interface ProductionSpan extends Deed {
  readonly version: string;
  /** Since when; `until` is null for the one that is. */
  readonly until: string | null;
}

export interface ModelState {
  readonly name: string;
  readonly description: string | null;
  readonly owners: readonly string[];
  readonly tags: readonly string[];
  readonly deleted: Deed | null;
  /** Ascending by semantic version, the deleted ones too. */
  readonly versions: readonly VersionState[];
  /** At most one version is in production. */
  readonly production: VersionState | null;
  /** Oldest first. */
  readonly productionHistory: readonly ProductionSpan[];
  readonly events: readonly EventRecord[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type MutableVersion = Mutable<VersionState>;
type MutableModel = Mutable<Omit<ModelState, 'versions' | 'production' | 'productionHistory'>>;

const deedOf = ({ createdAt, author, reason }: EventRecord): Deed => ({
  at: createdAt,
  by: author,
  reason: reason ?? null,
});

function initialState(version: VersionRecord): MutableVersion {
  return {
    version,
    status: version.status ?? 'draft',
    statusSince: null,
    description: version.description ?? null,
    tags: version.tags ?? [],
    notes: [],
    metrics: version.metrics ?? {},
    approvals: [],
    deleted: null,
    bytesGone: version.bytes.kind === 'none',
  };
}

function withTags(
  tags: readonly string[],
  event: Extract<EventRecord, { kind: 'update' }>,
): readonly string[] {
  const removed = new Set(event.removeTags ?? []);
  return [...new Set([...tags, ...(event.addTags ?? [])])].filter(tag => !removed.has(tag));
}

function withMetrics(
  metrics: Readonly<Record<string, number>>,
  changes: Readonly<Record<string, number | null>>,
): Readonly<Record<string, number>> {
  const all = Object.entries({ ...metrics, ...changes });
  return Object.fromEntries(all.filter((entry): entry is [string, number] => entry[1] !== null));
}

function update(
  target: Pick<MutableVersion, 'description' | 'tags'>,
  event: Extract<EventRecord, { kind: 'update' }>,
): void {
  if (event.description !== undefined) target.description = event.description;
  target.tags = withTags(target.tags, event);
}

function applyToVersion(state: MutableVersion, event: EventRecord): void {
  const deed = deedOf(event);
  switch (event.kind) {
    case 'status':
      state.status = event.status;
      state.statusSince = deed;
      return;
    case 'update':
      update(state, event);
      if (event.metrics !== undefined) state.metrics = withMetrics(state.metrics, event.metrics);
      if (event.note !== undefined) state.notes = [...state.notes, { ...deed, text: event.note }];
      return;
    case 'approval':
      state.approvals = [...state.approvals, { ...deed, status: event.status }];
      return;
    case 'tombstone':
      state.deleted ??= deed;
      return;
    default:
  }
}

/** What a model is by now: its records and events, in the order of the events' ids, added up. Pure. */
export function foldModel(model: RegisteredModel): ModelState {
  const versions = new Map(model.versions.map(version => [version.version, initialState(version)]));
  const whole: MutableModel = {
    name: model.name,
    description: model.record?.description ?? null,
    owners: model.record?.owners ?? [],
    tags: model.record?.tags ?? [],
    deleted: null,
    events: model.events,
  };
  const history: Mutable<ProductionSpan>[] = [];
  const endProduction = (at: string): void => {
    const last = history.at(-1);
    if (last !== undefined) last.until ??= at;
  };
  for (const event of model.events) {
    if (event.version === null) {
      if (event.kind === 'update') {
        update(whole, event);
        if (event.owners !== undefined) whole.owners = event.owners;
      }
      if (event.kind === 'purge') {
        const purged = new Set(event.digests);
        for (const state of versions.values()) {
          const { bytes, parts } = state.version;
          if (bytes.kind === 'blob' && parts.some(({ sha256 }) => purged.has(sha256))) state.bytesGone = true;
        }
      }
      if (event.kind === 'tombstone') {
        const deed = deedOf(event);
        whole.deleted ??= deed;
        for (const state of versions.values()) state.deleted ??= deed;
        endProduction(event.createdAt);
      }
      continue;
    }
    const state = versions.get(event.version);
    const wasInProduction = state?.status === 'production';
    if (event.kind === 'status' && event.status === 'production' && !wasInProduction) {
      // One version is in production: whichever was before is archived by the same event, also where the model was read
      // without the version that came.
      for (const other of versions.values()) {
        if (other.status !== 'production') continue;
        other.status = 'archived';
        other.statusSince = deedOf(event);
      }
      endProduction(event.createdAt);
      if (state !== undefined) history.push({ version: event.version, until: null, ...deedOf(event) });
    }
    if (state === undefined) continue;
    applyToVersion(state, event);
    if (wasInProduction && (state.status !== 'production' || state.deleted !== null)) {
      endProduction(event.createdAt);
    }
  }
  const states = [...versions.values()];
  return {
    ...whole,
    versions: states,
    production: states.find(({ status, deleted }) => status === 'production' && deleted === null) ?? null,
    productionHistory: history,
  };
}
