import { quoteName } from '../shared/terminal-text.ts';
import { type DecodeContext, decodeDims } from './decode-context.ts';
import { dtypeOfNumber, packedBytes } from './dtypes.ts';
import type { Dtype } from './inspection.ts';
import { COUNTED_VARINT_BYTES } from './limits.ts';
import type { SparseTensorInfo, TensorInfo, TensorPayload } from './model.ts';
import { SPARSE_TENSOR, STRING_STRING_ENTRY, TENSOR } from './onnx-schema.ts';
import { checkPayload, countElements } from './tensor-checks.ts';

const EXTERNAL = 1;

interface TypedList {
  field: string;
  offset: number;
  sizeBytes: number;
  storedCount: number | null;
}

interface ExternalEntries {
  location: string;
  offset: string;
  length: string;
  checksum: string | null;
}

/**
 * Decodes the current value as TensorProto. Elements are located and counted, never read. Tensors whose data cannot
 * be what dims and type say are kept, with a finding.
 */
export function decodeTensor(context: DecodeContext): TensorInfo {
  const { reader } = context;
  const startOffset = reader.valueOffset;
  const dims: number[] = [];
  let name = '';
  let typeNumber = 0;
  let raw: { offset: number; sizeBytes: number } | undefined;
  let typed: TypedList | undefined;
  let typedFieldCount = 0;
  let external: ExternalEntries | undefined;
  let isExternal = false;
  let isSegment = false;

  reader.keep(1);
  reader.enter(TENSOR.name);
  for (let field = reader.next(TENSOR); field; field = reader.next(TENSOR)) {
    switch (field) {
      case 'dims':
        decodeDims(context, dims);
        break;
      case 'data_type':
        typeNumber = reader.int();
        break;
      case 'name':
        name = reader.name();
        break;
      case 'raw_data':
        raw = { offset: reader.valueOffset, sizeBytes: reader.valueBytes };
        break;
      case 'float_data':
      case 'double_data':
      case 'int32_data':
      case 'int64_data':
      case 'uint64_data':
      case 'string_data':
        if (typed === undefined || typed.field !== field) {
          typedFieldCount += 1;
          typed = { field, offset: reader.offset, sizeBytes: 0, storedCount: 0 };
        }
        countTyped(context, typed);
        break;
      case 'external_data':
        external ??= { location: '', offset: '', length: '', checksum: null };
        decodeExternalEntry(context, external);
        break;
      case 'data_location':
        isExternal = reader.int() === EXTERNAL;
        break;
      case 'segment':
        isSegment = true;
        break;
      default:
        break;
    }
  }

  const dtype = dtypeOfNumber(typeNumber);
  if (dtype === undefined) {
    context.problems.add({
      code: 'MODEL_DTYPE_UNKNOWN',
      severity: 'error',
      message: `Tensor ${quoteName(name)} has element type ${typeNumber}, which ONNX does not define (byte ${startOffset}).`,
      hint: 'The file is damaged, or newer than this version of QuickServeML.',
    });
  }
  if (isSegment || typedFieldCount + (raw === undefined ? 0 : 1) + (isExternal ? 1 : 0) > 1) {
    context.problems.add({
      code: 'MODEL_TENSOR_AMBIGUOUS',
      severity: 'error',
      message: `Tensor ${quoteName(name)} ${isSegment ? 'is a segment of a larger one' : 'has its data in more than one place'} (byte ${startOffset}).`,
      hint: 'Readers disagree about which data counts. Export the model again.',
    });
  }
  const payload = choosePayload(context, name, isExternal, external, raw, typed);
  return finishTensor(context, name, dtype ?? 'undefined', dims, payload, startOffset);
}

function finishTensor(
  context: DecodeContext,
  name: string,
  dtype: Dtype,
  dims: readonly number[],
  payload: TensorPayload,
  startOffset: number,
): TensorInfo {
  const where = `Tensor ${quoteName(name)}`;
  const elementCount = countElements(context.problems, where, dims, startOffset);
  const textBytes = dtype === 'string' && payload.kind === 'typed' ? payload.sizeBytes : 0;
  const tensor: TensorInfo = {
    name,
    dtype,
    dims,
    elementCount: elementCount ?? 0,
    sizeBytes: dtype === 'string' ? textBytes : packedBytes(dtype, elementCount ?? 0),
    payload,
  };
  if (elementCount !== null) checkPayload(context.problems, where, tensor, startOffset);
  return tensor;
}

