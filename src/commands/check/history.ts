import type { MeasurementRecord } from '../../registry/records.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import type { HistoryPoint, ModelHistory, ModelReport, TimedMetricName } from '../../report/report.ts';

/** Measurements of each fingerprint that are read for the report's charts. */
const HISTORY_POINTS = 40;
/** With more models than this the charts would cost more than they say. */
const HISTORY_MODELS_MAX = 50;

/** How many measurements of each fingerprint of a model are worth reading for a check of so many models. */
export const historyLimit = (models: number): number => (models > HISTORY_MODELS_MAX ? 1 : HISTORY_POINTS);

const METRICS: readonly TimedMetricName[] = ['latency', 'load-time', 'memory'];

/** What is looked for: one set of a model's inputs. */
export interface HistoryInputs {
  /** null: not known, as of a model that was not measured now; then the first set of each record counts. */
  readonly digest: string | null;
  /** The first set of a model: what was recorded without saying with which inputs was measured with this one. */
  readonly isFirst: boolean;
}

/** What depends on the inputs is none of a record's values where it was measured with others. */
export function metricsWith(
  record: Pick<MeasurementRecord, 'inputs' | 'metrics' | 'furtherInputs'>,
  { digest, isFirst }: HistoryInputs,
): HistoryPoint['metrics'] {
  const { inputs, metrics, furtherInputs = [] } = record;
  const further = furtherInputs.find(each => each.inputs.digest === digest)?.metrics ?? {};
  const isSame = inputs === undefined || digest === null ? isFirst : inputs.digest === digest;
  const values: Readonly<Record<string, number>> = isSame ? metrics : further;
  const loadTime = isFirst ? metrics['load-time'] : undefined;
  return Object.fromEntries(
    METRICS.flatMap(metric => {
      const value = metric === 'load-time' ? loadTime : values[metric];
      return value === undefined ? [] : [[metric, value]];
    }),
  );
}

/**
 * What was recorded of a model on this very kind of machine with the same inputs, oldest first, or null: other machines
 * and inputs are no comparison.
 */
export function historyOf(
  state: RegistryState | null,
  model: string,
  fingerprint: string | null,
  inputs: HistoryInputs,
): ModelHistory | null {
  if (fingerprint === null) return null;
  const points = historyPoints(state?.models.get(model)?.measurements.get(fingerprint) ?? [], inputs);
  return points.length === 0 ? null : { fingerprint, points };
}

/** The newest measurements with these inputs as a report shows them, oldest first. */
export function historyPoints(
  records: readonly MeasurementRecord[],
  inputs: HistoryInputs,
): readonly HistoryPoint[] {
  return records
    .map((record): HistoryPoint => {
      const { createdAt, commit, version } = record;
      return { createdAt, commit, version, metrics: metricsWith(record, inputs) };
    })
    .filter(({ metrics }) => Object.keys(metrics).length > 0)
    .slice(-HISTORY_POINTS);
}

/** The first set of inputs of a model that was checked. */
export function firstInputsOf({ measurement }: ModelReport): HistoryInputs {
  const digest = measurement.kind === 'not-measured' ? null : (measurement.feedDigest ?? null);
  return { digest, isFirst: true };
}
