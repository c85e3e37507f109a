import { quoteName } from '../shared/terminal-text.ts';
import type { ByteSource } from './byte-source.ts';
import { dtypeOfNumber, onnxNameOf, packedBytes } from './dtypes.ts';
import { FlatBuffer, type FlatTable } from './flatbuffer.ts';
import type { Dimension, ValueInfo } from './inspection.ts';
import { KEPT_LIST_LENGTH, type ReaderLimits } from './limits.ts';
import type { Attribute, AttributeValue, Graph, Model, Node, SparseTensorInfo, TensorInfo } from './model.ts';
import { ProblemLog } from './problem-log.ts';
import { checkPayload, countElements } from './tensor-checks.ts';
import { type DecodedType, toValueInfo, UNTYPED } from './type-decoder.ts';

/*
 * Slots of the tables in onnxruntime's ort.fbs, in the order of the schema:
 * https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/flatbuffers/schema/ort.fbs
 * A union takes two slots: its type, then its value.
 */
const SESSION = { ortVersion: 0, model: 1 };
const MODEL = {
  irVersion: 0,
  opsetImport: 1,
  producerName: 2,
  producerVersion: 3,
  domain: 4,
  modelVersion: 5,
  docString: 6,
  graph: 7,
  graphDocString: 8,
  metadata: 9,
};
const OPSET = { domain: 0, version: 1 };
const GRAPH = { initializers: 0, nodeArgs: 1, nodes: 2, inputs: 5, outputs: 6, sparseInitializers: 7 };
const NODE = { name: 0, domain: 2, opType: 5, inputs: 8, outputs: 9, attributes: 10 };
const VALUE_INFO = { name: 0, type: 2 };
const TYPE_INFO = { valueType: 1, value: 2 };
const TENSOR_TYPE = { elementType: 0, shape: 1 };
const SEQUENCE_TYPE = { elementType: 0 };
const MAP_TYPE = { keyType: 0, valueType: 1 };
const SHAPE = { dim: 0 };
const DIMENSION = { value: 0 };
const DIMENSION_VALUE = { kind: 0, size: 1, symbol: 2 };
const TENSOR = { name: 0, dims: 2, dataType: 3, rawData: 4, stringData: 5, externalDataOffset: 6 };
const SPARSE_TENSOR = { values: 0, indices: 1, dims: 2 };
const ATTRIBUTE = {
  name: 0,
  type: 2,
  f: 3,
  i: 4,
  s: 5,
  t: 6,
  g: 7,
  floats: 8,
  ints: 9,
  strings: 10,
  tensors: 11,
  graphs: 12,
};
const ENTRY = { key: 0, value: 1 };

const TYPE_TENSOR = 1;
const TYPE_SEQUENCE = 2;
const TYPE_MAP = 3;
const DIMENSION_SIZE = 1;
const DIMENSION_SYMBOL = 2;

interface OrtContext {
  readonly buffer: FlatBuffer;
  readonly problems: ProblemLog;
}

/**
 * Decodes a file in ORT format (FlatBuffers, identifier ORTM), weights skipped. Functions are inlined in this format,
 * so there are none. Throws MODEL_MALFORMED and MODEL_LIMIT.
 */
export function decodeOrtModel(source: ByteSource, limits: ReaderLimits): Model {
  const context: OrtContext = { buffer: new FlatBuffer(source, limits), problems: new ProblemLog() };
  const model = context.buffer.root().table(SESSION.model);
  const graph = model?.table(MODEL.graph);
  return {
    path: source.name,
    sizeBytes: source.sizeBytes,
    format: 'ort',
    irVersion: model === null ? null : Number(model.int64(MODEL.irVersion)),
    opsets: (model?.tables(MODEL.opsetImport) ?? []).map(opset => ({
      domain: opset.string(OPSET.domain),
      version: Number(opset.int64(OPSET.version)),
    })),
    producer: {
      name: model?.string(MODEL.producerName) ?? '',
      version: model?.string(MODEL.producerVersion) ?? '',
    },
    domain: model?.string(MODEL.domain) ?? '',
    modelVersion: Number(model?.int64(MODEL.modelVersion) ?? 0),
    docString: model?.string(MODEL.docString) ?? '',
    metadata: (model?.tables(MODEL.metadata) ?? []).map(entry => ({
      key: entry.string(ENTRY.key),
      value: entry.string(ENTRY.value),
    })),
    graph: graph ? decodeGraph(context, graph) : EMPTY_GRAPH,
    functions: [],
    trainingInfo: [],
    findings: context.problems.list(),
  };
}

