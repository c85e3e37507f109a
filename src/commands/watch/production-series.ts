import type { Fingerprint } from '../../benchmark/measurement.ts';
import type { ModelState, VersionState } from '../../registry/lifecycle.ts';
import { foldModel } from '../../registry/lifecycle.ts';
import type { EventRecord, MeasurementRecord } from '../../registry/records.ts';
import type { RegisteredModel, RegistryState } from '../../registry/registry-state.ts';
import type { Health } from '../../regression/health.ts';

/** A model with a version in production. */
export interface ProductionModel {
  readonly name: string;
  readonly model: RegisteredModel;
  readonly state: ModelState;
  readonly version: VersionState;
  /** When it came into production. ISO 8601, UTC; null: from its beginning. */
  readonly since: string | null;
}

/** The models that have a version in production, by name. */
export function productionModels(registry: RegistryState): readonly ProductionModel[] {
  return [...registry.models.values()]
    .flatMap(model => {
      const state = foldModel(model);
      const version = state.production;
      if (version === null) return [];
      return [{ name: model.name, model, state, version, since: version.statusSince?.at ?? null }];
    })
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

type HealthEvent = Extract<EventRecord, { kind: 'health' }>;

const healthEvents = (model: RegisteredModel, fingerprint: string): readonly HealthEvent[] =>
  model.events.filter(
    (event): event is HealthEvent => event.kind === 'health' && event.fingerprint === fingerprint,
  );

/** What the registry remembers of a model on one kind of machine. */
export interface RememberedHealth {
  readonly health: Health;
  /** Names the state. */
  readonly key: string;
  /** Of the state that each place was last told, by the place's name. */
  readonly told: Readonly<Record<string, string>>;
}

/** null: nothing was ever noted. */
export function rememberedHealth(model: RegisteredModel, fingerprint: string): RememberedHealth | null {
  const event = healthEvents(model, fingerprint).at(-1);
  if (event === undefined) return null;
  const { state, since, problems, key, told } = event;
  return { health: { state, version: event.version ?? '', since, problems }, key, told };
}

/** The kinds of machines on which a model is known to be worse. `machine`: null where nothing is recorded of it. */
export function degradedMachines(model: RegisteredModel): readonly {
  readonly fingerprint: string;
  readonly remembered: RememberedHealth;
  readonly machine: Fingerprint | null;
}[] {
  const keys = new Set(model.events.flatMap(event => (event.kind === 'health' ? [event.fingerprint] : [])));
  return [...keys].flatMap(fingerprint => {
    const remembered = rememberedHealth(model, fingerprint);
    if (remembered?.health.state !== 'degraded') return [];
    return [
      { fingerprint, remembered, machine: model.measurements.get(fingerprint)?.at(-1)?.fingerprint ?? null },
    ];
  });
}

/** Whether a measurement is one of what was in production then, or of the very bytes that are now. */
function isOfProduction({ state, version }: ProductionModel, record: MeasurementRecord): boolean {
  if (record.sha256 !== null && record.sha256 === version.version.sha256) return true;
  return state.productionHistory.some(
    span =>
      span.version === record.version &&
      record.createdAt >= span.at &&
      (span.until === null || record.createdAt < span.until),
  );
}

export interface ProductionSeries {
  /** Everything measured of what was in production on this kind of machine, oldest first. */
  readonly all: readonly MeasurementRecord[];
  /**
   * What the present is held against: since somebody last took a level as the normal one, and without the times when it
   * was known to be worse.
   */
  readonly normal: readonly MeasurementRecord[];
}

interface Spell {
  readonly from: string;
  readonly until: string | null;
}

/** Times when the model was known to be worse, and nobody took that for normal. */
function worseSpells(events: readonly HealthEvent[]): readonly Spell[] {
  const spells: { from: string; until: string | null }[] = [];
  for (const { state, since, acceptedFrom, createdAt } of events) {
    const open = spells.at(-1);
    const isOpen = open !== undefined && open.until === null;
    if (state === 'degraded' && since !== null && !isOpen) spells.push({ from: since, until: null });
    if (state !== 'healthy' || !isOpen) continue;
    if (acceptedFrom === null) open.until = createdAt;
    else spells.pop();
  }
  return spells;
}

export function productionSeries(model: ProductionModel, fingerprint: string): ProductionSeries {
  const all = (model.model.measurements.get(fingerprint) ?? []).filter(record =>
    isOfProduction(model, record),
  );
  const events = healthEvents(model.model, fingerprint);
  const acceptedFrom = events.flatMap(event => event.acceptedFrom ?? []).at(-1) ?? '';
  const spells = worseSpells(events);
  const normal = all.filter(
    ({ createdAt }) =>
      createdAt >= acceptedFrom &&
      !spells.some(({ from, until }) => createdAt >= from && (until === null || createdAt < until)),
  );
  return { all, normal };
}
