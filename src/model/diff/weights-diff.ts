import type { Model, TensorInfo } from '../model.ts';
import { hashTensor, openPayloads, type PayloadReader } from '../tensor-payload.ts';
import type { NodeMatch } from './match-nodes.ts';
import type { LabelledGraph } from './node-labels.ts';
import { compareTensors, relativeDistance } from './weight-difference.ts';

export interface MovedWeight {
  readonly name: string;
  readonly operator: string;
  readonly dims: readonly number[];
  readonly relativeL2: number;
}

export interface ReshapedWeight {
  readonly name: string;
  readonly operator: string;
  /** As `float32[3,3]`. */
  readonly before: string;
  readonly after: string;
}

export interface WeightsDiff {
  /** Weights that belong to matched nodes on both sides. */
  readonly compared: number;
  readonly equal: number;
  readonly moved: number;
  readonly reshaped: number;
  /** Stored in a way that is not compared (lists of integers, text, missing external data). */
  readonly unknown: number;
  /** Of all that could be compared, as one vector; null where nothing was. */
  readonly relativeL2: number | null;
  /** The farthest first. */
  readonly movedMost: readonly MovedWeight[];
  readonly reshapedMost: readonly ReshapedWeight[];
  readonly onlyBefore: number;
  readonly onlyAfter: number;
  /** Share of the new weights' bytes that the old model has too, wherever they are used. */
  readonly carriedShare: number;
}

const LISTED = 10;
const describe = ({ dtype, dims }: TensorInfo): string => `${dtype}[${dims.join(',')}]`;

/** Compares the weights of two models by the nodes that use them; reads each payload once or twice, never as a whole. */
export function diffWeights(
  before: { readonly model: Model; readonly graph: LabelledGraph },
  after: { readonly model: Model; readonly graph: LabelledGraph },
  match: NodeMatch,
): WeightsDiff {
  const readers = { before: openPayloads(before.model), after: openPayloads(after.model) };
  try {
    return compareAll(before.graph, after.graph, match, readers);
  } finally {
    readers.before.close();
    readers.after.close();
  }
}

function compareAll(
  before: LabelledGraph,
  after: LabelledGraph,
  match: NodeMatch,
  readers: { readonly before: PayloadReader; readonly after: PayloadReader },
): WeightsDiff {
  const partners = pairWeights(match);
  const counts = { equal: 0, moved: 0, reshaped: 0, unknown: 0 };
  const moved: MovedWeight[] = [];
  const reshaped: ReshapedWeight[] = [];
  const equal = new Set<TensorInfo>();
  let squaredDistance = 0;
  let squaredNorm = 0;
  for (const [tensor, { partner, operator }] of partners) {
    const difference = compareTensors(tensor, readers.before, partner, readers.after);
    counts[difference.kind] += 1;
    const { name, dims } = partner;
    if (difference.kind === 'equal') equal.add(partner);
    if (difference.kind === 'reshaped') {
      reshaped.push({ name, operator, before: describe(tensor), after: describe(partner) });
    }
    if (difference.kind !== 'moved') continue;
    squaredDistance += difference.squaredDistance;
    squaredNorm += difference.squaredNorm;
    const relativeL2 = relativeDistance(difference.squaredDistance, difference.squaredNorm);
    moved.push({ name, operator, dims, relativeL2 });
  }
  const [beforeAll, afterAll] = [weightsOf(before), weightsOf(after)];
  const partnerTensors = new Set([...partners.values()].map(({ partner }) => partner));
  return {
    compared: partners.size,
    ...counts,
    relativeL2:
      counts.moved === 0 ? (counts.equal === 0 ? null : 0) : relativeDistance(squaredDistance, squaredNorm),
    movedMost: moved.sort((a, b) => orderOf(b.relativeL2) - orderOf(a.relativeL2)).slice(0, LISTED),
    reshapedMost: reshaped.slice(0, LISTED),
    onlyBefore: [...beforeAll].filter(tensor => !partners.has(tensor)).length,
    onlyAfter: [...afterAll].filter(tensor => !partnerTensors.has(tensor)).length,
    carriedShare: carriedShare(beforeAll, afterAll, equal, readers),
  };
}

const orderOf = (value: number): number => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value);

/** Each weight of the old model with the one at the same input of the matched node. */
function pairWeights(
  match: NodeMatch,
): ReadonlyMap<TensorInfo, { readonly partner: TensorInfo; readonly operator: string }> {
  const partners = new Map<TensorInfo, { readonly partner: TensorInfo; readonly operator: string }>();
  for (const { before, after } of match.pairs) {
    for (const [position, tensor] of before.weights.entries()) {
      const partner = after.weights[position];
      if (tensor && partner && !partners.has(tensor))
        partners.set(tensor, { partner, operator: after.operator });
    }
  }
  return partners;
}

function weightsOf({ nodes }: LabelledGraph): ReadonlySet<TensorInfo> {
  return new Set(nodes.flatMap(({ weights }) => weights.filter(weight => weight !== null)));
}

/** Where nodes do not match, the elements themselves say whether weights were carried over. */
function carriedShare(
  before: ReadonlySet<TensorInfo>,
  after: ReadonlySet<TensorInfo>,
  equal: ReadonlySet<TensorInfo>,
  readers: { readonly before: PayloadReader; readonly after: PayloadReader },
): number {
  const total = [...after].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (total === 0) return before.size === 0 ? 1 : 0;
  const rest = [...after].filter(tensor => !equal.has(tensor));
  const wanted = new Set(rest.map(describe));
  const known = new Set<string>();
  for (const tensor of before) {
    if (!wanted.has(describe(tensor))) continue;
    const digest = hashTensor(readers.before, tensor);
    if (digest !== null) known.add(digest);
  }
  let carried = [...equal].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (known.size > 0) {
    for (const tensor of rest) {
      const digest = hashTensor(readers.after, tensor);
      if (digest !== null && known.has(digest)) carried += tensor.sizeBytes;
    }
  }
  return carried / total;
}
