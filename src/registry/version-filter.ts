import { QuickServeError } from '../shared/errors.ts';
import type { ModelState, VersionState } from './lifecycle.ts';
import type { RegisteredModel } from './model-sources.ts';
import { VERSION_STATUSES, type VersionStatus } from './records.ts';

/** Which versions are wanted; all that is set must hold. */
export interface VersionFilter {
  readonly statuses: readonly VersionStatus[];
  /** Every one of them. */
  readonly tags: readonly string[];
  /** Part of the name or address of who recorded the version. */
  readonly author: string | null;
  readonly ranges: readonly MetricRange[];
  /** Every word, in the model's name, the descriptions, tags and notes. */
  readonly search: string | null;
  readonly deleted: boolean;
}

export interface MetricRange {
  readonly metric: string;
  readonly operator: '<' | '<=' | '>' | '>=' | '=';
  readonly value: number;
}

/** @throws QuickServeError USAGE. */
export function parseStatus(text: string): VersionStatus {
  const status = VERSION_STATUSES.find(candidate => candidate === text);
  if (status !== undefined) return status;
  throw new QuickServeError({
    code: 'USAGE',
    message: `"${text}" is not a status.`,
    hint: `The statuses are ${VERSION_STATUSES.join(', ')}.`,
  });
}

/**
 * Reads `latency<5`, `accuracy>=0.9`.
 * @throws QuickServeError USAGE.
 */
export function parseRange(text: string): MetricRange {
  const match = /^\s*([^<>=\s][^<>=]*?)\s*(<=|>=|<|>|=)\s*(\S+)\s*$/.exec(text);
  const [, metric, operator, number = ''] = match ?? [];
  const value = Number(number);
  const known = (['<', '<=', '>', '>=', '='] as const).find(candidate => candidate === operator);
  if (metric !== undefined && known !== undefined && Number.isFinite(value) && number !== '') {
    return { metric, operator: known, value };
  }
  throw new QuickServeError({
    code: 'USAGE',
    message: `"${text}" is not a range of a metric.`,
    hint: 'Write a metric, one of < <= > >= = and a number, such as --where "latency<5" (ms) or --where "accuracy>=0.9".',
  });
}

/**
 * The numbers of a version by name: those that people gave, the latest measured ones (`latency` in ms, `memory` in bytes,
 * ...), and `size` in bytes.
 */
export function metricsOf(model: RegisteredModel, state: VersionState): Readonly<Record<string, number>> {
  const { version } = state;
  const measured = [...model.measurements.values()]
    .flat()
    .filter(({ sha256, version: of }) =>
      sha256 === null ? of === version.version : sha256 === version.sha256,
    )
    .sort((one, other) => (one.id < other.id ? -1 : 1));
  return Object.assign({ size: version.sizeBytes }, ...measured.map(({ metrics }) => metrics), state.metrics);
}

function holds({ operator, value }: MetricRange, actual: number | undefined): boolean {
  if (actual === undefined) return false;
  switch (operator) {
    case '<':
      return actual < value;
    case '<=':
      return actual <= value;
    case '>':
      return actual > value;
    case '>=':
      return actual >= value;
    case '=':
      return actual === value;
  }
}

export function matchesFilter(
  filter: VersionFilter,
  model: RegisteredModel,
  whole: ModelState,
  state: VersionState,
): boolean {
  const { version } = state;
  if (state.deleted !== null && !filter.deleted) return false;
  if (filter.statuses.length > 0 && !filter.statuses.includes(state.status)) return false;
  const tags = new Set([...whole.tags, ...state.tags]);
  if (!filter.tags.every(tag => tags.has(tag))) return false;
  const author = `${version.author.name} ${version.author.email}`.toLowerCase();
  if (filter.author !== null && !author.includes(filter.author.toLowerCase())) return false;
  if (filter.ranges.length > 0) {
    const metrics = metricsOf(model, state);
    if (!filter.ranges.every(range => holds(range, metrics[range.metric]))) return false;
  }
  if (filter.search === null) return true;
  const notes = state.notes.map(({ text }) => text);
  const text = [model.name, version.version, whole.description, state.description, ...tags, ...notes]
    .join('\n')
    .toLowerCase();
  return filter.search
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}
