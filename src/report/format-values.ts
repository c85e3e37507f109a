import type { MetricUnit, RelativeDifference } from '../regression/verdict.ts';

/** Numbers for people. A no-break space stands before a unit; the minus is the typographic one. */

const SPACE = '\u00A0';
const MINUS = '−';

/** A unit for people, and how many of the metric's own unit it has. */
export interface Scale {
  readonly unit: string;
  readonly size: number;
}

const TIME_SCALES: readonly Scale[] = [
  { unit: 's', size: 1000 },
  { unit: 'ms', size: 1 },
  { unit: 'µs', size: 0.001 },
];
const BYTE_SCALES: readonly Scale[] = [
  { unit: 'TB', size: 1e12 },
  { unit: 'GB', size: 1e9 },
  { unit: 'MB', size: 1e6 },
  { unit: 'KB', size: 1e3 },
  { unit: 'B', size: 1 },
];
const COUNT_SCALES: readonly Scale[] = [
  { unit: 'G', size: 1e9 },
  { unit: 'M', size: 1e6 },
  { unit: '', size: 1 },
];

const RATE_SCALES: readonly Scale[] = [
  { unit: 'M/s', size: 1e6 },
  { unit: '/s', size: 1 },
];

const SCALES: Readonly<Record<MetricUnit, readonly Scale[]>> = {
  ms: TIME_SCALES,
  bytes: BYTE_SCALES,
  count: COUNT_SCALES,
  'per-second': RATE_SCALES,
};

/** The unit in which the largest of the values is at least one. */
export function scaleFor(values: readonly number[], unit: MetricUnit): Scale {
  const scales = SCALES[unit];
  const smallest = scales.at(-1) ?? { unit: '', size: 1 };
  const largest = Math.max(...values.map(Math.abs));
  return scales.find(scale => largest >= scale.size) ?? smallest;
}

const groupThousands = (digits: string): string => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');

/** `value` with `significant` digits, never in exponent notation, whole numbers left whole. */
function toDigits(value: number, significant: number, scale: Scale): string {
  const scaled = value / scale.size;
  const magnitude = scaled === 0 ? 0 : Math.floor(Math.log10(Math.abs(scaled)));
  const exact = scale.size === 1 && Number.isInteger(value);
  const decimals = exact ? 0 : Math.min(9, Math.max(0, significant - 1 - magnitude));
  const text = Math.abs(scaled).toFixed(decimals);
  const [whole = '0', fraction] = text.split('.');
  const sign = scaled < 0 && Number(text) !== 0 ? MINUS : '';
  return `${sign}${groupThousands(whole)}${fraction === undefined ? '' : `.${fraction}`}`;
}

const withUnit = (digits: string, scale: Scale): string =>
  scale.unit === '' ? digits : `${digits}${SPACE}${scale.unit}`;

/** `1.84 ms`, `14.2 MB`, `3,496`: one value with its unit, three significant digits. */
export function formatValue(value: number, unit: MetricUnit): string {
  const scale = scaleFor([value], unit);
  return withUnit(toDigits(value, 3, scale), scale);
}

/**
 * Base and candidate in one unit, with as many digits as it takes to tell them apart (3 to 6):
 * `{base: '1.84', candidate: '2.21', unit: 'ms'}`.
 */
export function formatPair(
  base: number,
  candidate: number,
  unit: MetricUnit,
): { readonly base: string; readonly candidate: string; readonly unit: string } {
  const scale = scaleFor([base, candidate], unit);
  for (let significant = 3; ; significant += 1) {
    const pair = {
      base: toDigits(base, significant, scale),
      candidate: toDigits(candidate, significant, scale),
      unit: scale.unit,
    };
    if (pair.base !== pair.candidate || base === candidate || significant === 6) return pair;
  }
}

