import { metricOf } from './model-verdict.ts';
import type { HistoryPoint, ModelReport, TimedMetricName } from './report.ts';

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
/** Fewer points say nothing about a trend. */
const POINTS_MIN = 3;
/** A bar's foot is at this share of the highest value at most, so that noise of a few percent stays flat. */
const FOOT = 0.75;
/** Nothing that was measured is larger; a report may say anything. */
const PLAUSIBLE_MAX = 1e15;

/** One bar a value; the foot is at the lowest value or at three quarters of the highest, whichever is lower. */
export function sparkline(values: readonly number[]): string {
  const high = Math.max(...values);
  const low = Math.min(...values, high * FOOT);
  const step = (high - low) / (BARS.length - 1) || 1;
  return values.map(value => BARS[Math.round((value - low) / step)] ?? BARS[0]).join('');
}

/** A metric over the recorded measurements, oldest first, and what was measured now. */
export interface MetricHistory {
  readonly points: readonly { readonly point: HistoryPoint; readonly value: number }[];
  readonly now: number | null;
}

/** The last `most` recorded values of a metric, or null where there are too few for a trend. */
export function metricHistory(
  model: ModelReport,
  metric: TimedMetricName,
  most: number,
): MetricHistory | null {
  const points = (model.history?.points ?? [])
    .flatMap(point => {
      const value = point.metrics[metric];
      return value === undefined || !(value > 0 && value < PLAUSIBLE_MAX) ? [] : [{ point, value }];
    })
    .slice(-most);
  if (points.length < POINTS_MIN) return null;
  const now = metricOf(model, metric)?.candidate ?? null;
  return { points, now: now !== null && now > 0 && now < PLAUSIBLE_MAX ? now : null };
}

/** `▃▃▂▃│█`: the recorded values, then this change's; null where there is no trend to show. */
export function historyBars(model: ModelReport, metric: TimedMetricName, most: number): string | null {
  const history = metricHistory(model, metric, most);
  if (history === null) return null;
  const earlier = history.points.map(({ value }) => value);
  if (history.now === null) return sparkline(earlier);
  const bars = [...sparkline([...earlier, history.now])];
  return `${bars.slice(0, -1).join('')}│${bars.at(-1) ?? ''}`;
}
