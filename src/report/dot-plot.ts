import type { MetricComparison } from '../regression/verdict.ts';
import { median } from '../shared/quantile.ts';
import { escapeHtml } from './escape.ts';
import {
  formatDifference,
  formatPercent,
  formatSignedPercent,
  formatTicks,
  formatValue,
} from './format-values.ts';
import { axisTicks, plottable } from './strip-plot.ts';

/** Charts as inline SVG: no script, no style attribute, colours from the page's style sheet. */

const WIDTH = 760;
const LEFT = 92;
const RIGHT = 24;
const DOT = 4;
const MAX_DOTS = 400;

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly x: (value: number) => number;
}

const round = (value: number): string => value.toFixed(1).replace(/\.0$/u, '');

function axisOver(values: readonly number[], padding: number): Axis {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const spread = high - low || Math.abs(high) * 0.1 || 1;
  const from = low - spread * padding;
  const to = high + spread * padding;
  return { from, to, x: value => LEFT + ((value - from) / (to - from)) * (WIDTH - LEFT - RIGHT) };
}

function axisMarks(axis: Axis, y: number, labels: (ticks: readonly number[]) => readonly string[]): string {
  const ticks = axisTicks(axis.from, axis.to, 6);
  const words = labels(ticks);
  return ticks
    .map((tick, index) => {
      const x = round(axis.x(tick));
      return `<line class="axis" x1="${x}" y1="14" x2="${x}" y2="${y}"/><text x="${x}" y="${y + 16}" text-anchor="middle">${escapeHtml(words[index] ?? '')}</text>`;
    })
    .join('');
}

/** Dots that would cover each other are stacked around the row's middle. */
function swarm(values: readonly number[], axis: Axis, middle: number, kind: 'base' | 'candidate'): string {
  const placed: { readonly x: number; readonly y: number }[] = [];
  for (const value of values.slice(0, MAX_DOTS).toSorted((a, b) => a - b)) {
    const x = axis.x(value);
    let y = middle;
    for (
      let step = 1;
      step <= 10 && placed.some(dot => Math.hypot(dot.x - x, dot.y - y) < DOT * 2);
      step += 1
    ) {
      y = middle + (step % 2 === 1 ? 1 : -1) * Math.ceil(step / 2) * DOT * 1.1;
    }
    placed.push({ x, y });
  }
  const dots = placed
    .map(({ x, y }) => `<circle class="${kind}" cx="${round(x)}" cy="${round(y)}" r="${DOT}"/>`)
    .join('');
  const x = round(axis.x(median(values)));
  return `${dots}<line class="${kind} median" x1="${x}" y1="${middle - 22}" x2="${x}" y2="${middle + 22}"/>`;
}

/** The measured launches of base and candidate as dots, a bar at each median; null where there are none. */
export function samplesFigure(comparison: MetricComparison): string | null {
  const { unit } = comparison;
  const samples = {
    base: plottable(comparison.samples?.base ?? []),
    candidate: plottable(comparison.samples?.candidate ?? []),
  };
  if (samples.base.length === 0 || samples.candidate.length === 0) return null;
  const axis = axisOver([...samples.base, ...samples.candidate], 0.05);
  const text = `Medians: base ${formatValue(median(samples.base), unit)}, candidate ${formatValue(median(samples.candidate), unit)}.`;
  return `<figure><figcaption>Latency of each launch; the bar is the median.</figcaption><svg viewBox="0 0 ${WIDTH} 156" role="img" aria-label="${escapeHtml(`Dot plot of latency. ${samples.base.length} launches. ${text}`)}">${axisMarks(axis, 128, ticks => formatTicks(ticks, unit))}<text class="label" x="0" y="49">base</text><text class="label" x="0" y="101">candidate</text>${swarm(samples.base, axis, 45, 'base')}${swarm(samples.candidate, axis, 97, 'candidate')}</svg></figure>`;
}

/** The difference with its interval against no change and the tolerance; null where there is no interval. */
export function intervalFigure(comparison: MetricComparison): string | null {
  const { difference, policy } = comparison;
  if (difference === null || difference.low === difference.high) return null;
  const limit = policy.maxRegression;
  const drawn = [difference.low, difference.high, difference.estimate, limit ?? 0];
  if (plottable(drawn).length < drawn.length) return null;
  const axis = axisOver([0, difference.low, difference.high, ...(limit === null ? [] : [limit])], 0.12);
  const [low, high, middle, zero] = [difference.low, difference.high, difference.estimate, 0].map(value =>
    round(axis.x(value)),
  );
  const tolerance =
    limit === null
      ? ''
      : `<line class="limit" x1="${round(axis.x(limit))}" y1="14" x2="${round(axis.x(limit))}" y2="66"/><text class="limit-text" x="${round(axis.x(limit))}" y="10" text-anchor="middle">tolerated</text>`;
  const words = `Difference ${formatDifference(difference)}${limit === null ? '' : `; ${formatPercent(limit)} is tolerated`}.`;
  return `<figure><figcaption>Difference with its ${escapeHtml(formatPercent(difference.confidence))} interval.</figcaption><svg viewBox="0 0 ${WIDTH} 94" role="img" aria-label="${escapeHtml(words)}">${axisMarks(axis, 66, ticks => ticks.map(formatSignedPercent))}<line class="zero" x1="${zero}" y1="14" x2="${zero}" y2="66"/>${tolerance}<text class="label" x="0" y="46">difference</text><line class="interval" x1="${low}" y1="41" x2="${high}" y2="41"/><line class="interval" x1="${low}" y1="34" x2="${low}" y2="48"/><line class="interval" x1="${high}" y1="34" x2="${high}" y2="48"/><circle class="estimate" cx="${middle}" cy="41" r="5.5"/></svg></figure>`;
}