function choosePayload(
  context: DecodeContext,
  name: string,
  isExternal: boolean,
  external: ExternalEntries | undefined,
  raw: { offset: number; sizeBytes: number } | undefined,
  typed: TypedList | undefined,
): TensorPayload {
  if (isExternal) {
    return {
      kind: 'external',
      location: external?.location ?? '',
      offset: parseSize(context, name, 'offset', external?.offset ?? '') ?? 0,
      sizeBytes: parseSize(context, name, 'length', external?.length ?? ''),
      checksum: external?.checksum ?? null,
    };
  }
  if (raw !== undefined) return { kind: 'raw', ...raw };
  if (typed !== undefined) return { kind: 'typed', ...typed };
  return { kind: 'none' };
}

function parseSize(context: DecodeContext, name: string, key: string, text: string): number | null {
  if (text === '') return null;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  context.problems.add({
    code: 'EXTERNAL_DATA_RANGE',
    severity: 'error',
    message: `Tensor ${quoteName(name)} gives ${quoteName(text)} as the ${key} of its external data; that is no number of bytes.`,
    hint: 'Save the model and its external data again.',
  });
  return null;
}

function decodeExternalEntry(context: DecodeContext, entries: ExternalEntries): void {
  const { reader } = context;
  let key = '';
  let value = '';
  reader.enter(STRING_STRING_ENTRY.name);
  for (let field = reader.next(STRING_STRING_ENTRY); field; field = reader.next(STRING_STRING_ENTRY)) {
    if (field === 'key') key = reader.name();
    else value = reader.name();
  }
  if (key === 'location') entries.location = value;
  else if (key === 'offset') entries.offset = value;
  else if (key === 'length') entries.length = value;
  else if (key === 'checksum') entries.checksum = value;
}

/** Counts the current value's elements without keeping them; leaves the count open where that means reading a lot. */
function countTyped(context: DecodeContext, typed: TypedList): void {
  const { reader } = context;
  if (!reader.isPacked) {
    if (typed.storedCount !== null) typed.storedCount += 1;
    return;
  }
  if (typed.sizeBytes === 0) typed.offset = reader.valueOffset;
  const sizeBytes = reader.valueBytes;
  typed.sizeBytes += sizeBytes;
  if (typed.storedCount === null) return;
  switch (typed.field) {
    case 'string_data':
      typed.storedCount += 1;
      return;
    case 'float_data':
      typed.storedCount += sizeBytes / 4;
      return;
    case 'double_data':
      typed.storedCount += sizeBytes / 8;
      return;
    default: {
      if (sizeBytes > COUNTED_VARINT_BYTES) {
        typed.storedCount = null;
        return;
      }
      let count = 0;
      reader.forEachPackedVarint(() => {
        count += 1;
      });
      typed.storedCount += count;
    }
  }
}

/** Decodes the current value as SparseTensorProto. */
export function decodeSparseTensor(context: DecodeContext): SparseTensorInfo {
  const { reader } = context;
  const startOffset = reader.valueOffset;
  const dims: number[] = [];
  let values: TensorInfo | undefined;
  let indices: TensorInfo | null = null;
  reader.enter(SPARSE_TENSOR.name);
  for (let field = reader.next(SPARSE_TENSOR); field; field = reader.next(SPARSE_TENSOR)) {
    if (field === 'values') values = decodeTensor(context);
    else if (field === 'indices') indices = decodeTensor(context);
    else decodeDims(context, dims);
  }
  if (values === undefined) throw reader.malformed('a sparse tensor has no values', startOffset);
  countElements(context.problems, `Sparse tensor ${quoteName(values.name)}`, dims, startOffset);
  return { name: values.name, dims, values, indices };
}
