import type { Graph } from '../model.ts';
import { kindOf, lineOf } from './box-content.ts';
import type { Arrow, Box, Frame, Outline } from './outline.ts';
import { findRepeat } from './repeats.ts';
import { type DrawnGraph, isPassingOn, simplifyGraph } from './simplify.ts';

/** Graphs of so few nodes are drawn node by node. */
const DRAWN_WHOLE = 40;
/** Lines of one box: a chain of nodes without branches. */
const LONGEST_CHAIN = 8;
const DEEPEST_FRAMES = 3;

/** Where each node is drawn. */
interface Placing {
  /** For each node the one that stands for it: itself, or its twin in the first repetition. */
  readonly standIn: readonly number[];
  /** For each node the innermost frame of its stand-in. */
  readonly frameOf: readonly (string | null)[];
  readonly frames: readonly Frame[];
}

/**
 * What to draw of a graph: every node where there are few; else chains as one box, and blocks that repeat as a frame
 * that is drawn once.
 */
export function outlineGraph(graph: Graph): Outline {
  const drawn = simplifyGraph(graph);
  const isLarge = drawn.nodes.length > DRAWN_WHOLE;
  const placing = isLarge ? frameRepeats(drawn) : unframed(drawn);
  const chainOf = isLarge ? mergeChains(drawn, placing) : drawn.nodes.map((_, index) => index);
  return assemble(graph, drawn, placing, chainOf);
}

const unframed = ({ nodes }: DrawnGraph): Placing => ({
  standIn: nodes.map((_, index) => index),
  frameOf: nodes.map(() => null),
  frames: [],
});

function frameRepeats(drawn: DrawnGraph): Placing {
  const texts = drawn.nodes.map(({ operator, weights }) =>
    [
      operator,
      ...weights.filter(({ elementCount }) => elementCount > 1).map(({ dims }) => dims.join('x')),
    ].join(' '),
  );
  const numbers = new Map<string, number>();
  const labels = texts.map(text => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  });
  const standIn = drawn.nodes.map((_, index) => index);
  const frameOf: (string | null)[] = drawn.nodes.map(() => null);
  const frames: Frame[] = [];
  const search = (from: number, to: number, frame: string | null, depth: number): void => {
    const found = depth < DEEPEST_FRAMES && to - from > 8 ? findRepeat(labels.slice(from, to)) : null;
    if (found === null) {
      for (let index = from; index < to; index += 1) frameOf[index] = frame;
      return;
    }
    const start = from + found.start;
    const end = start + found.period * found.count;
    search(from, start, frame, depth);
    const id = `frame${frames.length}`;
    frames.push({ id, repeats: found.count, nodeCount: 0, frame });
    search(start, start + found.period, id, depth + 1);
    for (let index = start + found.period; index < end; index += 1) {
      standIn[index] = start + ((index - start) % found.period);
    }
    search(end, to, frame, depth);
  };
  search(0, drawn.nodes.length, null, 0);
  // A stand-in may itself have one, where frames are nested.
  const resolve = (index: number): number => {
    const next = standIn[index] ?? index;
    return next === index ? index : resolve(next);
  };
  const resolved = standIn.map((_, index) => resolve(index));
  const inside = (id: string, frame: string | null): boolean => {
    for (let at = frame; at !== null; at = frames.find(each => each.id === at)?.frame ?? null)
      if (at === id) return true;
    return false;
  };
  const sized = frames.map(frame => {
    const members = resolved.filter(
      (stand, index) => stand === index && inside(frame.id, frameOf[index] ?? null),
    );
    const nodeCount = members.reduce((total, index) => total + 1 + (drawn.nodes[index]?.hiddenCount ?? 0), 0);
    return { ...frame, nodeCount };
  });
  return { standIn: resolved, frameOf: resolved.map(stand => frameOf[stand] ?? null), frames: sized };
}

