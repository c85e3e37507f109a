import { elementCount, elementFacts } from '../shared/element-types.ts';
import { type ElementArray, elementsOf } from '../shared/tensor-bytes.ts';
import type { EvaluatedRows } from './accuracy-metrics.ts';
import type { TensorData } from './case-value.ts';
import { datasetError, type Labels } from './dataset.ts';
import { argMax } from './drift.ts';
import { GrowingArray } from './growing-array.ts';

/** Keeps of every row what the metrics need, and no more: a few numbers. */
export interface RowCollector {
  /** @param rows of the output that count; what is beyond them is padding. */
  add(output: TensorData, labels: Labels, rows: number): void;
  finish(): EvaluatedRows;
  /** Rows so far whose output held NaN. */
  readonly notANumber: number;
}

/** Class names get the numbers of the list, or numbers in the order in which they come. */
class ClassNames {
  readonly #fixed: boolean;
  readonly #numbers: Map<string, number>;

  constructor(names: readonly string[] | null) {
    this.#fixed = names !== null;
    this.#numbers = new Map((names ?? []).map((name, index) => [name, index]));
  }

  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#fixed)
      throw datasetError(
        `The label ${JSON.stringify(name)} is none of the classes ${JSON.stringify([...this.#numbers.keys()])}.`,
      );
    this.#numbers.set(name, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

/** Elements of one row after another: [rows, ...] seen as [rows, columns]. */
function rowsOf(
  output: TensorData,
  name: string,
): { readonly columns: number; readonly values: ElementArray | readonly string[] } {
  const { shape, dtype, data } = output;
  if (shape.length === 0)
    throw datasetError(`The output ${JSON.stringify(name)} is a scalar and has no rows.`);
  const columns = elementCount(shape.slice(1));
  return {
    columns,
    values: data instanceof Uint8Array ? elementsOf(dtype, data, elementCount(shape)) : data,
  };
}

const LARGEST_CLASS = 10_000_000;

/** A class of a label or a prediction, as a row number of the confusion matrix. */
function classNumber(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > LARGEST_CLASS)
    throw datasetError(`The label ${value} is no class number (0, 1, 2, ...).`);
  return value;
}

class ClassifiedCollector implements RowCollector {
  notANumber = 0;
  readonly #output: string;
  readonly #names: ClassNames;
  readonly #namesAreGiven: boolean;
  readonly #keepScores: boolean;
  readonly #labels = new GrowingArray(length => new Int32Array(length));
  readonly #predicted = new GrowingArray(length => new Int32Array(length));
  readonly #ranks = new GrowingArray(length => new Int32Array(length));
  readonly #scores = new GrowingArray<Float64Array>(length => new Float64Array(length));
  #scoreColumns = 1;
  #classes = 0;

  constructor(output: string, classes: readonly string[] | null, keepScores: boolean) {
    this.#output = output;
    this.#names = new ClassNames(classes);
    this.#namesAreGiven = classes !== null;
    this.#keepScores = keepScores;
  }

