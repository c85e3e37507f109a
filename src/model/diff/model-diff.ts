import type { ValueInfo } from '../inspection.ts';
import { type Attribute, type Model, operatorNameOf } from '../model.ts';
import { interfaceOf, opsetsByDomain } from '../model-interface.ts';
import { matchNodes, type NodeMatch, type NodePair } from './match-nodes.ts';
import { describeSetting, type LabelledGraph, type LabelledNode, labelGraph } from './node-labels.ts';
import { diffWeights, type WeightsDiff } from './weights-diff.ts';

export interface ValueChange {
  readonly name: string;
  /** null: added. */
  readonly before: ValueInfo | null;
  /** null: removed. */
  readonly after: ValueInfo | null;
}

export interface ChangedNode {
  readonly name: string;
  readonly operatorBefore: string;
  readonly operatorAfter: string;
  /** One attribute or input each: `strides: [1, 1] → [2, 2]`. */
  readonly changes: readonly string[];
}

export interface SizePart {
  readonly part: string;
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

/** What kind of change it is, in one word: the question that a reviewer asks first. */
export type DiffVerdict =
  /** Same structure, same weights, and nothing else of the model differs. */
  | 'same model'
  /** Same structure and weights, written anew: other names, producer, opset or metadata. */
  | 're-export'
  /** Same structure, other weights. */
  | 'new weights'
  /** Same structure in other number types: half precision, quantised, or back. */
  | 'other precision'
  /** Same structure and weights behind other inputs or outputs. */
  | 'changed interface'
  /** Other nodes, attributes or sizes. */
  | 'changed architecture';

/** Everything that `inspect --diff` says. `before` is the other model, `after` the inspected one. */
export interface ModelDiff {
  readonly verdict: DiffVerdict;
  /** Why, in a sentence each. */
  readonly reasons: readonly string[];
  readonly before: { readonly path: string; readonly sizeBytes: number };
  readonly after: { readonly path: string; readonly sizeBytes: number };
  readonly producer: { readonly before: string; readonly after: string } | null;
  readonly irVersion: { readonly before: number | null; readonly after: number | null } | null;
  readonly opsets: readonly {
    readonly domain: string;
    readonly before: number | null;
    readonly after: number | null;
  }[];
  readonly inputs: readonly ValueChange[];
  readonly outputs: readonly ValueChange[];
  readonly operators: readonly {
    readonly operator: string;
    readonly before: number;
    readonly after: number;
  }[];
  readonly nodes: {
    readonly matched: number;
    readonly renamed: number;
    readonly changed: readonly ChangedNode[];
    readonly added: readonly { readonly name: string; readonly operator: string }[];
    readonly removed: readonly { readonly name: string; readonly operator: string }[];
    /** Cast, Identity, QuantizeLinear and DequantizeLinear nodes: matching looks through them. */
    readonly conversions: { readonly before: number; readonly after: number; readonly differ: boolean };
  };
  readonly weights: WeightsDiff;
  readonly sizes: readonly SizePart[];
}

/**
 * Compares two models: nodes by structure, weights by their elements.
 * @throws QuickServeError FILE_UNREADABLE where weights cannot be read.
 */
export function diffModels(before: Model, after: Model): ModelDiff {
  const [beforeGraph, afterGraph] = [labelGraph(before.graph), labelGraph(after.graph)];
  const match = matchNodes(beforeGraph, afterGraph);
  const weights = diffWeights(
    { model: before, graph: beforeGraph },
    { model: after, graph: afterGraph },
    match,
  );
  const changed = match.pairs.flatMap(changesOf);
  const facts = {
    producer: changeOf(producerOf(before), producerOf(after)),
    irVersion: changeOf(before.irVersion, after.irVersion),
    opsets: diffOpsets(before, after),
    inputs: diffValues(interfaceOf(before).inputs, interfaceOf(after).inputs),
    outputs: diffValues(interfaceOf(before).outputs, interfaceOf(after).outputs),
    operators: diffOperators(before, after),
    nodes: {
      matched: match.pairs.length,
      renamed: match.pairs.filter(pair => pair.before.node.name !== pair.after.node.name).length,
      changed,
      added: match.added.map(nameNode),
      removed: match.removed.map(nameNode),
      conversions: {
        before: beforeGraph.conversions.length,
        after: afterGraph.conversions.length,
        differ: conversionKey(beforeGraph) !== conversionKey(afterGraph),
      },
    },
    weights,
  };
  return {
    ...judge(facts, match),
    before: { path: before.path, sizeBytes: before.sizeBytes },
    after: { path: after.path, sizeBytes: after.sizeBytes },
    ...facts,
    sizes: sizeParts(before, after),
  };
}

const nameNode = ({
  node,
  operator,
}: LabelledNode): { readonly name: string; readonly operator: string } => ({
  name: node.name,
  operator,
});

/** The conversions of a graph as a multiset: kinds and settings, without places. */
function conversionKey({ conversions }: LabelledGraph): string {
  return conversions
    .map(node => `${operatorNameOf(node)} ${node.attributes.map(each => describeSetting(each.value)).join()}`)
    .sort()
    .join('\n');
}

type Facts = Pick<
  ModelDiff,
  'producer' | 'irVersion' | 'opsets' | 'inputs' | 'outputs' | 'nodes' | 'weights'
>;

const percent = (share: number): string => `${Math.floor(share * 1000) / 10} %`;

const isOtherType = (before: string, after: string): boolean =>
  before !== after && before.slice(before.indexOf('[')) === after.slice(after.indexOf('['));

function judge(facts: Facts, match: NodeMatch): Pick<ModelDiff, 'verdict' | 'reasons'> {
  const { nodes, weights, inputs, outputs } = facts;
  const { conversions } = nodes;
  const changes = nodes.changed.flatMap(node =>
    node.operatorBefore === node.operatorAfter ? node.changes : [`operator of ${node.name}`],
  );
  const onlyTypes = changes.every(change => change.startsWith('weight type: '));
  const touched = (onlyTypes ? 0 : nodes.changed.length) + nodes.added.length + nodes.removed.length;
  const sameNames = [...inputs, ...outputs].every(
    ({ before, after }) =>
      before !== null && after !== null && JSON.stringify(before.shape) === JSON.stringify(after.shape),
  );
  const sameInterface = inputs.length + outputs.length === 0;
  const all = `all ${match.pairs.length} nodes match`;
  const converted = conversions.differ
    ? [`${conversions.before} → ${conversions.after} nodes that convert or quantise`]
    : [];
  const carried = `${percent(weights.carriedShare)} of the weights' bytes were there before`;
  if (touched > 0) {
    // An exporter may move a setting from an attribute to an input; a setting of another value computes another thing.
    const isReset = changes.some(
      change => /^[^:]+: (?!unset →).* → (?!unset$)/.test(change) && !change.startsWith('inputs: '),
    );
    const isRewritten =
      sameInterface && !isReset && weights.reshaped + weights.moved === 0 && weights.carriedShare > 0.99;
    if (isRewritten) {
      return {
        verdict: 're-export',
        reasons: [carried, `${touched} ${touched === 1 ? 'node is' : 'nodes are'} written in another way`],
      };
    }
    return {
      verdict: 'changed architecture',
      reasons: [
        ...(sameInterface ? [] : ['the interface differs']),
        ...(nodes.added.length === 0
          ? []
          : [`${nodes.added.length} ${nodes.added.length === 1 ? 'node' : 'nodes'} came`]),
        ...(nodes.removed.length === 0
          ? []
          : [`${nodes.removed.length} ${nodes.removed.length === 1 ? 'node' : 'nodes'} went`]),
        ...(nodes.matched === 0 ? ['no node matches'] : []),
        ...(nodes.changed.length === 0
          ? []
          : [
              `${nodes.changed.length} ${nodes.changed.length === 1 ? 'node has' : 'nodes have'} other settings or sizes`,
            ]),
        ...converted,
        carried,
      ],
    };
  }
  if ((changes.length > 0 || conversions.differ) && sameNames && (weights.reshaped > 0 || !sameInterface)) {
    return {
      verdict: 'other precision',
      reasons: [all, `${weights.reshaped} of ${weights.compared} weights have another type`, ...converted],
    };
  }
  if (!sameInterface) {
    return { verdict: 'changed interface', reasons: ['inputs or outputs differ', all, carried] };
  }
  if (weights.moved > 0) {
    return {
      verdict: 'new weights',
      reasons: [all, `${weights.moved} of ${weights.compared} weights differ`, ...converted],
    };
  }
  const wording = [
    ...(facts.producer === null ? [] : ['another producer']),
    ...(facts.opsets.length + (facts.irVersion === null ? 0 : 1) === 0
      ? []
      : ['another opset or IR version']),
    ...(nodes.renamed === 0
      ? []
      : [`${nodes.renamed} ${nodes.renamed === 1 ? 'node has another name' : 'nodes have other names'}`]),
    ...converted,
  ];
  const compared = `${weights.equal} of ${weights.compared} weights are equal`;
  return wording.length === 0
    ? { verdict: 'same model', reasons: [all, compared] }
    : { verdict: 're-export', reasons: [all, compared, ...wording] };
}

function changesOf({ before, after }: NodePair): readonly ChangedNode[] {
  const changes: string[] = [];
  if (before.settings !== after.settings) {
    const [old, now] = [attributesOf(before.node.attributes), attributesOf(after.node.attributes)];
    for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
      const [left, right] = [old.get(name) ?? 'unset', now.get(name) ?? 'unset'];
      if (left !== right) changes.push(`${name}: ${left} → ${right}`);
    }
    if (before.node.inputs.length !== after.node.inputs.length) {
      changes.push(`inputs: ${before.node.inputs.length} → ${after.node.inputs.length}`);
    }
    if (changes.length === 0 && before.operator === after.operator) changes.push('its subgraph differs');
  }
  for (const [position, weight] of before.weights.entries()) {
    const other = after.weights[position];
    if (!weight || !other) continue;
    const [left, right] = [
      `${weight.dtype}[${weight.dims.join(',')}]`,
      `${other.dtype}[${other.dims.join(',')}]`,
    ];
    if (left !== right)
      changes.push(`${isOtherType(left, right) ? 'weight type' : 'weight'}: ${left} → ${right}`);
  }
  if (before.operator === after.operator && changes.length === 0) return [];
  return [{ name: after.node.name, operatorBefore: before.operator, operatorAfter: after.operator, changes }];
}

