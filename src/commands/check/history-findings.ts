import type { SoloMeasurement } from '../../benchmark/measurement.ts';
import type { Policy } from '../../config/config.ts';
import { METRIC_FIELDS } from '../../config/config.ts';
import { judgeHistory, trendOf } from '../../regression/history.ts';
import { formatValue } from '../../report/format-values.ts';
import { METRIC_WORDS, TIMED_UNITS } from '../../report/metric-words.ts';
import type { ModelHistory, TimedMetricName } from '../../report/report.ts';
import type { Finding } from '../../shared/finding.ts';

const percent = (ratio: number): string => `${ratio < 0 ? '' : '+'}${(ratio * 100).toFixed(1)} %`;

/**
 * What recorded measurements of the same kind of machine say of a model that could not be measured beside its base.
 * Beyond what is tolerated it is a warning, since another machine of the same label may be the reason; a failure only where
 * `policy.history` and the metric's own gate are hard.
 * @param workload name of the inputs that it was measured with; empty where there is only one set of them.
 */
export function historyFindings(
  measured: SoloMeasurement,
  history: ModelHistory,
  policy: Policy,
  workload = '',
): readonly Finding[] {
  const inputs = workload === '' ? '' : ` (${workload})`;
  const now: Readonly<Record<TimedMetricName, number>> = {
    latency: measured.latencyMs,
    'load-time': measured.loadMs,
    memory: measured.peakRssBytes,
  };
  return (['latency', 'load-time', 'memory'] as const).flatMap((metric): Finding[] => {
    const { gate, maxRegression } = policy[METRIC_FIELDS[metric]];
    const values = history.points.flatMap(({ metrics }) => metrics[metric] ?? []);
    const verdict = judgeHistory(values, now[metric]);
    if (policy.history === 'off' || gate === 'off' || verdict.kind !== 'above') return [];
    const change = now[metric] / verdict.typical - 1;
    if (maxRegression === null || change <= maxRegression) return [];
    const unit = TIMED_UNITS[metric];
    const { lastStep } = trendOf(values);
    const trend = lastStep === null ? '' : ` The recorded level last changed by ${percent(lastStep)}.`;
    return [
      {
        code: 'ABOVE_HISTORY',
        severity: policy.history === 'hard' && gate === 'hard' ? 'error' : 'warning',
        message:
          `${METRIC_WORDS[metric].label}${metric === 'load-time' ? '' : inputs}: ${formatValue(now[metric], unit)} is ${percent(change)} over the typical ` +
          `${formatValue(verdict.typical, unit)} of ${verdict.points} recorded measurements (99 % of them would lie ` +
          `between ${formatValue(verdict.low, unit)} and ${formatValue(verdict.high, unit)}).${trend}`,
        hint:
          'This is weaker evidence than a comparison: the base was not measured here, and machines of the same label ' +
          'differ. Make the bytes of the base available to have a verdict.',
      },
    ];
  });
}
