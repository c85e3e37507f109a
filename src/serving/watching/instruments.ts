import type { ServingWorld } from '../server-parts.ts';
import type { ServerView } from '../watcher.ts';
import { LiveStatistics } from './live-statistics.ts';
import { createServerMetrics, type ServerMetrics } from './metrics.ts';

export interface Instruments {
  readonly metrics: ServerMetrics;
  readonly live: LiveStatistics;
}

const ofServers = new WeakMap<ServerView, Instruments>();

/** The counters of a server: one set for all of its parts, made when the first asks. */
export function instrumentsOf(
  view: ServerView,
  { toolVersion }: Pick<ServingWorld, 'toolVersion'>,
): Instruments {
  const known = ofServers.get(view);
  if (known !== undefined) return known;
  const made = { metrics: createServerMetrics(view, toolVersion), live: new LiveStatistics() };
  ofServers.set(view, made);
  return made;
}