function attributesOf(attributes: readonly Attribute[]): ReadonlyMap<string, string> {
  return new Map(attributes.map(({ name, value }) => [name, describeSetting(value)]));
}

function changeOf<Value>(
  before: Value,
  after: Value,
): { readonly before: Value; readonly after: Value } | null {
  return before === after ? null : { before, after };
}

const producerOf = ({ producer }: Model): string => `${producer.name} ${producer.version}`.trim();

function diffOpsets(before: Model, after: Model): ModelDiff['opsets'] {
  const [old, now] = [opsetsByDomain(before.opsets), opsetsByDomain(after.opsets)];
  const domains = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return domains
    .map(domain => ({ domain, before: old[domain] ?? null, after: now[domain] ?? null }))
    .filter(change => change.before !== change.after);
}

function diffValues(before: readonly ValueInfo[], after: readonly ValueInfo[]): readonly ValueChange[] {
  const names = new Set([...before, ...after].map(({ name }) => name));
  const changes = [...names].map(name => ({
    name,
    before: before.find(value => value.name === name) ?? null,
    after: after.find(value => value.name === name) ?? null,
  }));
  return changes.filter(change => JSON.stringify(change.before) !== JSON.stringify(change.after));
}

function diffOperators(before: Model, after: Model): ModelDiff['operators'] {
  const count = (model: Model): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const node of model.graph.nodes) {
      const operator = operatorNameOf(node);
      counts.set(operator, (counts.get(operator) ?? 0) + 1);
    }
    return counts;
  };
  const [old, now] = [count(before), count(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .map(operator => ({ operator, before: old.get(operator) ?? 0, after: now.get(operator) ?? 0 }))
    .filter(change => change.before !== change.after)
    .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before));
}

/** Weights by type, and what the file has beside them: nodes, names, documentation. */
function sizeParts(before: Model, after: Model): readonly SizePart[] {
  const parts = new Map<string, { before: number; after: number }>();
  for (const [side, model] of [
    ['before', before],
    ['after', after],
  ] as const) {
    const add = (part: string, sizeBytes: number): void => {
      const known = parts.get(part) ?? { before: 0, after: 0 };
      known[side] += sizeBytes;
      parts.set(part, known);
    };
    let inside = 0;
    for (const { dtype, sizeBytes, payload } of model.graph.initializers) {
      add(`weights ${dtype}`, sizeBytes);
      if (payload.kind !== 'external') inside += sizeBytes;
    }
    add('structure', Math.max(0, model.sizeBytes - inside));
  }
  return [...parts]
    .map(([part, sizes]) => ({ part, beforeBytes: sizes.before, afterBytes: sizes.after }))
    .filter(({ beforeBytes, afterBytes }) => beforeBytes + afterBytes > 0)
    .sort((a, b) => Math.max(b.beforeBytes, b.afterBytes) - Math.max(a.beforeBytes, a.afterBytes));
}