const EMPTY_GRAPH: Graph = {
  name: '',
  docString: '',
  nodes: [],
  initializers: [],
  sparseInitializers: [],
  inputs: [],
  outputs: [],
  valueInfo: [],
};

function decodeGraph(context: OrtContext, graph: FlatTable): Graph {
  const values = new Map<string, ValueInfo>();
  for (const value of graph.tables(GRAPH.nodeArgs)) {
    const name = value.string(VALUE_INFO.name);
    values.set(name, toValueInfo(name, decodeType(value.table(VALUE_INFO.type))));
  }
  const named = (name: string): ValueInfo => values.get(name) ?? toValueInfo(name, UNTYPED);
  const inputs = graph.strings(GRAPH.inputs).map(named);
  const outputs = graph.strings(GRAPH.outputs).map(named);
  const border = new Set([...inputs, ...outputs].map(({ name }) => name));
  return {
    name: '',
    docString: '',
    nodes: graph.tables(GRAPH.nodes).map(node => decodeNode(context, node)),
    initializers: graph.tables(GRAPH.initializers).map(tensor => decodeTensor(context, tensor)),
    sparseInitializers: graph
      .tables(GRAPH.sparseInitializers)
      .flatMap(sparse => decodeSparseTensor(context, sparse)),
    inputs,
    outputs,
    valueInfo: [...values.values()].filter(({ name }) => name !== '' && !border.has(name)),
  };
}

function decodeNode(context: OrtContext, node: FlatTable): Node {
  return {
    name: node.string(NODE.name),
    opType: node.string(NODE.opType),
    domain: node.string(NODE.domain),
    overload: '',
    inputs: node.strings(NODE.inputs),
    outputs: node.strings(NODE.outputs),
    attributes: node.tables(NODE.attributes).map(attribute => decodeAttribute(context, attribute)),
    offset: node.offset,
  };
}

/** AttributeProto.AttributeType has the same numbers as the enumeration of the schema. */
function decodeAttribute(context: OrtContext, attribute: FlatTable): Attribute {
  return { name: attribute.string(ATTRIBUTE.name), value: decodeAttributeValue(context, attribute) };
}

function decodeAttributeValue(context: OrtContext, attribute: FlatTable): AttributeValue {
  switch (attribute.int32(ATTRIBUTE.type)) {
    case 1:
      return { kind: 'float', value: attribute.float(ATTRIBUTE.f) };
    case 2:
      return { kind: 'int', value: attribute.int64(ATTRIBUTE.i) };
    case 3: {
      const text = attribute.vector(ATTRIBUTE.s, 1);
      return text === null || text.length > 1024
        ? {
            kind: 'string',
            sizeBytes: text?.length ?? 0,
            offset: text?.offset ?? 0,
            value: text === null ? '' : null,
          }
        : {
            kind: 'string',
            sizeBytes: text.length,
            offset: text.offset,
            value: attribute.string(ATTRIBUTE.s),
          };
    }
    case 4: {
      const tensor = attribute.table(ATTRIBUTE.t);
      return tensor === null ? { kind: 'empty' } : { kind: 'tensor', value: decodeTensor(context, tensor) };
    }
    case 5: {
      const graph = attribute.table(ATTRIBUTE.g);
      return graph === null ? { kind: 'empty' } : { kind: 'graph', value: decodeGraph(context, graph) };
    }
    case 6: {
      const count = attribute.vector(ATTRIBUTE.floats, 4)?.length ?? 0;
      return {
        kind: 'floats',
        count,
        values: count > KEPT_LIST_LENGTH ? null : attribute.floats(ATTRIBUTE.floats),
      };
    }
    case 7: {
      const count = attribute.vector(ATTRIBUTE.ints, 8)?.length ?? 0;
      return {
        kind: 'ints',
        count,
        values: count > KEPT_LIST_LENGTH ? null : attribute.int64s(ATTRIBUTE.ints),
      };
    }
    case 8: {
      const count = attribute.vector(ATTRIBUTE.strings, 4)?.length ?? 0;
      return {
        kind: 'strings',
        count,
        values: count > KEPT_LIST_LENGTH ? null : attribute.strings(ATTRIBUTE.strings),
      };
    }
    case 9:
      return {
        kind: 'tensors',
        values: attribute.tables(ATTRIBUTE.tensors).map(tensor => decodeTensor(context, tensor)),
      };
    case 10:
      return {
        kind: 'graphs',
        values: attribute.tables(ATTRIBUTE.graphs).map(graph => decodeGraph(context, graph)),
      };
    default:
      return { kind: 'empty' };
  }
}

