import { quoteName } from '../shared/terminal-text.ts';
import { chooseList, decodeListElement, newListValues } from './attribute-lists.ts';
import { type DecodeContext, decodeOpset, decodeText } from './decode-context.ts';
import type { ValueInfo } from './inspection.ts';
import { KEPT_STRING_BYTES } from './limits.ts';
import type {
  Attribute,
  AttributeValue,
  FunctionDefinition,
  Graph,
  Node,
  OpsetImport,
  SparseTensorInfo,
  TensorInfo,
  TrainingInfo,
} from './model.ts';
import { ATTRIBUTE, FUNCTION, GRAPH, NODE, TRAINING_INFO } from './onnx-schema.ts';
import { decodeSparseTensor, decodeTensor } from './tensor-decoder.ts';
import { decodeType, decodeValueInfo, toValueInfo } from './type-decoder.ts';

/** Shared by all nodes without attributes, outputs, ...: a graph has 100,000 of them. */
const NONE: readonly never[] = [];

/** AttributeProto.AttributeType, where a list may be empty and only the type says which list it is. */
const EMPTY_LISTS: Readonly<Record<number, AttributeValue>> = {
  6: { kind: 'floats', count: 0, values: NONE },
  7: { kind: 'ints', count: 0, values: NONE },
  8: { kind: 'strings', count: 0, values: NONE },
  9: { kind: 'tensors', values: NONE },
  10: { kind: 'graphs', values: NONE },
  12: { kind: 'sparse_tensors', values: NONE },
  14: { kind: 'types', values: NONE },
};

/** Scalars that proto3 writers leave out because they are 0 or ''. */
const DEFAULT_SCALARS: Readonly<Record<number, AttributeValue>> = {
  1: { kind: 'float', value: 0 },
  2: { kind: 'int', value: 0 },
  3: { kind: 'string', sizeBytes: 0, offset: 0, value: '' },
};

/** What an empty graph takes, in nodes, with what checking it takes: real models have a few, hostile ones half a million. */
const GRAPH_ITEMS = 5;

