import { escapeHtml, shortenText } from './escape.ts';
import { formatSignedPercent, formatTransition, formatValue } from './format-values.ts';
import { comparesLayers, formatLayerDifference } from './layer-changes.ts';
import type { LayerRow, ModelLayers, ModelReport } from './report.ts';
import { type StructureChange, structureChanges } from './structure-diff.ts';

const ROWS_MAX = 100;
const KIND_WORDS: Readonly<Record<StructureChange['kind'], string>> = {
  size: '',
  operator: 'operator ',
  weights: 'weights in ',
  opset: 'opset ',
};

/** A table's parts as HTML; the caller draws it. */
export interface TableParts {
  readonly caption: string;
  readonly head: readonly { readonly label: string; readonly numeric: boolean }[];
  readonly rows: readonly string[];
}

const code = (name: string): string => `<code>${escapeHtml(shortenText(name, 120))}</code>`;
const number = (text: string): string => `<td class="num">${escapeHtml(text)}</td>`;

/** What the candidate's graph and weights have more or less of; null where nothing differs. */
export function structureParts(model: ModelReport): TableParts | null {
  const changes = structureChanges(model.base, model.candidate);
  if (changes.length === 0) return null;
  const rows = changes.slice(0, ROWS_MAX).map(({ kind, name, base, candidate, unit }) => {
    const what = kind === 'size' ? escapeHtml(name) : `${KIND_WORDS[kind]}${code(name)}`;
    const difference =
      base === null
        ? 'new'
        : candidate === null
          ? 'gone'
          : base === 0
            ? ''
            : formatSignedPercent(candidate / base - 1);
    return `<tr><th scope="row">${what}</th>${number(formatTransition(base, candidate, unit))}${number(difference)}</tr>`;
  });
  return {
    caption: 'What differs in the file',
    head: [
      { label: 'what', numeric: false },
      { label: 'base → candidate', numeric: true },
      { label: 'difference', numeric: true },
    ],
    rows,
  };
}

function layerRow(row: LayerRow, compares: boolean): string {
  const time = (ms: number | null): string => number(ms === null ? '' : formatValue(ms, 'ms'));
  return `<tr><th scope="row">${code(row.name)}</th><td>${code(row.operator)}</td>${compares ? time(row.baseMs) : ''}${time(row.candidateMs)}${compares ? number(formatLayerDifference(row)) : ''}${number(formatTransition(row.baseMacs, row.candidateMacs, 'count'))}</tr>`;
}

/** The profiled layers; null without any. */
export function layerParts(layers: ModelLayers): TableParts | null {
  if (layers.rows.length === 0) return null;
  const compares = comparesLayers(layers);
  const numeric = (label: string) => ({ label, numeric: true }) as const;
  return {
    caption:
      layers.workload === undefined
        ? 'Layers'
        : `Layers, with the inputs ${escapeHtml(shortenText(layers.workload, 120))}`,
    head: [
      { label: 'layer', numeric: false },
      { label: 'operator', numeric: false },
      ...(compares ? [numeric('base')] : []),
      numeric('candidate'),
      ...(compares ? [numeric('difference')] : []),
      numeric('multiply-accumulates'),
    ],
    rows: layers.rows.slice(0, ROWS_MAX).map(row => layerRow(row, compares)),
  };
}
