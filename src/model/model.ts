import type { Finding } from '../shared/finding.ts';
import type { Dtype, ValueInfo } from './inspection.ts';

/** Where the elements of a tensor are. Offsets and sizes are bytes of the model file. */
export type TensorPayload =
  | { readonly kind: 'none' }
  | { readonly kind: 'raw'; readonly offset: number; readonly sizeBytes: number }
  | {
      /** In one of the typed lists (`float_data`, `int32_data`, `string_data`, ...). */
      readonly kind: 'typed';
      readonly field: string;
      readonly offset: number;
      readonly sizeBytes: number;
      /** null where the list is too long to be counted. */
      readonly storedCount: number | null;
    }
  | {
      readonly kind: 'external';
      readonly location: string;
      readonly offset: number;
      /** null where the model does not say: to the end of what the dims need. */
      readonly sizeBytes: number | null;
      readonly checksum: string | null;
    };

export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly dims: readonly number[];
  /** Product of the dims; 1 for a scalar, 0 where the dims are unusable (a finding says so). */
  readonly elementCount: number;
  /** Size of the elements in memory: packed size by dims and dtype; for strings the bytes of the text. */
  readonly sizeBytes: number;
  readonly payload: TensorPayload;
}

/** A tensor stored as its non-zero values; `values.name` is its name. */
export interface SparseTensorInfo {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: TensorInfo;
  readonly indices: TensorInfo | null;
}

/** The value of an attribute. Long lists and strings are counted and located; their values are null. */
export type AttributeValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number | bigint }
  | {
      readonly kind: 'string';
      readonly sizeBytes: number;
      readonly offset: number;
      readonly value: string | null;
    }
  | { readonly kind: 'tensor'; readonly value: TensorInfo }
  | { readonly kind: 'sparse_tensor'; readonly value: SparseTensorInfo }
  | { readonly kind: 'graph'; readonly value: Graph }
  | { readonly kind: 'type'; readonly value: ValueInfo }
  | { readonly kind: 'floats'; readonly count: number; readonly values: readonly number[] | null }
  | { readonly kind: 'ints'; readonly count: number; readonly values: readonly (number | bigint)[] | null }
  | { readonly kind: 'strings'; readonly count: number; readonly values: readonly (string | null)[] | null }
  | { readonly kind: 'tensors'; readonly values: readonly TensorInfo[] }
  | { readonly kind: 'sparse_tensors'; readonly values: readonly SparseTensorInfo[] }
  | { readonly kind: 'graphs'; readonly values: readonly Graph[] }
  | { readonly kind: 'types'; readonly values: readonly ValueInfo[] }
  /** In a function body: the value of the call's attribute of this name. */
  | { readonly kind: 'reference'; readonly name: string }
  | { readonly kind: 'empty' };

export interface Attribute {
  readonly name: string;
  readonly value: AttributeValue;
}

export interface Node {
  readonly name: string;
  readonly opType: string;
  /** As written; '' and 'ai.onnx' are the same domain (see `domainOf`). */
  readonly domain: string;
  readonly overload: string;
  /** '' stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly Attribute[];
  /** Where the node starts in the file, in bytes. */
  readonly offset: number;
}

export interface Graph {
  readonly name: string;
  readonly docString: string;
  readonly nodes: readonly Node[];
  readonly initializers: readonly TensorInfo[];
  readonly sparseInitializers: readonly SparseTensorInfo[];
  /** All graph inputs, those that only give an initializer a type included. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly valueInfo: readonly ValueInfo[];
}

export interface OpsetImport {
  readonly domain: string;
  readonly version: number;
}

/** A function that the model defines for itself (FunctionProto). */
export interface FunctionDefinition {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributeNames: readonly string[];
  readonly defaultAttributes: readonly Attribute[];
  readonly nodes: readonly Node[];
  readonly opsets: readonly OpsetImport[];
}

/** One training step (TrainingInfoProto); no part of inference. */
export interface TrainingInfo {
  readonly initialization: Graph | null;
  readonly algorithm: Graph | null;
}

export interface MetadataEntry {
  readonly key: string;
  readonly value: string;
}

/** An ONNX model without its weights: the whole structure, and where each payload is. */
export interface Model {
  readonly path: string;
  readonly sizeBytes: number;
  readonly format: 'onnx' | 'ort';
  /** null where the file does not say. */
  readonly irVersion: number | null;
  readonly opsets: readonly OpsetImport[];
  readonly producer: { readonly name: string; readonly version: string };
  readonly domain: string;
  readonly modelVersion: number;
  readonly docString: string;
  readonly metadata: readonly MetadataEntry[];
  readonly graph: Graph;
  readonly functions: readonly FunctionDefinition[];
  readonly trainingInfo: readonly TrainingInfo[];
  /** What was wrong or odd while reading, though readable. */
  readonly findings: readonly Finding[];
}

/** The canonical name of an operator domain: ONNX's own has two spellings. */
export function domainOf(domain: string): string {
  return domain === '' ? 'ai.onnx' : domain;
}

/** `Conv`, or `com.microsoft:Gelu` outside ONNX's own domain. */
export function operatorNameOf(node: Pick<Node, 'opType' | 'domain'>): string {
  const domain = domainOf(node.domain);
  return domain === 'ai.onnx' ? node.opType : `${domain}:${node.opType}`;
}

/** The graphs that a node holds in its attributes (the branches of If, the body of Loop and Scan). */
export function subgraphsOf(node: Node): readonly Graph[] {
  // Never spread into `push`: a hostile node holds more graphs than a call takes arguments.
  return node.attributes.flatMap(({ value }) => {
    if (value.kind === 'graph') return value.value;
    return value.kind === 'graphs' ? value.values : [];
  });
}

/** Every graph of a model, outermost first: the main graph and all subgraphs, those in function bodies too. */
export function* graphsOf(model: Pick<Model, 'graph' | 'functions'>): Generator<Graph> {
  const pending: Graph[] = [model.graph];
  const addSubgraphs = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      if (node.attributes.length > 0) for (const graph of subgraphsOf(node)) pending.push(graph);
    }
  };
  for (const { nodes } of model.functions) addSubgraphs(nodes);
  // The list grows while it is walked.
  for (const graph of pending) {
    yield graph;
    addSubgraphs(graph.nodes);
  }
}
