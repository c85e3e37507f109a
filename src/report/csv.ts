import type { MetricComparison } from '../regression/verdict.ts';
import { escapeCsvCell, shortenText } from './escape.ts';
import { verdictOf } from './model-verdict.ts';
import type { ModelReport, Report } from './report.ts';

/** What stands in a row: a text is escaped, a number is written as it is, null is empty. */
type Cell = string | number | null;

const TEXT_MAX_CHARACTERS = 1_000;

interface Row {
  readonly report: Report;
  readonly model: ModelReport;
  /** null: a model without metrics has one row all the same. */
  readonly comparison: MetricComparison | null;
}

/** The columns in their order. New ones are added at the end. */
const COLUMNS: readonly (readonly [name: string, read: (row: Row) => Cell])[] = [
  ['model', ({ model }) => model.name],
  ['path', ({ model }) => model.path],
  ['state', ({ model }) => model.state.kind],
  ['gate', ({ model }) => model.gate],
  ['verdict', ({ model }) => verdictOf(model).word],
  ['metric', ({ comparison }) => comparison?.metric ?? null],
  ['unit', ({ comparison }) => comparison?.unit ?? null],
  ['base', ({ comparison }) => comparison?.base ?? null],
  ['candidate', ({ comparison }) => comparison?.candidate ?? null],
  ['difference', ({ comparison }) => comparison?.difference?.estimate ?? null],
  ['difference_low', ({ comparison }) => comparison?.difference?.low ?? null],
  ['difference_high', ({ comparison }) => comparison?.difference?.high ?? null],
  ['confidence', ({ comparison }) => comparison?.difference?.confidence ?? null],
  ['policy', ({ comparison }) => comparison?.policy.gate ?? null],
  ['tolerated', ({ comparison }) => comparison?.policy.maxRegression ?? null],
  ['limit', ({ comparison }) => comparison?.policy.max ?? null],
  ['outcome', ({ comparison }) => comparison?.outcome.kind ?? null],
  ['reason', ({ comparison }) => reasonOf(comparison)],
  ['contract', ({ model }) => model.contract?.kind ?? null],
  ['next_version', ({ model }) => model.version?.next ?? null],
  ['findings', ({ model }) => model.findings.map(({ code }) => code).join(' ')],
  ['base_commit', ({ report }) => report.base?.sha ?? null],
  ['head_commit', ({ report }) => report.head?.sha ?? null],
  ['fingerprint', ({ report }) => report.environment?.key ?? null],
  ['created_at', ({ report }) => report.createdAt],
  ['workload', ({ comparison }) => comparison?.workload ?? null],
  ['limit_min', ({ comparison }) => comparison?.policy.min ?? null],
];

function reasonOf(comparison: MetricComparison | null): string | null {
  if (comparison === null) return null;
  return 'reason' in comparison.outcome ? comparison.outcome.reason : null;
}

function renderCell(cell: Cell): string {
  if (cell === null) return '';
  return typeof cell === 'number' ? String(cell) : escapeCsvCell(shortenText(cell, TEXT_MAX_CHARACTERS));
}

/**
 * RFC 4180: a header, then one row a model and metric, raw numbers in the metric's unit (`difference` 0.2 is 20 %).
 * A text that a spreadsheet would run as a formula has an apostrophe in front.
 */
export function renderCsv(report: Report): string {
  const rows = report.models.flatMap((model): readonly Row[] =>
    model.metrics.length === 0
      ? [{ report, model, comparison: null }]
      : model.metrics.map(comparison => ({ report, model, comparison })),
  );
  const lines = [
    COLUMNS.map(([name]) => name).join(','),
    ...rows.map(row => COLUMNS.map(([, read]) => renderCell(read(row))).join(',')),
  ];
  return lines.map(line => `${line}\r\n`).join('');
}