/** `1.84 → 2.21 ms`; equal values are shown once with `=`. */
export function formatTransition(base: number | null, candidate: number | null, unit: MetricUnit): string {
  if (base === null && candidate === null) return '';
  if (base === null) return formatValue(candidate ?? 0, unit);
  if (candidate === null) return formatValue(base, unit);
  if (base === candidate) return `${formatValue(candidate, unit)} =`;
  const pair = formatPair(base, candidate, unit);
  const suffix = pair.unit === '' ? '' : `${SPACE}${pair.unit}`;
  return pair.base === pair.candidate
    ? `${pair.candidate}${suffix} ≈`
    : `${pair.base} → ${pair.candidate}${suffix}`;
}

/** The marks of an axis in one unit with the decimals that their distance needs: `1.80 ms`, `2.00 ms`. */
export function formatTicks(ticks: readonly number[], unit: MetricUnit): readonly string[] {
  const scale = scaleFor(ticks, unit);
  const step = Math.abs((ticks[1] ?? 0) - (ticks[0] ?? 0)) / scale.size;
  const decimals = step > 0 ? Math.min(9, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))) : 3;
  return ticks.map(tick => withUnit((tick / scale.size).toFixed(decimals), scale));
}

/** A ratio (0.201) as a signed number of percent without the sign of percent: `+20.1`. */
export function formatSignedPercentNumber(ratio: number): string {
  const percent = ratio * 100;
  const magnitude = Math.abs(percent);
  const decimals = magnitude >= 99.95 ? 0 : magnitude >= 0.05 || magnitude === 0 ? 1 : 2;
  const digits = magnitude.toFixed(decimals);
  if (Number(digits) === 0) return '±0';
  return `${percent < 0 ? MINUS : '+'}${groupThousands(digits)}`;
}

/** A ratio as percent with its sign: `+20.1 %`, `−3.0 %`, `±0 %`. */
export function formatSignedPercent(ratio: number): string {
  return `${formatSignedPercentNumber(ratio)}${SPACE}%`;
}

/** A tolerance or a share, without sign: `5 %`, `2.5 %`. */
export function formatPercent(ratio: number): string {
  return `${Number((ratio * 100).toFixed(2))}${SPACE}%`;
}

/** `+19.4 … +20.9 %`. */
export function formatInterval(difference: RelativeDifference): string {
  return `${formatSignedPercentNumber(difference.low)} … ${formatSignedPercentNumber(difference.high)}${SPACE}%`;
}

/** The difference alone where it is exact, with its interval where it was measured: `+20.1 % (+19.4 … +20.9 %)`. */
export function formatDifference(difference: RelativeDifference): string {
  const estimate = formatSignedPercent(difference.estimate);
  return difference.low === difference.high ? estimate : `${estimate} (${formatInterval(difference)})`;
}

/** How much, in words for a headline, without decimals where they say nothing: `20 %`, `0.4 %`. */
export function formatAmount(ratio: number): string {
  const percent = Math.abs(ratio) * 100;
  const digits =
    percent >= 10
      ? percent.toFixed(0)
      : percent >= 1
        ? percent.toFixed(1).replace(/\.0$/u, '')
        : percent.toFixed(2);
  return `${groupThousands(digits)}${SPACE}%`;
}

/** A duration for people: `820 ms`, `52 s`, `3 min 20 s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)}${SPACE}ms`;
  const seconds = durationMs / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)}${SPACE}s`;
  if (Math.round(seconds) < 120) return `${Math.round(seconds)}${SPACE}s`;
  const whole = Math.round(seconds);
  if (whole < 7200) return `${Math.floor(whole / 60)}${SPACE}min ${whole % 60}${SPACE}s`;
  return `${Math.floor(whole / 3600)}${SPACE}h ${Math.floor((whole % 3600) / 60)}${SPACE}min`;
}

/** `1 model`, `4 models`. */
export function formatCount(count: number, singular: string, plural = `${singular}s`): string {
  return `${groupThousands(String(count))} ${count === 1 ? singular : plural}`;
}

/** `float32[1, N, ?]`, in the notation that people know from stack traces; an unknown rank is `[…]`. */
export function formatShape(shape: readonly (number | string | null)[] | null): string {
  if (shape === null) return '[…]';
  return `[${shape.map(dimension => dimension ?? '?').join(', ')}]`;
}
