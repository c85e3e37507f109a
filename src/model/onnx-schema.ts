/**
 * The messages of onnx.proto (IR version 13, with the ML types), as tables by field number. Field numbers are those of
 * https://github.com/onnx/onnx/blob/main/onnx/onnx-ml.proto. The reader refuses a wire type that contradicts a table.
 */

/** How a field is encoded: its wire type follows from it. */
export type FieldKind = 'varint' | 'float' | 'double' | 'string' | 'bytes' | 'message';

export interface FieldSpec<Name extends string> {
  readonly number: number;
  readonly name: Name;
  readonly kind: FieldKind;
  readonly repeated: boolean;
}

export interface MessageSchema<Name extends string> {
  readonly name: string;
  /** Indexed by field number. */
  readonly fields: readonly (FieldSpec<Name> | undefined)[];
}

type FieldTable = Readonly<Record<string, readonly [number: number, kind: FieldKind, repeated?: 'repeated']>>;

function message<const Table extends FieldTable>(
  name: string,
  table: Table,
): MessageSchema<keyof Table & string> {
  const fields: (FieldSpec<keyof Table & string> | undefined)[] = [];
  for (const [fieldName, [number, kind, repeated]] of Object.entries(table)) {
    fields[number] = {
      number,
      name: fieldName as keyof Table & string,
      kind,
      repeated: repeated === 'repeated',
    };
  }
  return { name, fields };
}

export const MODEL = message('ModelProto', {
  ir_version: [1, 'varint'],
  producer_name: [2, 'string'],
  producer_version: [3, 'string'],
  domain: [4, 'string'],
  model_version: [5, 'varint'],
  doc_string: [6, 'string'],
  graph: [7, 'message'],
  opset_import: [8, 'message', 'repeated'],
  metadata_props: [14, 'message', 'repeated'],
  training_info: [20, 'message', 'repeated'],
  functions: [25, 'message', 'repeated'],
  configuration: [26, 'message', 'repeated'],
});

export const GRAPH = message('GraphProto', {
  node: [1, 'message', 'repeated'],
  name: [2, 'string'],
  initializer: [5, 'message', 'repeated'],
  doc_string: [10, 'string'],
  input: [11, 'message', 'repeated'],
  output: [12, 'message', 'repeated'],
  value_info: [13, 'message', 'repeated'],
  quantization_annotation: [14, 'message', 'repeated'],
  sparse_initializer: [15, 'message', 'repeated'],
  metadata_props: [16, 'message', 'repeated'],
});

export const NODE = message('NodeProto', {
  input: [1, 'string', 'repeated'],
  output: [2, 'string', 'repeated'],
  name: [3, 'string'],
  op_type: [4, 'string'],
  attribute: [5, 'message', 'repeated'],
  doc_string: [6, 'string'],
  domain: [7, 'string'],
  overload: [8, 'string'],
  metadata_props: [9, 'message', 'repeated'],
  device_configurations: [10, 'message', 'repeated'],
});

export const ATTRIBUTE = message('AttributeProto', {
  name: [1, 'string'],
  f: [2, 'float'],
  i: [3, 'varint'],
  s: [4, 'bytes'],
  t: [5, 'message'],
  g: [6, 'message'],
  floats: [7, 'float', 'repeated'],
  ints: [8, 'varint', 'repeated'],
  strings: [9, 'bytes', 'repeated'],
  tensors: [10, 'message', 'repeated'],
  graphs: [11, 'message', 'repeated'],
  doc_string: [13, 'string'],
  tp: [14, 'message'],
  type_protos: [15, 'message', 'repeated'],
  type: [20, 'varint'],
  ref_attr_name: [21, 'string'],
  sparse_tensor: [22, 'message'],
  sparse_tensors: [23, 'message', 'repeated'],
});

export const TENSOR = message('TensorProto', {
  dims: [1, 'varint', 'repeated'],
  data_type: [2, 'varint'],
  segment: [3, 'message'],
  float_data: [4, 'float', 'repeated'],
  int32_data: [5, 'varint', 'repeated'],
  string_data: [6, 'bytes', 'repeated'],
  int64_data: [7, 'varint', 'repeated'],
  name: [8, 'string'],
  raw_data: [9, 'bytes'],
  double_data: [10, 'double', 'repeated'],
  uint64_data: [11, 'varint', 'repeated'],
  doc_string: [12, 'string'],
  external_data: [13, 'message', 'repeated'],
  data_location: [14, 'varint'],
  metadata_props: [16, 'message', 'repeated'],
});

export const SPARSE_TENSOR = message('SparseTensorProto', {
  values: [1, 'message'],
  indices: [2, 'message'],
  dims: [3, 'varint', 'repeated'],
});

export const VALUE_INFO = message('ValueInfoProto', {
  name: [1, 'string'],
  type: [2, 'message'],
  doc_string: [3, 'string'],
  metadata_props: [4, 'message', 'repeated'],
});

export const TYPE = message('TypeProto', {
  tensor_type: [1, 'message'],
  sequence_type: [4, 'message'],
  map_type: [5, 'message'],
  denotation: [6, 'string'],
  opaque_type: [7, 'message'],
  sparse_tensor_type: [8, 'message'],
  optional_type: [9, 'message'],
});

/** TypeProto.Tensor and TypeProto.SparseTensor. */
export const TENSOR_TYPE = message('TypeProto.Tensor', {
  elem_type: [1, 'varint'],
  shape: [2, 'message'],
  max_string_length: [3, 'varint'],
});

/** TypeProto.Sequence and TypeProto.Optional. */
export const ELEMENT_TYPE = message('TypeProto.Sequence', { elem_type: [1, 'message'] });

export const MAP_TYPE = message('TypeProto.Map', { key_type: [1, 'varint'], value_type: [2, 'message'] });

export const OPAQUE_TYPE = message('TypeProto.Opaque', { domain: [1, 'string'], name: [2, 'string'] });

export const TENSOR_SHAPE = message('TensorShapeProto', { dim: [1, 'message', 'repeated'] });

export const DIMENSION = message('TensorShapeProto.Dimension', {
  dim_value: [1, 'varint'],
  dim_param: [2, 'string'],
  denotation: [3, 'string'],
});

export const OPERATOR_SET_ID = message('OperatorSetIdProto', {
  domain: [1, 'string'],
  version: [2, 'varint'],
});

export const STRING_STRING_ENTRY = message('StringStringEntryProto', {
  key: [1, 'string'],
  value: [2, 'string'],
});

export const FUNCTION = message('FunctionProto', {
  name: [1, 'string'],
  since_version: [2, 'varint'],
  status: [3, 'varint'],
  input: [4, 'string', 'repeated'],
  output: [5, 'string', 'repeated'],
  attribute: [6, 'string', 'repeated'],
  node: [7, 'message', 'repeated'],
  doc_string: [8, 'string'],
  opset_import: [9, 'message', 'repeated'],
  domain: [10, 'string'],
  attribute_proto: [11, 'message', 'repeated'],
  value_info: [12, 'message', 'repeated'],
  overload: [13, 'string'],
  metadata_props: [14, 'message', 'repeated'],
});

export const TRAINING_INFO = message('TrainingInfoProto', {
  initialization: [1, 'message'],
  algorithm: [2, 'message'],
  initialization_binding: [3, 'message', 'repeated'],
  update_binding: [4, 'message', 'repeated'],
});
