/** What can be asked of labelled data. `top-k` for any k: `top-1`, `top-5`. */
export type AccuracyMetric =
  | 'accuracy'
  | `top-${number}`
  | 'precision'
  | 'recall'
  | 'f1'
  | 'auc'
  | 'mae'
  | 'rmse'
  | 'r2';

/** Over classes: unweighted mean, over all rows at once, mean weighted by rows, or class 1 alone. As scikit-learn's `average`. */
export type Average = 'macro' | 'micro' | 'weighted' | 'binary';

/** What was kept of every row of a classifier. */
export interface ClassifiedRows {
  readonly kind: 'classified';
  readonly labels: Int32Array;
  /** -1 where the output was no number. */
  readonly predicted: Int32Array;
  /** How many classes have a higher score than the right one (ties: those of higher index), so top-k is rank < k. */
  readonly ranks: Int32Array;
  /** Row by row, `scoreColumns` each; empty where AUC was not asked for. */
  readonly scores: Float64Array | Float32Array;
  /** 1: the score of class 1 of two; else one a class. */
  readonly scoreColumns: number;
  readonly classes: number;
}

/** What was kept of every row of a regressor; `columns` values each. */
export interface RegressedRows {
  readonly kind: 'regressed';
  readonly truth: Float64Array;
  readonly predicted: Float64Array;
  readonly columns: number;
}

export type EvaluatedRows = ClassifiedRows | RegressedRows;

const REGRESSION: ReadonlySet<string> = new Set(['mae', 'rmse', 'r2']);

export const isRegressionMetric = (metric: AccuracyMetric): boolean => REGRESSION.has(metric);

/** Errors: less is better. */
export const isErrorMetric = (metric: AccuracyMetric): boolean => metric === 'mae' || metric === 'rmse';

/** All but `top-2`, `top-3` and so on. */
export const METRIC_NAMES: readonly string[] = [
  'accuracy',
  'top-1',
  'top-5',
  'precision',
  'recall',
  'f1',
  'auc',
  'mae',
  'rmse',
  'r2',
];

export const isAccuracyMetric = (text: string): text is AccuracyMetric =>
  METRIC_NAMES.includes(text) || /^top-[1-9]\d{0,3}$/.test(text);

export const rowCount = (rows: EvaluatedRows): number =>
  rows.kind === 'classified' ? rows.labels.length : rows.truth.length / Math.max(1, rows.columns);

/** How often each row counts: in a bootstrap resample, as often as it was drawn. null: once each. */
export type RowCounts = Uint32Array | null;

/** Share of the rows for which it holds. */
function shareOf(rows: number, counts: RowCounts, holds: (row: number) => boolean): number | null {
  let right = 0;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const weight = counts === null ? 1 : (counts[row] ?? 0);
    total += weight;
    if (holds(row)) right += weight;
  }
  return total === 0 ? null : right / total;
}

interface ClassCounts {
  readonly truePositives: Float64Array;
  readonly predicted: Float64Array;
  readonly actual: Float64Array;
}

function countClasses({ labels, predicted, classes }: ClassifiedRows, counts: RowCounts): ClassCounts {
  const truePositives = new Float64Array(classes);
  const given = new Float64Array(classes);
  const actual = new Float64Array(classes);
  for (let row = 0; row < labels.length; row++) {
    const weight = counts === null ? 1 : (counts[row] ?? 0);
    const label = labels[row] ?? 0;
    const guess = predicted[row] ?? -1;
    actual[label] = (actual[label] ?? 0) + weight;
    if (guess >= 0) given[guess] = (given[guess] ?? 0) + weight;
    if (guess === label) truePositives[label] = (truePositives[label] ?? 0) + weight;
  }
  return { truePositives, predicted: given, actual };
}

/** 0 / 0 is 0, as scikit-learn's zero_division has it. */
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

function classScore(
  metric: 'precision' | 'recall' | 'f1',
  truePositives: number,
  predicted: number,
  actual: number,
): number {
  if (metric === 'precision') return ratio(truePositives, predicted);
  if (metric === 'recall') return ratio(truePositives, actual);
  return ratio(2 * truePositives, predicted + actual);
}

/** Precision, recall, F1 over the classes that occur among labels or predictions. */
function averagedScore(
  rows: ClassifiedRows,
  metric: 'precision' | 'recall' | 'f1',
  average: Average,
  counts: RowCounts,
): number | null {
  const { truePositives, predicted, actual } = countClasses(rows, counts);
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  const scoreOf = (index: number): number =>
    classScore(metric, truePositives[index] ?? 0, predicted[index] ?? 0, actual[index] ?? 0);
  if (rows.labels.length === 0) return null;
  if (average === 'binary') return scoreOf(1);
  if (average === 'micro') return classScore(metric, sum(truePositives), sum(predicted), sum(actual));
  let weighted = 0;
  let weights = 0;
  for (let index = 0; index < rows.classes; index++) {
    const present = (actual[index] ?? 0) + (predicted[index] ?? 0) > 0;
    if (!present) continue;
    const weight = average === 'macro' ? 1 : (actual[index] ?? 0);
    weighted += weight * scoreOf(index);
    weights += weight;
  }
  return weights === 0 ? 0 : weighted / weights;
}

const orders = new WeakMap<ClassifiedRows, Map<number, Uint32Array>>();

/** Rows by rising score of one column; sorted once for all resamples. */
function orderOf(rows: ClassifiedRows, column: number): Uint32Array {
  const known = orders.get(rows) ?? new Map<number, Uint32Array>();
  orders.set(rows, known);
  const found = known.get(column);
  if (found !== undefined) return found;
  const { scores, scoreColumns } = rows;
  const order = Uint32Array.from({ length: rows.labels.length }, (_, row) => row);
  order.sort((a, b) => (scores[a * scoreColumns + column] ?? 0) - (scores[b * scoreColumns + column] ?? 0));
  known.set(column, order);
  return order;
}