/** For each node the first of its chain: nodes in a row, in the same frame, each the only reader of the one before. */
function mergeChains(drawn: DrawnGraph, { standIn, frameOf }: Placing): readonly number[] {
  const next = drawn.nodes.map(() => new Set<number>());
  const previous = drawn.nodes.map(() => new Set<number | string>());
  for (const { from, to } of drawn.edges) {
    const target = standIn[to] ?? to;
    const source = typeof from === 'number' ? (standIn[from] ?? from) : from;
    previous[target]?.add(source);
    if (typeof source === 'number') next[source]?.add(target);
  }
  const isOutput = new Set(drawn.outputs.map(({ from }) => standIn[from] ?? from));
  const chain = drawn.nodes.map((_, index) => index);
  const length = drawn.nodes.map(() => 1);
  for (const index of drawn.nodes.keys()) {
    if (standIn[index] !== index) continue;
    const [before] = previous[index] ?? [];
    if (typeof before !== 'number' || previous[index]?.size !== 1 || next[before]?.size !== 1) continue;
    if (isOutput.has(before) || frameOf[before] !== frameOf[index] || before >= index) continue;
    const head = chain[before] ?? before;
    if ((length[head] ?? 0) >= LONGEST_CHAIN) continue;
    chain[index] = head;
    length[head] = (length[head] ?? 0) + 1;
  }
  return chain;
}

function assemble(
  graph: Graph,
  drawn: DrawnGraph,
  { standIn, frameOf, frames }: Placing,
  chainOf: readonly number[],
): Outline {
  const members = new Map<number, number[]>();
  for (const index of drawn.nodes.keys()) {
    if (standIn[index] !== index) continue;
    const head = chainOf[index] ?? index;
    members.set(head, [...(members.get(head) ?? []), index]);
  }
  const boxes: Box[] = [...members].map(([head, indexes]) =>
    boxOf(drawn, head, indexes, frameOf[head] ?? null),
  );
  const used = new Set(drawn.edges.flatMap(({ from }) => (typeof from === 'string' ? [from] : [])));
  for (const input of graph.inputs) {
    if (!used.has(input.name)) continue;
    const shape = input.shape === null ? '' : input.shape.map(size => size ?? '?').join('×');
    boxes.push(terminal(`in:${input.name}`, 'input', input.name, `${input.dtype} ${shape}`.trim()));
  }
  for (const { name } of drawn.outputs) boxes.push(terminal(`out:${name}`, 'output', name, ''));
  const boxIdOf = (index: number): string => {
    const stand = standIn[index] ?? index;
    return `n${chainOf[stand] ?? stand}`;
  };
  const arrows = new Map<string, Arrow>();
  const add = (from: string, to: string): void => {
    if (from !== to) arrows.set(`${from}\u0000${to}`, { from, to });
  };
  for (const { from, to } of drawn.edges) {
    // From one repetition to the next: the frame says that it repeats, an arrow backwards would only confuse.
    if (typeof from === 'number' && (standIn[from] ?? from) > (standIn[to] ?? to)) continue;
    add(typeof from === 'number' ? boxIdOf(from) : `in:${from}`, boxIdOf(to));
  }
  for (const { from, name } of drawn.outputs) add(boxIdOf(from), `out:${name}`);
  return {
    name: graph.name,
    nodeCount: graph.nodes.filter(({ opType }) => opType !== 'Constant').length,
    boxes,
    frames,
    arrows: [...arrows.values()],
  };
}

function boxOf(drawn: DrawnGraph, head: number, indexes: readonly number[], frame: string | null): Box {
  const nodes = indexes.flatMap(index => drawn.nodes[index] ?? []);
  const shown = nodes.length === 1 ? nodes : nodes.filter(({ node }) => !isPassingOn(node));
  const lines = (shown.length === 0 ? nodes : shown).map(lineOf);
  const kinds = nodes.map(({ operator }) => kindOf(operator));
  const kind = ['product', 'control', 'normalisation', 'pooling', 'activation'].find(each =>
    kinds.some(own => own === each),
  );
  const weights = new Set(nodes.flatMap(node => node.weights));
  return {
    id: `n${head}`,
    kind: kinds.find(own => own === kind) ?? kinds[0] ?? 'other',
    lines,
    name: nodes.length === 1 ? (nodes[0]?.node.name ?? '') : '',
    nodeCount: nodes.reduce((total, { hiddenCount }) => total + 1 + hiddenCount, 0),
    parameterCount: [...weights].reduce((total, { elementCount }) => total + elementCount, 0),
    frame,
  };
}

const terminal = (id: string, kind: 'input' | 'output', operator: string, detail: string): Box => ({
  id,
  kind,
  lines: [{ operator, detail }],
  name: operator,
  nodeCount: 0,
  parameterCount: 0,
  frame: null,
});