function decodeTensor({ problems }: OrtContext, tensor: FlatTable): TensorInfo {
  const name = tensor.string(TENSOR.name);
  const where = `Tensor ${quoteName(name)}`;
  const dims = tensor.int64s(TENSOR.dims).map(Number);
  const dtype = dtypeOfNumber(tensor.int32(TENSOR.dataType)) ?? 'undefined';
  const raw = tensor.vector(TENSOR.rawData, 1);
  const strings = tensor.vector(TENSOR.stringData, 4);
  const elementCount = countElements(problems, where, dims, tensor.offset);
  const result: TensorInfo = {
    name,
    dtype,
    dims,
    elementCount: elementCount ?? 0,
    sizeBytes: packedBytes(dtype, elementCount ?? 0),
    payload: decodePayload(raw, strings),
  };
  // Newer files may keep large tensors in a file of their own, of which the schema only gives the offset.
  const isOutside = raw === null && strings === null && tensor.int64(TENSOR.externalDataOffset) !== 0;
  if (elementCount !== null && !isOutside) checkPayload(problems, where, result, tensor.offset);
  return result;
}

function decodePayload(
  raw: { readonly offset: number; readonly length: number } | null,
  strings: { readonly offset: number; readonly length: number } | null,
): TensorInfo['payload'] {
  if (raw !== null) return { kind: 'raw', offset: raw.offset, sizeBytes: raw.length };
  if (strings === null) return { kind: 'none' };
  return {
    kind: 'typed',
    field: 'string_data',
    offset: strings.offset,
    sizeBytes: 0,
    storedCount: strings.length,
  };
}

function decodeSparseTensor(context: OrtContext, sparse: FlatTable): SparseTensorInfo[] {
  const values = sparse.table(SPARSE_TENSOR.values);
  if (values === null) return [];
  const indices = sparse.table(SPARSE_TENSOR.indices);
  const tensor = decodeTensor(context, values);
  return [
    {
      name: tensor.name,
      dims: sparse.int64s(SPARSE_TENSOR.dims).map(Number),
      values: tensor,
      indices: indices === null ? null : decodeTensor(context, indices),
    },
  ];
}

function decodeType(type: FlatTable | null): DecodedType {
  const value = type?.table(TYPE_INFO.value) ?? null;
  if (type === null || value === null) return UNTYPED;
  switch (type.int8(TYPE_INFO.valueType)) {
    case TYPE_TENSOR: {
      const dtype = dtypeOfNumber(value.int32(TENSOR_TYPE.elementType)) ?? 'undefined';
      const shape = value.table(TENSOR_TYPE.shape);
      return {
        kind: 'tensor',
        dtype,
        shape: shape === null ? null : shape.tables(SHAPE.dim).map(decodeDimension),
        notation: `tensor(${onnxNameOf(dtype)})`,
      };
    }
    case TYPE_SEQUENCE: {
      const element = decodeType(value.table(SEQUENCE_TYPE.elementType));
      return { ...element, kind: 'sequence', notation: `seq(${element.notation})` };
    }
    case TYPE_MAP: {
      const key = dtypeOfNumber(value.int32(MAP_TYPE.keyType)) ?? 'undefined';
      const element = decodeType(value.table(MAP_TYPE.valueType));
      return { ...element, kind: 'map', notation: `map(${onnxNameOf(key)},${element.notation})` };
    }
    default:
      return UNTYPED;
  }
}

function decodeDimension(dimension: FlatTable): Dimension {
  const value = dimension.table(DIMENSION.value);
  if (value === null) return null;
  switch (value.int8(DIMENSION_VALUE.kind)) {
    case DIMENSION_SIZE: {
      const size = Number(value.int64(DIMENSION_VALUE.size));
      return size >= 0 && Number.isSafeInteger(size) ? size : null;
    }
    case DIMENSION_SYMBOL:
      return value.string(DIMENSION_VALUE.symbol) || null;
    default:
      return null;
  }
}
