import { foldModel, type ModelState, type VersionState } from '../../registry/lifecycle.ts';
import type { RegisteredModel } from '../../registry/model-sources.ts';
import { countClosed } from '../../registry/month-packing.ts';
import { selectModel } from '../../registry/selector.ts';
import {
  matchesFilter,
  metricsOf,
  parseRange,
  parseStatus,
  type VersionFilter,
} from '../../registry/version-filter.ts';
import type { CommandResult } from '../command-result.ts';
import type { Surroundings } from '../surroundings.ts';
import { openSession, type RegistryCommandOptions, readExisting } from './session.ts';
import { compactionHint, dayOf, metricText, table } from './texts.ts';

export interface ListOptions extends RegistryCommandOptions {
  readonly status: readonly string[];
  readonly tag: readonly string[];
  readonly author?: string;
  readonly where: readonly string[];
  readonly search?: string;
  readonly deleted?: boolean;
}

function filterOf(options: ListOptions): VersionFilter {
  return {
    statuses: options.status.map(parseStatus),
    tags: options.tag,
    author: options.author ?? null,
    ranges: options.where.map(parseRange),
    search: options.search ?? null,
    deleted: options.deleted === true,
  };
}

/** A version as `--json` prints it: the record, and what its events add up to. */
export function versionDocument(model: RegisteredModel, state: VersionState): object {
  const { version, ...life } = state;
  return { ...version, ...life, metrics: metricsOf(model, state) };
}

function matching(
  filter: VersionFilter,
  model: RegisteredModel,
): { whole: ModelState; versions: VersionState[] } {
  const whole = foldModel(model);
  return { whole, versions: whole.versions.filter(state => matchesFilter(filter, model, whole, state)) };
}

/** The status, and what else should not be overlooked. */
const statusText = ({ status, deleted, bytesGone }: VersionState): string =>
  [status, ...(deleted === null ? [] : ['deleted']), ...(bytesGone ? ['bytes gone'] : [])].join(', ');

/** Whether a table has a column of this metric in any case. */
const isShown = (metric: string): boolean => metric === 'size' || metric === 'latency';

/** `registry list`: models, each with its newest version that the filters let through. */
export async function listModels(options: ListOptions, world: Surroundings): Promise<CommandResult> {
  const filter = filterOf(options);
  const session = await openSession(options, world);
  const { models, looseMonths } = await readExisting(session, { measurementLimit: 1 });
  const found = [...models.values()]
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap(model => {
      const { whole, versions } = matching(filter, model);
      const newest = versions.at(-1);
      return newest === undefined ? [] : [{ model, whole, versions, newest }];
    });
  const rows = found.map(({ model, whole, versions, newest }) => [
    model.name,
    newest.version.version,
    statusText(newest),
    whole.production?.version.version ?? '',
    String(versions.length),
    metricText('size', newest.version.sizeBytes),
    metricText('latency', metricsOf(model, newest)['latency']),
    [...whole.tags, ...newest.tags].join(', '),
    dayOf(newest.version.createdAt),
    newest.version.author.name,
  ]);
  const header = [
    'model',
    'newest',
    'status',
    'production',
    'versions',
    'size',
    'latency',
    'tags',
    'recorded',
    'by',
  ];
  const none = models.size === 0 ? 'The registry has no versions yet.' : 'No version matches.';
  return {
    document: {
      models: found.map(({ model, whole, versions, newest }) => ({
        name: model.name,
        description: whole.description,
        owners: whole.owners,
        tags: whole.tags,
        newest: newest.version.version,
        status: newest.status,
        deleted: newest.deleted !== null,
        bytesGone: newest.bytesGone,
        production: whole.production?.version.version ?? null,
        versions: versions.length,
        metrics: metricsOf(model, newest),
      })),
    },
    text:
      (rows.length === 0 ? none : table(header, rows, 'llllrrrlll')) +
      compactionHint(countClosed(looseMonths, world.now())),
    exitCode: 0,
  };
}

/** `registry versions MODEL`: its versions that the filters let through, oldest first. */
export async function listVersions(
  options: ListOptions & { readonly model: string },
  world: Surroundings,
): Promise<CommandResult> {
  const filter = filterOf(options);
  const session = await openSession(options, world);
  const registry = await readExisting(session, { models: [options.model], measurementLimit: 20 });
  const { model } = selectModel(registry, options.model);
  const { whole, versions } = matching(filter, model);
  const asked = [...new Set(filter.ranges.map(({ metric }) => metric))].filter(metric => !isShown(metric));
  const rows = versions.map(state => [
    state.version.version,
    statusText(state),
    state.version.bump,
    metricText('size', state.version.sizeBytes),
    metricText('latency', metricsOf(model, state)['latency']),
    state.version.sha256.slice(0, 12),
    state.version.source.commit?.slice(0, 10) ?? '',
    state.bytesGone ? 'gone' : state.version.bytes.kind,
    ...asked.map(metric => metricText(metric, metricsOf(model, state)[metric])),
    state.tags.join(', '),
    dayOf(state.version.createdAt),
    state.version.author.name,
  ]);
  const header = [
    'version',
    'status',
    'bump',
    'size',
    'latency',
    'sha256',
    'commit',
    'bytes',
    ...asked,
    'tags',
    'recorded',
    'by',
  ];
  return {
    document: {
      model: model.name,
      description: whole.description,
      production: whole.production?.version.version ?? null,
      versions: versions.map(state => versionDocument(model, state)),
    },
    text:
      rows.length === 0
        ? 'No version matches.'
        : table(header, rows, `lllrrlll${'r'.repeat(asked.length)}lll`),
    exitCode: 0,
  };
}
