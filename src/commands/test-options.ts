import {
  type AccuracyMetric,
  isAccuracyMetric,
  isErrorMetric,
  METRIC_NAMES,
} from '../cases/accuracy-metrics.ts';
import type { AccuracyPolicy } from '../cases/accuracy-report.ts';
import { QuickServeError } from '../shared/errors.ts';
import { nearestWord } from '../shared/nearest-word.ts';

export const usage = (message: string, hint: string): QuickServeError =>
  new QuickServeError({ code: 'USAGE', message, hint });

const METRIC_HINT = 'For example --metric top-1, --metric "f1>=0.9" or --metric "accuracy drop<=0.01".';

/** `top-1`, `f1>=0.9`, `mae<=0.2`, `accuracy drop<=0.01`, and both limits together. @throws QuickServeError USAGE. */
export function parseMetric(text: string): {
  readonly metric: AccuracyMetric;
  readonly policy: AccuracyPolicy;
} {
  const match = /^\s*([a-z0-9-]+)\s*(?:([<>]=)\s*([\d.eE+-]+))?\s*(?:drop\s*<=\s*([\d.eE+-]+))?\s*$/.exec(
    text,
  );
  const metric = match?.[1] ?? '';
  if (match === null) {
    const percent = text.includes('%') ? 'Limits are shares: 0.95, not 95%. ' : '';
    throw usage(`--metric: "${text}" is no metric with a limit.`, `${percent}${METRIC_HINT}`);
  }
  if (!isAccuracyMetric(metric)) {
    const nearest = nearestWord(metric, METRIC_NAMES);
    const meant =
      nearest === undefined ? `There are ${METRIC_NAMES.join(', ')}.` : `Did you mean ${nearest}?`;
    throw usage(`--metric: there is no metric "${metric}".`, meant);
  }
  const min = match[3] === undefined ? null : Number(match[3]);
  const maxDrop = match[4] === undefined ? null : Number(match[4]);
  if (Number.isNaN(min) || Number.isNaN(maxDrop))
    throw usage(`--metric: "${text}" has a limit that is no number.`, METRIC_HINT);
  const wanted = isErrorMetric(metric) ? '<=' : '>=';
  if (match[2] !== undefined && match[2] !== wanted)
    throw usage(`--metric: ${metric} is limited with ${wanted}.`, METRIC_HINT);
  return { metric, policy: { min, maxDrop } };
}

/** @throws QuickServeError USAGE. */
export function readTolerance(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0))
    throw usage(`${name}: "${text}" is no number of at least 0.`, 'For example --atol 1e-5.');
  return value;
}
