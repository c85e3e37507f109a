import type { Dtype } from '../model/inspection.ts';
import { QuickServeError } from '../shared/errors.ts';
import { decodeTensorProto } from '../shared/tensor-proto.ts';
import type { FeedTensor } from './measurement.ts';

/** One file of a test case: `input_0.pb`, with its bytes. */
export interface TensorFile {
  /** For messages and for the index in `input_<index>.pb`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Types that onnxruntime-node can be fed with. */
const FEEDABLE: ReadonlySet<Dtype> = new Set<Dtype>([
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
  'string',
]);

/** A tensor of a test case: a feed whose name may be empty (then the file's index decides). */
export type CaseTensor = FeedTensor & { readonly index: number | null };

/**
 * The tensor of a file of a test case (onnx.proto, message TensorProto), with raw_data or typed fields.
 * @throws QuickServeError INPUTS_UNAVAILABLE where it is no tensor, is cut, or its data do not fit its shape.
 */
export function decodeTensorFile(file: TensorFile): CaseTensor {
  const number = /(\d+)\.pb$/.exec(file.name)?.[1];
  try {
    const tensor = decodeTensorProto(file.bytes);
    if (!FEEDABLE.has(tensor.dtype)) throw new RangeError(`is of ${tensor.dtype}, which cannot be fed`);
    return { ...tensor, index: number === undefined ? null : Number(number) };
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    throw new QuickServeError({
      code: 'INPUTS_UNAVAILABLE',
      message: `${file.name} is not a usable tensor: it ${thrown.message}.`,
      hint: 'Write it again as a serialised onnx.TensorProto, as onnx.numpy_helper.from_array makes it.',
    });
  }
}
