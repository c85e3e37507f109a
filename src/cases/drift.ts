import { elementCount, elementFacts } from '../shared/element-types.ts';
import { elementsOf } from '../shared/tensor-bytes.ts';
import type { ModelRunner, NamedTensor } from './case-value.ts';
import type { DriftReport, OutputDrift } from './cases-report.ts';
import { compareTensors, type ElementStatistics, type LargestDifference } from './tensor-comparison.ts';
import { toleranceFor } from './tolerance.ts';

export interface DriftInput {
  readonly base: ModelRunner;
  readonly candidate: ModelRunner;
  readonly feeds: Iterable<readonly NamedTensor[]> | AsyncIterable<readonly NamedTensor[]>;
  readonly inputs: DriftReport['inputs'];
  /** Whether both sides are the same bytes, and whether both ran in the same runtime. */
  readonly sameModel: boolean;
  readonly sameRuntime: boolean;
}

/** Sums of one output over all runs. */
interface Sums {
  readonly output: string;
  statistics: ElementStatistics | null;
  reason: string | null;
  dot: number;
  baseSquares: number;
  candidateSquares: number;
  rows: number;
  agreeing: number;
  numeric: boolean;
}

const causeOf = (sameModel: boolean, sameRuntime: boolean): DriftReport['cause'] => {
  if (sameModel) return sameRuntime ? 'nothing' : 'runtime';
  return sameRuntime ? 'model' : 'model-and-runtime';
};

const larger = (a: LargestDifference | null, b: LargestDifference | null): LargestDifference | null =>
  a === null || (b !== null && b.value > a.value) ? b : a;

function addStatistics(a: ElementStatistics | null, b: ElementStatistics): ElementStatistics {
  if (a === null) return b;
  const elements = a.elements + b.elements;
  const differing = a.differing + b.differing;
  return {
    elements,
    differing,
    share: elements === 0 ? 0 : differing / elements,
    first: a.first ?? b.first,
    largestAbsolute: larger(a.largestAbsolute, b.largestAbsolute),
    largestRelative: larger(a.largestRelative, b.largestRelative),
    meanAbsolute: elements === 0 ? 0 : (a.meanAbsolute * a.elements + b.meanAbsolute * b.elements) / elements,
    specials: a.specials + b.specials,
    scale: Math.max(a.scale, b.scale),
    differingNearZero: a.differingNearZero + b.differingNearZero,
  };
}

/** The first largest element of a row, as numpy.argmax has it; NaN counts as largest. */
export function argMax(values: ArrayLike<number | bigint>, from: number, length: number): number {
  let best = 0;
  for (let index = 0; index < length; index++) {
    const value = Number(values[from + index]);
    if (Number.isNaN(value)) return index;
    if (value > Number(values[from + best])) best = index;
  }
  return best;
}

function addNumbers(sums: Sums, base: NamedTensor, candidate: NamedTensor): void {
  if (!(base.data instanceof Uint8Array) || !(candidate.data instanceof Uint8Array)) {
    sums.numeric = false;
    return;
  }
  const count = elementCount(base.shape);
  const a = elementsOf(base.dtype, base.data, count);
  const b = elementsOf(candidate.dtype, candidate.data, count);
  for (let place = 0; place < a.length; place++) {
    const from = Number(a[place]);
    const to = Number(b[place]);
    if (!Number.isFinite(from) || !Number.isFinite(to)) continue;
    sums.dot += from * to;
    sums.baseSquares += from * from;
    sums.candidateSquares += to * to;
  }
  // A classifier's scores end in [.., classes] or [.., classes, 1, 1].
  const classes = base.shape.findLast(size => size > 1) ?? 1;
  if (base.shape.length < 2 || classes < 2 || elementFacts(base.dtype).kind !== 'float') return;
  const inner = elementCount(base.shape.slice(base.shape.lastIndexOf(classes) + 1));
  if (inner !== 1) return;
  for (let from = 0; from + classes <= count; from += classes) {
    sums.rows += 1;
    if (argMax(a, from, classes) === argMax(b, from, classes)) sums.agreeing += 1;
  }
}

function addOutput(sums: Sums, base: NamedTensor, candidate: NamedTensor | undefined): void {
  if (sums.reason !== null) return;
  if (candidate === undefined) {
    sums.reason = 'the candidate gave no such output';
    return;
  }
  const comparison = compareTensors(base, candidate, toleranceFor(base.name, base.dtype));
  if (comparison.kind === 'mismatch') {
    sums.reason = comparison.reason;
    return;
  }
  sums.statistics = addStatistics(sums.statistics, comparison.statistics);
  addNumbers(sums, base, candidate);
}

function toDrift(sums: Sums): OutputDrift {
  const norm = Math.sqrt(sums.baseSquares) * Math.sqrt(sums.candidateSquares);
  const comparable = sums.reason === null;
  return {
    output: sums.output,
    statistics: comparable ? sums.statistics : null,
    reason: sums.reason,
    // Rounding may lead past 1.
    cosine: comparable && sums.numeric && norm > 0 ? Math.max(-1, Math.min(1, sums.dot / norm)) : null,
    topOneAgreement: comparable && sums.rows > 0 ? sums.agreeing / sums.rows : null,
    rows: sums.rows,
  };
}

/**
 * How far two models (or one in two runtimes) are apart on the same inputs, output by output, over all runs. Says
 * nothing about which is right.
 */
export async function measureDrift(input: DriftInput): Promise<DriftReport> {
  const byOutput = new Map<string, Sums>();
  let runs = 0;
  for await (const feeds of input.feeds) {
    const base = await input.base.run(feeds);
    const candidate = new Map((await input.candidate.run(feeds)).map(tensor => [tensor.name, tensor]));
    runs += 1;
    for (const tensor of base) {
      const sums = byOutput.get(tensor.name) ?? {
        output: tensor.name,
        statistics: null,
        reason: null,
        dot: 0,
        baseSquares: 0,
        candidateSquares: 0,
        rows: 0,
        agreeing: 0,
        numeric: true,
      };
      byOutput.set(tensor.name, sums);
      addOutput(sums, tensor, candidate.get(tensor.name));
    }
  }
  return {
    cause: causeOf(input.sameModel, input.sameRuntime),
    inputs: input.inputs,
    runs,
    outputs: [...byOutput.values()].map(toDrift),
  };
}
