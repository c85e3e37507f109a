import type { MetricUnit } from '../regression/verdict.ts';
import { median } from '../shared/quantile.ts';
import { scaleFor } from './format-values.ts';

/** A distribution in one line of text, for places without graphics. */

const DENSITY = ['·', ':', '+', '#'] as const;

/** Nothing that was measured is larger or, but for zero, smaller; a report may say anything. */
const PLAUSIBLE_MAX = 1e15;
const PLAUSIBLE_MIN = 1e-12;

/** The values that can be drawn on an axis without running out of digits. */
export function plottable(values: readonly number[]): readonly number[] {
  return values
    .filter(value => Math.abs(value) < PLAUSIBLE_MAX)
    .map(value => (Math.abs(value) < PLAUSIBLE_MIN ? 0 : value));
}

/** The values where an axis from `low` to `high` has its marks: 1, 2 or 5 times a power of ten apart. */
export function axisTicks(low: number, high: number, wanted: number): readonly number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find(factor => factor * power >= rough) ?? 10) * power;
  const ticks: number[] = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index += 1) {
    ticks.push(Number((index * step).toPrecision(12)));
  }
  return ticks;
}

export interface Series {
  readonly label: string;
  readonly values: readonly number[];
}

/**
 * Lines of monospaced text: an axis with its title and unit (of the largest value), then one line a series with a mark for each value (denser marks for
 * more values in the same place) and `●` at its median. Empty where there is nothing to draw.
 */
export function stripPlot(
  series: readonly Series[],
  title: string,
  unit: MetricUnit,
  width = 44,
): readonly string[] {
  const given = series.flatMap(({ values }) => plottable(values));
  if (given.length === 0) return [];
  const scale = scaleFor(given, unit);
  const drawn = series
    .map(({ label, values }) => ({ label, values: plottable(values).map(value => value / scale.size) }))
    .filter(({ values }) => values.length > 0);
  const all = drawn.flatMap(({ values }) => values);
  const head = scale.unit === '' ? title : `${title} ${scale.unit}`;
  const low = Math.min(...all);
  const high = Math.max(...all);
  const spread = high - low || Math.abs(high) * 0.1 || 1;
  const from = low - spread * 0.06;
  const to = high + spread * 0.06;
  const column = (value: number): number => Math.round(((value - from) / (to - from)) * (width - 1));
  const labelWidth = Math.max(head.length, ...drawn.map(({ label }) => label.length)) + 2;
  return [
    // Five intervals always have two marks in them; those that would touch are left out.
    `${head.padEnd(labelWidth)}${axisLine(axisTicks(from, to, 5), column, width)}`,
    ...drawn.map(({ label, values }) => `${label.padEnd(labelWidth)}${marks(values, column, width)}`),
  ].map(line => line.trimEnd());
}

function axisLine(ticks: readonly number[], column: (value: number) => number, width: number): string {
  const step = ticks.length > 1 ? (ticks[1] ?? 0) - (ticks[0] ?? 0) : 1;
  const decimals = Math.max(0, -Math.floor(Math.log10(Math.abs(step) || 1) + 1e-9));
  let line = '';
  for (const tick of ticks) {
    const text = tick.toFixed(decimals);
    const start = Math.max(0, column(tick) - Math.floor(text.length / 2));
    if (start + text.length > width + 2 || (line !== '' && start < line.length + 2)) continue;
    line = `${line.padEnd(start)}${text}`;
  }
  return line;
}

function marks(values: readonly number[], column: (value: number) => number, width: number): string {
  const counts = Array.from({ length: width }, () => 0);
  for (const value of values) {
    const place = column(value);
    counts[place] = (counts[place] ?? 0) + 1;
  }
  const typical = column(median(values));
  return counts
    .map((count, index) =>
      index === typical ? '●' : count === 0 ? ' ' : DENSITY[Math.min(count, DENSITY.length) - 1],
    )
    .join('')
    .trimEnd();
}
