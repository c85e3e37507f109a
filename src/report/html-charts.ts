import { escapeHtml, shortenText } from './escape.ts';
import { formatTicks, formatValue } from './format-values.ts';
import { metricHistory } from './history-line.ts';
import { comparesLayers, formatLayerDifference } from './layer-changes.ts';
import { METRIC_WORDS, TIMED_UNITS } from './metric-words.ts';
import type { LayerRow, ModelLayers, ModelReport, TimedMetricName } from './report.ts';
import { axisTicks } from './strip-plot.ts';

/** Charts as inline SVG beside the dot plots: no script, no style attribute, colours from the page's style sheet. */

const WIDTH = 760;
const LEFT = 104;
const RIGHT = 24;
const TOP = 14;
const HEIGHT = 120;
const POINTS_MAX = 60;
const BARS_MAX = 12;
const BAR_HEIGHT = 22;

const round = (value: number): string => value.toFixed(1).replace(/\.0$/u, '');

/** A metric over the recorded measurements, and now, as a line with dots; null where there is no trend to show. */
export function historyFigure(model: ModelReport, metric: TimedMetricName): string | null {
  const history = metricHistory(model, metric, POINTS_MAX);
  if (history === null) return null;
  const unit = TIMED_UNITS[metric];
  const values = [
    ...history.points.map(({ value }) => value),
    ...(history.now === null ? [] : [history.now]),
  ];
  const high = Math.max(...values) * 1.05;
  const low = Math.min(...values) * 0.95;
  const x = (index: number): number => LEFT + (index / (values.length - 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => TOP + HEIGHT - ((value - low) / (high - low || 1)) * HEIGHT;
  const ticks = axisTicks(low, high, 4);
  const words = formatTicks(ticks, unit);
  const grid = ticks
    .map((tick, index) => {
      const at = round(y(tick));
      return `<line class="axis" x1="${LEFT}" y1="${at}" x2="${WIDTH - RIGHT}" y2="${at}"/><text x="${LEFT - 8}" y="${round(y(tick) + 4)}" text-anchor="end">${escapeHtml(words[index] ?? '')}</text>`;
    })
    .join('');
  const line = values.map((value, index) => `${round(x(index))},${round(y(value))}`).join(' ');
  const dots = values
    .map((value, index) => {
      const isNow = history.now !== null && index === values.length - 1;
      const point = history.points[index]?.point;
      const name = isNow
        ? 'this change'
        : (point?.version ?? point?.commit?.slice(0, 10) ?? `measurement ${index + 1}`);
      const title = `${shortenText(name, 60)}: ${formatValue(value, unit)}`;
      return `<circle class="${isNow ? 'candidate' : 'base'}" cx="${round(x(index))}" cy="${round(y(value))}" r="${isNow ? 5.5 : 3.5}"><title>${escapeHtml(title)}</title></circle>`;
    })
    .join('');
  const first = history.points[0]?.point.createdAt.slice(0, 10) ?? '';
  const last = history.points.at(-1)?.point.createdAt.slice(0, 10) ?? '';
  const label = `${METRIC_WORDS[metric].label} of ${history.points.length} recorded measurements, from ${formatValue(values[0] ?? 0, unit)} to ${formatValue(history.points.at(-1)?.value ?? 0, unit)}${history.now === null ? '' : `; this change ${formatValue(history.now, unit)}`}.`;
  const bottom = TOP + HEIGHT + 20;
  return `<figure><figcaption>${escapeHtml(METRIC_WORDS[metric].label)} on this kind of machine, as recorded${history.now === null ? '' : '; the large dot is this change'}.</figcaption><svg viewBox="0 0 ${WIDTH} ${bottom + 8}" role="img" aria-label="${escapeHtml(label)}">${grid}<polyline class="trend" points="${line}"/>${dots}<text x="${LEFT}" y="${bottom}">${escapeHtml(first)}</text><text x="${WIDTH - RIGHT}" y="${bottom}" text-anchor="end">${escapeHtml(last)}</text></svg></figure>`;
}

/** The time of each layer as bars, base and candidate; null without layers. */
export function layersFigure(layers: ModelLayers): string | null {
  if (layers.rows.length === 0) return null;
  const compares = comparesLayers(layers);
  const timeOf = (row: LayerRow): number => Math.max(0, row.baseMs ?? 0, row.candidateMs ?? 0);
  const rows = layers.rows.toSorted((a, b) => timeOf(b) - timeOf(a)).slice(0, BARS_MAX);
  const longest = Math.max(...rows.map(timeOf)) || 1;
  const left = 250;
  const width = (ms: number | null): string => round((Math.max(0, ms ?? 0) / longest) * (WIDTH - left - 175));
  const step = compares ? BAR_HEIGHT * 2 : BAR_HEIGHT + 6;
  const bars = rows
    .map((row, index) => {
      const y = index * step + 6;
      const difference = formatLayerDifference(row);
      const change = compares && difference !== '=' ? `, ${difference}` : '';
      const name = escapeHtml(`${shortenText(row.name, 24)} ${shortenText(row.operator, 12)}`);
      const base = compares
        ? `<rect class="base" x="${left}" y="${y}" width="${width(row.baseMs)}" height="12"/>`
        : '';
      const own = y + (compares ? 14 : 0);
      return `<text class="label" x="0" y="${y + (compares ? 17 : 11)}">${name}</text>${base}<rect class="candidate" x="${left}" y="${own}" width="${width(row.candidateMs)}" height="12"/><text x="${round(left + 6 + Number(width(row.candidateMs)))}" y="${own + 11}">${escapeHtml(formatValue(row.candidateMs ?? 0, 'ms'))}${escapeHtml(change)}</text>`;
    })
    .join('');
  const spoken = rows
    .slice(0, 5)
    .map(row => `${shortenText(row.name, 40)} ${formatValue(row.candidateMs ?? 0, 'ms')}`)
    .join(', ');
  const inputs = layers.workload === undefined ? '' : ` with the inputs ${shortenText(layers.workload, 80)}`;
  const caption = escapeHtml(`Time of a run by layer${inputs}${compares ? ', base above candidate' : ''}.`);
  return `<figure><figcaption>${caption}</figcaption><svg viewBox="0 0 ${WIDTH} ${rows.length * step + 10}" role="img" aria-label="${escapeHtml(`The slowest layers: ${spoken}.`)}">${bars}</svg></figure>`;
}
