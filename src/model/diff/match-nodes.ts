import { digest, type LabelledGraph, type LabelledNode } from './node-labels.ts';

export interface NodePair {
  readonly before: LabelledNode;
  readonly after: LabelledNode;
}

export interface NodeMatch {
  readonly pairs: readonly NodePair[];
  readonly removed: readonly LabelledNode[];
  readonly added: readonly LabelledNode[];
}

type Label = (node: LabelledNode) => string;

/** How far around a node the last rounds look. */
const NEIGHBOURHOODS = [4, 3, 2, 1] as const;

/**
 * Matches the nodes of two graphs by structure. First those with the same past from the inputs on (or the same future up
 * to the outputs), then those between matched neighbours, strict before loose: with the same settings and sizes, with
 * the same settings, with the same operator. Names are never looked at, but for inputs and outputs of the graph.
 */
export function matchNodes(before: LabelledGraph, after: LabelledGraph): NodeMatch {
  const matching = new Matching(before, after);
  const rounds: (() => void)[] = [];
  for (const own of [OWN.whole, OWN.operator]) {
    rounds.push(
      () => matching.pairBy(pastLabels(before, own), pastLabels(after, own)),
      () => matching.pairBy(futureLabels(before, own), futureLabels(after, own)),
    );
  }
  const strictFirst = [OWN.whole, OWN.settings, OWN.operator];
  for (const own of strictFirst) {
    for (const depth of NEIGHBOURHOODS) rounds.push(() => matching.spread(own, depth));
  }
  for (const own of strictFirst) {
    rounds.push(
      () => matching.attach(own, 'behind'),
      () => matching.attach(own, 'ahead'),
    );
  }
  // What stands in the place of another operator has replaced it.
  rounds.push(() => matching.attach(() => '', 'both'));
  for (const round of rounds) {
    if (!matching.isOpen()) break;
    round();
  }
  return matching.result();
}

const OWN = {
  whole: (node: LabelledNode): string => node.whole,
  settings: (node: LabelledNode): string => node.settings,
  operator: (node: LabelledNode): string => node.operator,
} as const;

/** Labels from all that leads to a node. Graphs are sorted in a valid file; what is not counts as an input. */
function pastLabels({ nodes }: LabelledGraph, own: Label): readonly string[] {
  const labels: string[] = [];
  for (const node of nodes) {
    labels.push(
      digest(
        own(node),
        ...node.inputNames,
        ...node.producers.map(producer => (producer < 0 ? '' : (labels[producer] ?? ''))),
      ),
    );
  }
  return labels;
}

function futureLabels({ nodes }: LabelledGraph, own: Label): readonly string[] {
  const labels: string[] = new Array(nodes.length).fill('');
  for (let index = nodes.length - 1; index >= 0; index -= 1) {
    const node = nodes[index];
    if (node === undefined) continue;
    const after = node.consumers.map(consumer => labels[consumer] ?? '').sort();
    labels[index] = digest(own(node), ...node.outputNames, ...after);
  }
  return labels;
}

class Matching {
  readonly #before: LabelledGraph;
  readonly #after: LabelledGraph;
  /** By index: the partner's index, or -1. */
  readonly #partnerOfBefore: number[];
  readonly #partnerOfAfter: number[];

  constructor(before: LabelledGraph, after: LabelledGraph) {
    this.#before = before;
    this.#after = after;
    this.#partnerOfBefore = new Array(before.nodes.length).fill(-1);
    this.#partnerOfAfter = new Array(after.nodes.length).fill(-1);
  }

  /** Whether both graphs have nodes without a partner. */
  isOpen(): boolean {
    return this.#partnerOfBefore.includes(-1) && this.#partnerOfAfter.includes(-1);
  }

  /** Pairs free nodes with equal labels, in order, where both graphs have as many of them. Says how many. */
  pairBy(beforeLabels: readonly string[], afterLabels: readonly string[]): number {
    const beforeGroups = this.#freeBy(beforeLabels, this.#partnerOfBefore);
    const afterGroups = this.#freeBy(afterLabels, this.#partnerOfAfter);
    let paired = 0;
    for (const [label, left] of beforeGroups) {
      const right = afterGroups.get(label);
      if (right === undefined || right.length !== left.length) continue;
      for (const [position, index] of left.entries()) {
        const partner = right[position];
        if (partner === undefined) continue;
        this.#partnerOfBefore[index] = partner;
        this.#partnerOfAfter[partner] = index;
        paired += 1;
      }
    }
    return paired;
  }

