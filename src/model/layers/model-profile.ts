import type { Model } from '../model.ts';
import { bytesOf, peakActivationBytes } from './activation-memory.ts';
import { type ExecutedLayer, executedLayers } from './executed-layers.ts';
import { type LoadedLayer, loadedLayers } from './loaded-layers.ts';
import { MAC_FREE_OPERATORS } from './mac-free-operators.ts';
import { mergeRuns, type RunTensor, type RunTrace } from './trace.ts';

/** One layer that ran, as `inspect --profile --json` shows it. */
export interface ProfiledLayer {
  readonly name: string;
  readonly operator: string;
  /** Nodes of the model that it does, by name or operator; empty for what the runtime added. */
  readonly does: readonly string[];
  readonly calls: number;
  readonly inputShapes: readonly (readonly number[])[];
  readonly outputShapes: readonly (readonly number[])[];
  readonly parameterCount: number;
  readonly parameterBytes: number;
  /** Bytes of its outputs. */
  readonly activationBytes: number;
  readonly durationUs: number;
  /** Of the time of all layers. */
  readonly timeShare: number;
  /** null: it has an operator that is not counted. */
  readonly macs: number | null;
}

/** `FusedConv` in a blocked layout still is a convolution: the operator without domain and fusion. */
export const kindOf = (operator: string): string => operator.replace(/^.*:/, '').replace(/^Fused/, '');

const isOfKind = (one: { readonly operator: string }, other: { readonly operator: string }): boolean =>
  kindOf(one.operator) === kindOf(other.operator);

export interface OperatorShare {
  readonly operator: string;
  readonly count: number;
  readonly durationUs: number;
  readonly timeShare: number;
  readonly macs: number | null;
}

/** What one profiled run says of a model. Counts are of the graph as the file has it; times of the graph that ran. */
export interface ModelProfile {
  readonly totals: {
    /** Multiply-accumulates of the model as it is written, over all executions. */
    readonly macs: number;
    readonly parameterCount: number;
    readonly parameterBytes: number;
    readonly peakActivationBytes: number | null;
    /** Weights read once, activations read and written by each layer that ran. */
    readonly movedBytes: number;
    /** Multiply-accumulates per byte moved; null where nothing is moved. */
    readonly arithmeticIntensity: number | null;
    /** Sum over the layers. */
    readonly durationUs: number;
    /** Nodes of the model that ran without optimisation, and layers that the runtime made of them. */
    readonly nodeCount: number;
    readonly layerCount: number;
    /** Share of the time in layers whose multiply-accumulates are not counted. */
    readonly uncountedTimeShare: number;
  };
  /** How many runs the durations are a quantile of. */
  readonly runs: number;
  readonly operators: readonly OperatorShare[];
  readonly layers: readonly ProfiledLayer[];
  /** Operators of the model for which there is no rule, or not the shapes for it. */
  readonly uncounted: readonly { readonly operator: string; readonly count: number }[];
}

/** What was measured: traces of both graphs, and the graphs that the runtime wrote. */
export interface ProfiledRuns {
  /** Of the model without optimisation. One run is enough: only its shapes are used. */
  readonly loaded: RunTrace;
  readonly loadedGraph: Model | null;
  /** Of the model as the runtime optimises it; several runs. */
  readonly optimised: readonly RunTrace[];
  readonly optimisedGraph: Model | null;
  readonly feeds: ReadonlyMap<string, RunTensor>;
}

/**
 * Counts and times of a model's layers.
 * @param quantile of a layer's durations over the runs; the median where nothing is said.
 */
