import { createHash } from 'node:crypto';
import type { Fingerprint } from '../../benchmark/measurement.ts';
import type { EventRequest } from '../../registry/event-plan.ts';
import { foldModel } from '../../registry/lifecycle.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import { HEALTHY, type Health, nextHealth, type Transition } from '../../regression/health.ts';
import type { AlertItem } from '../../report/alerts/news.ts';
import { formatCount } from '../../report/format-values.ts';
import { degradedMachines, type RememberedHealth } from './production-series.ts';
import type { WatchedModel } from './watched-model.ts';

/** One model on one kind of machine, what is known of it, and what follows. */
export interface HealthCase {
  readonly model: string;
  readonly version: string;
  /** Key of the fingerprint. */
  readonly fingerprint: string;
  readonly machine: string;
  readonly remembered: RememberedHealth | null;
  readonly health: Health;
  readonly change: Transition['kind'] | 'retired';
  /** Names the health: as remembered where it is the same. */
  readonly key: string;
  readonly acceptedFrom: string | null;
  readonly onset: string | null;
}

/** A machine in words: what the key of a fingerprint stands for. */
export const machineWords = ({ cpuModel, cores, runtimeVersion }: Fingerprint): string =>
  `${cpuModel}, ${formatCount(cores, 'core')}, onnxruntime ${runtimeVersion}`;

const keyOf = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);

interface Facts {
  readonly at: string;
  /** Names of models whose present level is taken as the normal one. */
  readonly accepted: ReadonlySet<string>;
}

function caseOf(watched: WatchedModel, { at, accepted }: Facts): readonly HealthCase[] {
  const { production, found } = watched;
  if (found === null) return [];
  const { fingerprint, remembered, problems, onset } = found;
  const model = production.name;
  const { version } = production.version.version;
  const told = remembered?.health ?? null;
  const transition = nextHealth(told, { version, problems, at }, accepted.has(model));
  const isSame = transition.kind === 'same' && remembered !== null;
  return [
    {
      model,
      version,
      fingerprint: fingerprint.key,
      machine: machineWords(fingerprint),
      remembered,
      health: transition.health,
      change: transition.kind,
      key: isSame ? remembered.key : keyOf([model, fingerprint.key, transition.health, at]),
      acceptedFrom: transition.kind === 'accepted' ? (told?.since ?? at) : null,
      onset,
    },
  ];
}

/**
 * What this run found, and what is remembered of other machines: they stay as they are, unless the model is accepted as
 * it is, or is not in production any more.
 */
export function healthCases(
  registry: RegistryState,
  watched: readonly WatchedModel[],
  facts: Facts,
): readonly HealthCase[] {
  const own = watched.flatMap(each => caseOf(each, facts));
  const isOwn = (model: string, fingerprint: string): boolean =>
    own.some(each => each.model === model && each.fingerprint === fingerprint);
  const others = [...registry.models.values()].flatMap(model => {
    const inProduction = foldModel(model).production !== null;
    return degradedMachines(model)
      .filter(({ fingerprint }) => !isOwn(model.name, fingerprint))
      .map(({ fingerprint, remembered, machine }): HealthCase => {
        const { health } = remembered;
        const { version } = health;
        const change = !inProduction ? 'retired' : facts.accepted.has(model.name) ? 'accepted' : 'same';
        const next = change === 'same' ? health : { ...HEALTHY, version };
        return {
          model: model.name,
          version,
          fingerprint,
          machine: machine === null ? fingerprint : machineWords(machine),
          remembered,
          health: next,
          change,
          key: change === 'same' ? remembered.key : keyOf([model.name, fingerprint, next, facts.at]),
          acceptedFrom: change === 'accepted' ? health.since : null,
          onset: null,
        };
      });
  });
  return [...own, ...others];
}

/** What a place is to be told of a case; null: it knows, or was never told that anything was wrong. */
export function itemFor(each: HealthCase, place: string): AlertItem | null {
  const told = each.remembered?.told[place];
  if (told === each.key) return null;
  if (each.health.state === 'healthy' && told === undefined) return null;
  return itemOf(each, changeFor(each, told !== undefined));
}

/** A place that missed a message is told as if it happened now. */
function changeFor({ change, health }: HealthCase, knowsOfIt: boolean): AlertItem['change'] {
  if (health.state === 'degraded' && !knowsOfIt) return 'degraded';
  if (change !== 'same') return change;
  return health.state === 'degraded' ? 'changed' : 'recovered';
}

export function itemOf(each: HealthCase, change: AlertItem['change']): AlertItem {
  const { model, version, health, machine, onset } = each;
  return { model, version, change, health, machine, onset };
}

/** The event that remembers a case and who was told; null where nothing of it is new. */
export function healthEvent(each: HealthCase, told: Readonly<Record<string, string>>): EventRequest | null {
  const before = each.remembered?.told ?? {};
  const toldIsNew = Object.entries(told).some(([place, key]) => before[place] !== key);
  if (each.change === 'same' && !toldIsNew) return null;
  // A place that was never told that something is wrong needs no entry when nothing is.
  return {
    model: each.model,
    version: each.version,
    reason: null,
    content: {
      kind: 'health',
      fingerprint: each.fingerprint,
      state: each.health.state,
      since: each.health.since,
      problems: each.health.problems,
      acceptedFrom: each.acceptedFrom,
      key: each.key,
      told: { ...before, ...told },
    },
  };
}
