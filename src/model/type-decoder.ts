import { quoteName } from '../shared/terminal-text.ts';
import type { DecodeContext } from './decode-context.ts';
import { dtypeOfNumber, onnxNameOf } from './dtypes.ts';
import type { Dimension, Dtype, ValueInfo } from './inspection.ts';
import {
  DIMENSION,
  ELEMENT_TYPE,
  MAP_TYPE,
  OPAQUE_TYPE,
  TENSOR_SHAPE,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from './onnx-schema.ts';

/** A decoded TypeProto, from the outside in. */
export interface DecodedType {
  readonly kind: ValueInfo['kind'];
  /** Of the innermost tensor. */
  readonly dtype: Dtype;
  /** Of the innermost tensor; null: the rank is unknown. */
  readonly shape: readonly Dimension[] | null;
  /** ONNX's notation: `seq(map(int64,tensor(float)))`. */
  readonly notation: string;
}

export const UNTYPED: DecodedType = {
  kind: 'tensor',
  dtype: 'undefined',
  shape: null,
  notation: 'undefined',
};

/** A value of this name and type; the notation is kept only where it says more than kind, dtype and shape. */
export function toValueInfo(name: string, type: DecodedType): ValueInfo {
  const { kind, dtype, shape } = type;
  return kind === 'tensor' ? { name, kind, dtype, shape } : { name, kind, dtype, shape, type: type.notation };
}

/** Decodes the current value as ValueInfoProto. */
export function decodeValueInfo(context: DecodeContext): ValueInfo {
  const { reader } = context;
  let name = '';
  let type = UNTYPED;
  reader.keep(1);
  reader.enter(VALUE_INFO.name);
  for (let field = reader.next(VALUE_INFO); field; field = reader.next(VALUE_INFO)) {
    if (field === 'name') name = reader.name();
    else if (field === 'type') type = decodeType(context, () => `Value ${quoteName(name)}`);
  }
  return toValueInfo(name, type);
}

/** Decodes the current value as TypeProto. `where` names the owner in findings. */
export function decodeType(context: DecodeContext, where: () => string): DecodedType {
  const { reader } = context;
  let type = UNTYPED;
  let found = 0;
  reader.enter(TYPE.name);
  for (let field = reader.next(TYPE); field; field = reader.next(TYPE)) {
    if (field === 'denotation') continue;
    found += 1;
    switch (field) {
      case 'tensor_type':
        type = decodeTensorType(context, 'tensor', where);
        break;
      case 'sparse_tensor_type':
        type = decodeTensorType(context, 'sparse_tensor', where);
        break;
      case 'sequence_type':
        type = decodeElementType(context, 'sequence', where);
        break;
      case 'optional_type':
        type = decodeElementType(context, 'optional', where);
        break;
      case 'map_type':
        type = decodeMapType(context, where);
        break;
      case 'opaque_type':
        type = decodeOpaqueType(context);
        break;
    }
  }
  if (found > 1) throw reader.malformed('a type is of two kinds at once');
  return type;
}

function decodeTensorType(
  context: DecodeContext,
  kind: 'tensor' | 'sparse_tensor',
  where: () => string,
): DecodedType {
  const { reader } = context;
  let dtype: Dtype = 'undefined';
  let shape: readonly Dimension[] | null = null;
  reader.enter(TENSOR_TYPE.name);
  for (let field = reader.next(TENSOR_TYPE); field; field = reader.next(TENSOR_TYPE)) {
    if (field === 'elem_type') dtype = decodeDtype(context, where);
    else if (field === 'shape') shape = decodeShape(context, where);
  }
  return { kind, dtype, shape, notation: `${kind}(${onnxNameOf(dtype)})` };
}

function decodeElementType(
  context: DecodeContext,
  kind: 'sequence' | 'optional',
  where: () => string,
): DecodedType {
  const { reader } = context;
  let element = UNTYPED;
  reader.enter(ELEMENT_TYPE.name);
  for (let field = reader.next(ELEMENT_TYPE); field; field = reader.next(ELEMENT_TYPE)) {
    element = decodeType(context, where);
  }
  const { dtype, shape, notation } = element;
  return { kind, dtype, shape, notation: `${kind === 'sequence' ? 'seq' : 'optional'}(${notation})` };
}

function decodeMapType(context: DecodeContext, where: () => string): DecodedType {
  const { reader } = context;
  let key: Dtype = 'undefined';
  let value = UNTYPED;
  reader.enter(MAP_TYPE.name);
  for (let field = reader.next(MAP_TYPE); field; field = reader.next(MAP_TYPE)) {
    if (field === 'key_type') key = decodeDtype(context, where);
    else value = decodeType(context, where);
  }
  const { dtype, shape, notation } = value;
  return { kind: 'map', dtype, shape, notation: `map(${onnxNameOf(key)},${notation})` };
}

/** Opaque types are of the ML types and mean nothing to anyone but their domain: an untyped value that says so. */
function decodeOpaqueType(context: DecodeContext): DecodedType {
  const { reader } = context;
  let domain = '';
  let name = '';
  reader.enter(OPAQUE_TYPE.name);
  for (let field = reader.next(OPAQUE_TYPE); field; field = reader.next(OPAQUE_TYPE)) {
    if (field === 'domain') domain = reader.name();
    else name = reader.name();
  }
  return { kind: 'optional', dtype: 'undefined', shape: null, notation: `opaque(${domain},${name})` };
}

function decodeDtype(context: DecodeContext, where: () => string): Dtype {
  const number = context.reader.int();
  const dtype = dtypeOfNumber(number);
  if (dtype === undefined) {
    context.problems.add({
      code: 'MODEL_DTYPE_UNKNOWN',
      severity: 'error',
      message: `${where()} has element type ${number}, which ONNX does not define (byte ${context.reader.offset}).`,
      hint: 'The file is damaged, or newer than this version of QuickServeML.',
    });
  }
  return dtype ?? 'undefined';
}

function decodeShape(context: DecodeContext, where: () => string): readonly Dimension[] {
  const { reader, limits } = context;
  const shape: Dimension[] = [];
  reader.enter(TENSOR_SHAPE.name);
  for (let field = reader.next(TENSOR_SHAPE); field; field = reader.next(TENSOR_SHAPE)) {
    if (shape.length >= limits.rank)
      throw reader.limitError(`a shape has more than ${limits.rank} dimensions`);
    shape.push(decodeDimension(context, where));
  }
  return shape;
}

function decodeDimension(context: DecodeContext, where: () => string): Dimension {
  const { reader } = context;
  let dimension: Dimension = null;
  let found = 0;
  reader.enter(DIMENSION.name);
  for (let field = reader.next(DIMENSION); field; field = reader.next(DIMENSION)) {
    if (field === 'dim_value') dimension = checkDimension(context, reader.int(), where);
    else if (field === 'dim_param') dimension = reader.name() || null;
    if (field !== 'denotation') found += 1;
  }
  if (found > 1) throw reader.malformed('a dimension has a size and a symbol at once');
  return dimension;
}

function checkDimension(context: DecodeContext, size: number, where: () => string): Dimension {
  if (size >= 0 && Number.isSafeInteger(size)) return size;
  context.problems.add({
    code: 'MODEL_DIMENSION',
    severity: size < 0 ? 'warning' : 'error',
    message: `${where()} has the dimension ${size}, read as unknown (byte ${context.reader.offset}).`,
    hint: 'Use a symbol for a dynamic dimension: onnxruntime accepts a negative one silently, others do not.',
  });
  return null;
}