/**
 * Area under the ROC curve of one class against the rest: the share of pairs in the right order, ties half (Hanley and
 * McNeil 1982). null where one side is empty.
 */
function areaOf(rows: ClassifiedRows, column: number, positive: number, counts: RowCounts): number | null {
  const { labels, scores, scoreColumns } = rows;
  const order = orderOf(rows, column);
  let positives = 0;
  let negatives = 0;
  let pairs = 0;
  let tiedPositives = 0;
  let tiedNegatives = 0;
  let last = Number.NaN;
  const flush = (): void => {
    pairs += tiedPositives * (negatives + tiedNegatives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
    tiedPositives = 0;
    tiedNegatives = 0;
  };
  for (const row of order) {
    const weight = counts === null ? 1 : (counts[row] ?? 0);
    if (weight === 0) continue;
    const score = scores[row * scoreColumns + column] ?? 0;
    if (score !== last) flush();
    last = score;
    if (labels[row] === positive) tiedPositives += weight;
    else tiedNegatives += weight;
  }
  flush();
  return positives === 0 || negatives === 0 ? null : pairs / (positives * negatives);
}

/** Binary, or the unweighted mean over all classes one against the rest. null where a class has no rows, or all. */
function areaUnderCurve(rows: ClassifiedRows, counts: RowCounts): number | null {
  if (rows.scores.length === 0 || rows.scores.some(Number.isNaN)) return null;
  if (rows.scoreColumns <= 2) return areaOf(rows, rows.scoreColumns - 1, 1, counts);
  let sum = 0;
  for (let column = 0; column < rows.scoreColumns; column++) {
    const area = areaOf(rows, column, column, counts);
    if (area === null) return null;
    sum += area;
  }
  return sum / rows.scoreColumns;
}

/** The mean over the columns of a score for each: `uniform_average`. */
function overColumns(rows: RegressedRows, score: (column: number) => number | null): number | null {
  let sum = 0;
  for (let column = 0; column < rows.columns; column++) {
    const value = score(column);
    if (value === null) return null;
    sum += value;
  }
  return rows.columns === 0 ? null : sum / rows.columns;
}

/** Sums over the rows of one column, weighted. */
function residuals(
  rows: RegressedRows,
  column: number,
  counts: RowCounts,
): {
  readonly weight: number;
  readonly absolute: number;
  readonly squares: number;
  readonly totalSquares: number;
} {
  const { truth, predicted, columns } = rows;
  let weight = 0;
  let mean = 0;
  let totalSquares = 0;
  let absolute = 0;
  let squares = 0;
  for (let place = column, row = 0; place < truth.length; place += columns, row++) {
    const times = counts === null ? 1 : (counts[row] ?? 0);
    if (times === 0) continue;
    const wanted = truth[place] ?? 0;
    const error = wanted - (predicted[place] ?? 0);
    absolute += times * Math.abs(error);
    squares += times * error * error;
    // West 1979: weighted running variance.
    weight += times;
    const step = wanted - mean;
    mean += (times / weight) * step;
    totalSquares += times * step * (wanted - mean);
  }
  return { weight, absolute, squares, totalSquares };
}

function regressionScore(rows: RegressedRows, metric: AccuracyMetric, counts: RowCounts): number | null {
  return overColumns(rows, column => {
    const { weight, absolute, squares, totalSquares } = residuals(rows, column, counts);
    if (weight === 0) return null;
    if (metric === 'mae') return absolute / weight;
    if (metric === 'rmse') return Math.sqrt(squares / weight);
    if (weight < 2) return null;
    // A constant truth: right is 1, anything else 0 (scikit-learn's force_finite).
    if (totalSquares === 0) return squares === 0 ? 1 : 0;
    return 1 - squares / totalSquares;
  });
}

/**
 * One metric over all rows, equal to scikit-learn's: accuracy_score, top_k_accuracy_score, precision_score, recall_score,
 * f1_score (zero_division 0), roc_auc_score (multi_class "ovr"), mean_absolute_error, root_mean_squared_error, r2_score.
 * null where it is not defined.
 */
export function evaluateMetric(
  rows: EvaluatedRows,
  metric: AccuracyMetric,
  average: Average,
  counts: RowCounts = null,
): number | null {
  if (rows.kind === 'regressed')
    return isRegressionMetric(metric) ? regressionScore(rows, metric, counts) : null;
  switch (metric) {
    case 'accuracy':
      return shareOf(rows.labels.length, counts, row => rows.labels[row] === rows.predicted[row]);
    case 'precision':
    case 'recall':
    case 'f1':
      return averagedScore(rows, metric, average, counts);
    case 'auc':
      return areaUnderCurve(rows, counts);
    case 'mae':
    case 'rmse':
    case 'r2':
      return null;
    default: {
      const k = Number(metric.slice('top-'.length));
      return shareOf(rows.labels.length, counts, row => (rows.ranks[row] ?? 0) < k);
    }
  }
}

/** Per row whether the metric counts it as right, for McNemar's test; null for metrics that are no share of rows. */
export function correctRows(rows: EvaluatedRows, metric: AccuracyMetric): ((row: number) => boolean) | null {
  if (rows.kind !== 'classified') return null;
  if (metric === 'accuracy') return row => rows.labels[row] === rows.predicted[row];
  if (!metric.startsWith('top-')) return null;
  const k = Number(metric.slice('top-'.length));
  return row => (rows.ranks[row] ?? 0) < k;
}