  /** Pairs free nodes with the same surroundings, again and again, since each pair tells its neighbours more. */
  spread(own: Label, depth: number): void {
    for (let paired = 1, round = 0; paired > 0 && round < 50 && this.isOpen(); round += 1) {
      paired = this.pairBy(
        this.#surroundings(this.#before, this.#partnerOfBefore, own, depth, index => index),
        this.#surroundings(
          this.#after,
          this.#partnerOfAfter,
          own,
          depth,
          index => this.#partnerOfAfter[index] ?? -1,
        ),
      );
    }
  }

  /** Pairs free nodes whose neighbours on one side, or on both, are the matched ones; looks no further. */
  attach(own: Label, side: 'behind' | 'ahead' | 'both'): void {
    for (let paired = 1, round = 0; paired > 0 && round < 50 && this.isOpen(); round += 1) {
      paired = this.pairBy(
        this.#neighbours(this.#before, own, side, index =>
          (this.#partnerOfBefore[index] ?? -1) < 0 ? -1 : index,
        ),
        this.#neighbours(this.#after, own, side, index => this.#partnerOfAfter[index] ?? -1),
      );
    }
  }

  /** `pairName` is the index in the old graph of a matched neighbour, or -1; a node without any gets a label of its own. */
  #neighbours(
    graph: LabelledGraph,
    own: Label,
    side: 'behind' | 'ahead' | 'both',
    pairName: (index: number) => number,
  ): readonly string[] {
    return graph.nodes.map(node => {
      const behind = node.producers.map(producer => (producer < 0 ? -1 : pairName(producer)));
      const ahead = node.consumers.map(pairName).sort((a, b) => a - b);
      const isHeld = (names: readonly number[]): boolean => names.some(name => name >= 0);
      const tied =
        side === 'both' ? isHeld(behind) && isHeld(ahead) : isHeld(side === 'behind' ? behind : ahead);
      if (!tied) return `free ${graph === this.#before ? 'before' : 'after'} ${node.index}`;
      return digest(
        own(node),
        side === 'ahead' ? '' : behind.join(),
        side === 'behind' ? '' : ahead.join(),
        ...node.inputNames,
        ...node.outputNames,
      );
    });
  }

  /** Labels from the neighbours up to a distance; a matched neighbour is known by its pair. */
  #surroundings(
    { nodes }: LabelledGraph,
    partners: readonly number[],
    own: Label,
    depth: number,
    pairName: (index: number) => number,
  ): readonly string[] {
    const known = (index: number): string | null =>
      (partners[index] ?? -1) >= 0 ? `#${pairName(index)}` : null;
    let labels = nodes.map(node => known(node.index) ?? own(node));
    for (let step = 0; step < depth; step += 1) {
      const previous = labels;
      labels = nodes.map(node => {
        const name = known(node.index);
        if (name !== null) return name;
        const ahead = node.consumers.map(consumer => previous[consumer] ?? '').sort();
        const behind = node.producers.map(producer => (producer < 0 ? '' : (previous[producer] ?? '')));
        return digest(
          previous[node.index] ?? '',
          ...behind,
          '|',
          ...ahead,
          ...node.inputNames,
          ...node.outputNames,
        );
      });
    }
    return labels;
  }

  #freeBy(labels: readonly string[], partners: readonly number[]): Map<string, number[]> {
    const groups = new Map<string, number[]>();
    for (const [index, label] of labels.entries()) {
      if ((partners[index] ?? -1) >= 0) continue;
      const group = groups.get(label);
      if (group === undefined) groups.set(label, [index]);
      else group.push(index);
    }
    return groups;
  }

  result(): NodeMatch {
    const pairs = this.#before.nodes.flatMap(node => {
      const partner = this.#after.nodes[this.#partnerOfBefore[node.index] ?? -1];
      return partner === undefined ? [] : [{ before: node, after: partner }];
    });
    return {
      pairs,
      removed: this.#before.nodes.filter(node => (this.#partnerOfBefore[node.index] ?? -1) < 0),
      added: this.#after.nodes.filter(node => (this.#partnerOfAfter[node.index] ?? -1) < 0),
    };
  }
}
