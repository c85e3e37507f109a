import type { RegistryState } from '../../registry/registry-state.ts';
import type { HistoryPoint, ModelHistory, TimedMetricName } from '../../report/report.ts';

/** Measurements of each fingerprint that are read for the report's charts. */
const HISTORY_POINTS = 40;
/** With more models than this the charts would cost more than they say. */
const HISTORY_MODELS_MAX = 50;

/** How many measurements of each fingerprint of a model are worth reading for a check of so many models. */
export const historyLimit = (models: number): number => (models > HISTORY_MODELS_MAX ? 1 : HISTORY_POINTS);

const METRICS: readonly TimedMetricName[] = ['latency', 'load-time', 'memory'];

/** What was recorded of a model on this very kind of machine, oldest first, or null: other machines are no comparison. */
export function historyOf(
  state: RegistryState | null,
  model: string,
  fingerprint: string | null,
): ModelHistory | null {
  if (fingerprint === null) return null;
  const records = state?.models.get(model)?.measurements.get(fingerprint) ?? [];
  const points = records.slice(-HISTORY_POINTS).map(
    ({ createdAt, commit, version, metrics }): HistoryPoint => ({
      createdAt,
      commit,
      version,
      metrics: Object.fromEntries(
        METRICS.flatMap(metric => {
          const value = metrics[metric];
          return value === undefined ? [] : [[metric, value]];
        }),
      ),
    }),
  );
  return points.length === 0 ? null : { fingerprint, points };
}