/** Decodes the current value as GraphProto. */
export function decodeGraph(context: DecodeContext): Graph {
  const { reader } = context;
  let name = '';
  let docString = '';
  const nodes: Node[] = [];
  const initializers: TensorInfo[] = [];
  const sparseInitializers: SparseTensorInfo[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const valueInfo: ValueInfo[] = [];
  reader.keep(GRAPH_ITEMS);
  reader.enter(GRAPH.name);
  for (let field = reader.next(GRAPH); field; field = reader.next(GRAPH)) {
    switch (field) {
      case 'node':
        nodes.push(decodeNode(context));
        break;
      case 'name':
        name = reader.name();
        break;
      case 'initializer':
        initializers.push(decodeTensor(context));
        break;
      case 'sparse_initializer':
        sparseInitializers.push(decodeSparseTensor(context));
        break;
      case 'doc_string':
        docString = decodeText(context, 'The documentation of the graph');
        break;
      case 'input':
        inputs.push(decodeValueInfo(context));
        break;
      case 'output':
        outputs.push(decodeValueInfo(context));
        break;
      case 'value_info':
        valueInfo.push(decodeValueInfo(context));
        break;
      default:
        break;
    }
  }
  return {
    name,
    docString,
    nodes: trim(nodes),
    initializers: trim(initializers),
    sparseInitializers: trim(sparseInitializers),
    inputs: trim(inputs),
    outputs: trim(outputs),
    valueInfo: trim(valueInfo),
  };
}

/** Decodes the current value as NodeProto. */
function decodeNode(context: DecodeContext): Node {
  const { reader } = context;
  const offset = reader.valueOffset;
  let name = '';
  let opType = '';
  let domain = '';
  let overload = '';
  let inputs: string[] | undefined;
  let outputs: string[] | undefined;
  let attributes: Attribute[] | undefined;
  reader.keep(1);
  reader.enter(NODE.name);
  for (let field = reader.next(NODE); field; field = reader.next(NODE)) {
    switch (field) {
      case 'input':
        reader.keep(0.125);
        inputs = append(inputs, reader.name());
        break;
      case 'output':
        reader.keep(0.125);
        outputs = append(outputs, reader.name());
        break;
      case 'name':
        name = reader.name();
        break;
      case 'op_type':
        opType = reader.name();
        break;
      case 'domain':
        domain = reader.name();
        break;
      case 'overload':
        overload = reader.name();
        break;
      case 'attribute':
        attributes = append(attributes, decodeAttribute(context));
        break;
      default:
        break;
    }
  }
  return {
    name,
    opType,
    domain,
    overload,
    offset,
    inputs: trim(inputs),
    outputs: trim(outputs),
    attributes: trim(attributes),
  };
}

/** A list of one takes a third of the memory that `push` on an empty one would, and most lists of nodes are that short. */
function append<Element>(list: Element[] | undefined, element: Element): Element[] {
  if (list === undefined) return [element];
  list.push(element);
  return list;
}

/** Without the room that `push` leaves at the end. */
function trim<Element>(list: Element[] | undefined): readonly Element[] {
  if (list === undefined || list.length === 0) return NONE;
  return list.length === 1 ? list : list.slice();
}

/** Decodes the current value as AttributeProto. */
function decodeAttribute(context: DecodeContext): Attribute {
  const { reader } = context;
  const offset = reader.valueOffset;
  let name = '';
  let typeNumber = 0;
  let reference = '';
  let value: AttributeValue | undefined;
  let kindCount = 0;
  const lists = newListValues();
  reader.keep(0.5);
  reader.enter(ATTRIBUTE.name);
  for (let field = reader.next(ATTRIBUTE); field; field = reader.next(ATTRIBUTE)) {
    switch (field) {
      case 'name':
        name = reader.name();
        continue;
      case 'type':
        typeNumber = reader.int();
        continue;
      case 'ref_attr_name':
        reference = reader.name();
        continue;
      case 'doc_string':
        continue;
      case 'f':
        value = { kind: 'float', value: reader.float() };
        break;
      case 'i':
        value = { kind: 'int', value: reader.exactInt() };
        break;
      case 's':
        value = {
          kind: 'string',
          sizeBytes: reader.valueBytes,
          offset: reader.valueOffset,
          value: reader.shortString(KEPT_STRING_BYTES),
        };
        break;
      case 't':
        value = { kind: 'tensor', value: decodeTensor(context) };
        break;
      case 'sparse_tensor':
        value = { kind: 'sparse_tensor', value: decodeSparseTensor(context) };
        break;
      case 'g':
        value = { kind: 'graph', value: decodeGraph(context) };
        break;
      case 'tp': {
        const type = decodeType(context, () => `Attribute ${quoteName(name)}`);
        value = { kind: 'type', value: toValueInfo('', type) };
        break;
      }
      case 'floats':
      case 'ints':
      case 'strings':
        decodeListElement(context, lists, field);
        continue;
      case 'tensors':
        lists.tensors.push(decodeTensor(context));
        continue;
      case 'sparse_tensors':
        lists.sparseTensors.push(decodeSparseTensor(context));
        continue;
      case 'graphs':
        lists.graphs.push(decodeGraph(context));
        continue;
      case 'type_protos':
        lists.types.push(
          toValueInfo(
            '',
            decodeType(context, () => `Attribute ${quoteName(name)}`),
          ),
        );
        continue;
    }
    kindCount += 1;
  }
  const list = chooseList(lists);
  if (kindCount + list.kindCount > 1) {
    throw reader.malformed(`the attribute ${quoteName(name)} has values of more than one type`, offset);
  }
  if (reference !== '') return { name, value: { kind: 'reference', name: reference } };
  return {
    name,
    value: value ?? list.value ?? EMPTY_LISTS[typeNumber] ?? DEFAULT_SCALARS[typeNumber] ?? { kind: 'empty' },
  };
}

/** Decodes the current value as FunctionProto. */
export function decodeFunction(context: DecodeContext): FunctionDefinition {
  const { reader } = context;
  let name = '';
  let domain = '';
  let overload = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributeNames: string[] = [];
  const defaultAttributes: Attribute[] = [];
  const nodes: Node[] = [];
  const opsets: OpsetImport[] = [];
  reader.keep(1);
  reader.enter(FUNCTION.name);
  for (let field = reader.next(FUNCTION); field; field = reader.next(FUNCTION)) {
    switch (field) {
      case 'name':
        name = reader.name();
        break;
      case 'domain':
        domain = reader.name();
        break;
      case 'overload':
        overload = reader.name();
        break;
      case 'input':
        reader.keep(0.125);
        inputs.push(reader.name());
        break;
      case 'output':
        reader.keep(0.125);
        outputs.push(reader.name());
        break;
      case 'attribute':
        reader.keep(0.125);
        attributeNames.push(reader.name());
        break;
      case 'attribute_proto':
        defaultAttributes.push(decodeAttribute(context));
        break;
      case 'node':
        nodes.push(decodeNode(context));
        break;
      case 'opset_import':
        decodeOpset(context, opsets);
        break;
      default:
        break;
    }
  }
  return { name, domain, overload, inputs, outputs, attributeNames, defaultAttributes, nodes, opsets };
}

/** Decodes the current value as TrainingInfoProto. The bindings of its values are left out. */
export function decodeTrainingInfo(context: DecodeContext): TrainingInfo {
  const { reader } = context;
  let initialization: Graph | null = null;
  let algorithm: Graph | null = null;
  reader.keep(1);
  reader.enter(TRAINING_INFO.name);
  for (let field = reader.next(TRAINING_INFO); field; field = reader.next(TRAINING_INFO)) {
    if (field === 'initialization') initialization = decodeGraph(context);
    else if (field === 'algorithm') algorithm = decodeGraph(context);
  }
  return { initialization, algorithm };
}