  add(output: TensorData, labels: Labels, rows: number): void {
    const { columns, values } = rowsOf(output, this.#output);
    if (labels.kind === 'numbers' && labels.width !== 1)
      throw datasetError(`There are ${labels.width} labels a row; a class is one.`);
    const scored = columns > 1;
    if (labels.kind === 'names' && scored && !this.#namesAreGiven) {
      throw datasetError(
        `The labels are names, and the output ${JSON.stringify(this.#output)} has ${columns} scores: give the classes in their order.`,
      );
    }
    this.#scoreColumns = columns;
    const isFloat = elementFacts(output.dtype).kind === 'float';
    for (let row = 0; row < rows; row++) {
      const label =
        labels.kind === 'names'
          ? this.#names.numberOf(labels.values[row] ?? '')
          : classNumber(labels.values[row] ?? Number.NaN);
      if (scored && label >= columns)
        throw datasetError(
          `The label ${label} is beyond the ${columns} classes of the output ${JSON.stringify(this.#output)}.`,
        );
      if (scored) this.#addScores(values as ElementArray, row * columns, columns, label);
      else this.#addOne(values[row], isFloat, label);
      this.#labels.push(label);
      this.#classes = Math.max(this.#classes, label + 1, scored ? columns : 0);
    }
  }

  #addScores(values: ElementArray, from: number, columns: number, label: number): void {
    const right = Number(values[from + label]);
    let rank = 0;
    let broken = false;
    for (let index = 0; index < columns; index++) {
      const score = Number(values[from + index]);
      if (Number.isNaN(score)) broken = true;
      if (score > right || (score === right && index > label)) rank += 1;
      if (this.#keepScores) this.#scores.push(score);
    }
    if (broken) this.notANumber += 1;
    this.#ranks.push(broken ? columns : rank);
    this.#predicted.push(broken ? -1 : argMax(values, from, columns));
  }

  /** A class, a class name, or the probability of class 1. */
  #addOne(value: number | bigint | string | undefined, isFloat: boolean, label: number): void {
    let predicted: number;
    if (typeof value === 'string') predicted = this.#names.numberOf(value);
    else {
      const number = Number(value);
      if (Number.isNaN(number)) this.notANumber += 1;
      // What is no class number is no class that any label has.
      const isClass = number >= 0 && number <= LARGEST_CLASS;
      predicted = isFloat ? (Number.isNaN(number) ? -1 : Number(number >= 0.5)) : isClass ? number : -1;
      if (this.#keepScores) this.#scores.push(number);
    }
    this.#predicted.push(predicted);
    this.#ranks.push(predicted === label ? 0 : 1);
    this.#classes = Math.max(this.#classes, predicted + 1);
  }

  finish(): EvaluatedRows {
    return {
      kind: 'classified',
      labels: this.#labels.values,
      predicted: this.#predicted.values,
      ranks: this.#ranks.values,
      scores: this.#scores.values,
      scoreColumns: this.#scoreColumns,
      classes: this.#classes,
    };
  }
}

class RegressedCollector implements RowCollector {
  notANumber = 0;
  readonly #output: string;
  readonly #truth = new GrowingArray<Float64Array>(length => new Float64Array(length));
  readonly #predicted = new GrowingArray<Float64Array>(length => new Float64Array(length));
  #columns = 1;

  constructor(output: string) {
    this.#output = output;
  }

  add(output: TensorData, labels: Labels, rows: number): void {
    const { columns, values } = rowsOf(output, this.#output);
    if (labels.kind === 'names' || !(output.data instanceof Uint8Array))
      throw datasetError('Errors of a regression are of numbers, and these are names.');
    if (labels.width !== columns)
      throw datasetError(
        `There are ${labels.width} labels a row, and the output ${JSON.stringify(this.#output)} has ${columns} values.`,
      );
    this.#columns = columns;
    for (let row = 0; row < rows; row++) {
      let broken = false;
      for (let place = row * columns; place < (row + 1) * columns; place++) {
        const value = Number(values[place]);
        if (Number.isNaN(value)) broken = true;
        this.#truth.push(labels.values[place] ?? 0);
        this.#predicted.push(value);
      }
      if (broken) this.notANumber += 1;
    }
  }

  finish(): EvaluatedRows {
    return {
      kind: 'regressed',
      truth: this.#truth.values,
      predicted: this.#predicted.values,
      columns: this.#columns,
    };
  }
}

/**
 * @param output name of the output that is judged
 * @param classes names in the order of the scores, where labels are names
 * @param keepScores whether scores are needed (AUC)
 */
export function createCollector(
  kind: EvaluatedRows['kind'],
  output: string,
  classes: readonly string[] | null,
  keepScores: boolean,
): RowCollector {
  return kind === 'classified'
    ? new ClassifiedCollector(output, classes, keepScores)
    : new RegressedCollector(output);
}