export function profileModel(model: Model, runs: ProfiledRuns, quantile = 0.5): ModelProfile {
  const { layers, unmatchedOperators } = loadedLayers(model, runs.loadedGraph, runs.loaded, runs.feeds);
  const { run, merged } = mergeRuns(runs.optimised, quantile);
  const executed = executedLayers(model, runs.optimisedGraph, run, layers);
  const durationUs = executed.reduce((total, layer) => total + layer.durationUs, 0);
  const weights = weightsByName(model);
  const profiled = executed.map(layer => describeLayer(layer, durationUs, weights));
  const macs = layers.reduce((total, layer) => total + (layer.macs ?? 0), 0);
  const parameters = model.graph.initializers.filter(({ dtype }) => dtype !== 'string');
  const parameterBytes = parameters.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  const activations = executed.reduce(
    (total, { event, calls }) =>
      total + calls * [...event.outputs].reduce((sum, tensor) => sum + bytesOf(tensor), 0),
    0,
  );
  // What a layer makes is read again, as a rule once.
  const movedBytes = parameterBytes + 2 * activations + sum([...runs.feeds.values()].map(bytesOf));
  return {
    totals: {
      macs,
      parameterCount: parameters.reduce((total, { elementCount }) => total + elementCount, 0),
      parameterBytes,
      peakActivationBytes: peakOf(runs, executed),
      movedBytes,
      arithmeticIntensity: movedBytes === 0 ? null : macs / movedBytes,
      durationUs,
      nodeCount: layers.length,
      layerCount: profiled.length,
      uncountedTimeShare: sum(profiled.filter(layer => layer.macs === null).map(layer => layer.timeShare)),
    },
    runs: merged,
    operators: byOperator(profiled),
    layers: profiled,
    uncounted: uncountedOperators(layers, unmatchedOperators),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

interface Weight {
  readonly elementCount: number;
  readonly sizeBytes: number;
}

function weightsByName(model: Model): ReadonlyMap<string, Weight> {
  return new Map(model.graph.initializers.map(tensor => [tensor.name, tensor]));
}

function describeLayer(
  layer: ExecutedLayer,
  totalUs: number,
  weights: ReadonlyMap<string, Weight>,
): ProfiledLayer {
  const names = new Set(layer.sources.flatMap(({ node }) => node.inputs));
  const own = [...names].flatMap(name => weights.get(name) ?? []);
  return {
    name: layer.name,
    operator: layer.operator,
    // Of a convolution with its activation fused in, the convolution comes first: it is what people know the layer by.
    does: layer.sources
      .toSorted((one, other) => Number(isOfKind(other, layer)) - Number(isOfKind(one, layer)))
      .map(({ node, operator }) => node.name || operator),
    calls: layer.calls,
    inputShapes: layer.event.inputs.map(({ shape }) => shape),
    outputShapes: layer.event.outputs.map(({ shape }) => shape),
    parameterCount: sum(own.map(({ elementCount }) => elementCount)),
    parameterBytes: sum(own.map(({ sizeBytes }) => sizeBytes)),
    activationBytes: sum(layer.event.outputs.map(bytesOf)),
    durationUs: layer.durationUs,
    timeShare: totalUs === 0 ? 0 : layer.durationUs / totalUs,
    macs: addMacs(layer.sources.map(({ macs }) => macs)),
  };
}

function addMacs(counts: readonly (number | null)[]): number | null {
  let total = 0;
  for (const count of counts) {
    if (count === null) return null;
    total += count;
  }
  return total;
}

function byOperator(layers: readonly ProfiledLayer[]): readonly OperatorShare[] {
  const groups = Map.groupBy(layers, ({ operator }) => operator);
  return [...groups]
    .map(([operator, members]) => ({
      operator,
      count: members.length,
      durationUs: sum(members.map(({ durationUs }) => durationUs)),
      timeShare: sum(members.map(({ timeShare }) => timeShare)),
      macs: addMacs(members.map(({ macs }) => macs)),
    }))
    .sort((a, b) => b.durationUs - a.durationUs);
}

function uncountedOperators(
  layers: readonly LoadedLayer[],
  unmatched: readonly string[],
): ModelProfile['uncounted'] {
  const groups = Map.groupBy(
    layers.filter(({ macs }) => macs === null),
    ({ operator }) => operator,
  );
  return [
    ...[...groups].map(([operator, members]) => ({ operator, count: members.length })),
    // Nodes that the runtime made of the model's functions and that were not found again.
    ...unmatched
      .filter(operator => !MAC_FREE_OPERATORS.has(`ai.onnx:${operator}`))
      .map(operator => ({ operator, count: 1 })),
  ];
}

function peakOf(runs: ProfiledRuns, executed: readonly ExecutedLayer[]): number | null {
  const { optimisedGraph } = runs;
  if (optimisedGraph === null) return null;
  const top = new Set(optimisedGraph.graph.nodes);
  const order = executed.flatMap(({ node, event }) =>
    node !== null && top.has(node) ? [{ node, outputs: event.outputs }] : [],
  );
  return order.length === 0 ? null : peakActivationBytes(optimisedGraph.graph, order, runs.feeds);
}
