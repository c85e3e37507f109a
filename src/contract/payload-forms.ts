import type { ModelInterface, ValueInfo } from '../model/inspection.ts';
import { elementFacts } from '../shared/element-types.ts';
import { valueTypeOf } from './value-type.ts';

/**
 * How a request or response is written. `plain`: `{"inputs": {"image": [...]}}`. `single`: `{"data": [...]}`, for
 * models with one input that must be given. `v2`: the Open Inference Protocol.
 */
export type PayloadForm = 'plain' | 'single' | 'v2';

export type PayloadSide = 'request' | 'response';

export const PAYLOAD_FORMS: readonly PayloadForm[] = ['plain', 'single', 'v2'];

/** What may stand in a payload of one side. */
export interface PayloadValues {
  readonly required: readonly ValueInfo[];
  readonly optional: readonly ValueInfo[];
}

export function payloadValues(model: ModelInterface, side: PayloadSide): PayloadValues {
  return side === 'request'
    ? { required: model.inputs, optional: model.optionalInputs }
    : { required: model.outputs, optional: [] };
}

/** Datatypes of the Open Inference Protocol v2 (Tensor Data Types), and BF16 as Triton has it. Others have none. */
const V2_DATATYPES: Readonly<Record<string, string>> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  bfloat16: 'BF16',
  string: 'BYTES',
};

/** The protocol's name of the element type, or null where it has none. */
export const v2Datatype = (info: ValueInfo): string | null =>
  info.kind === 'tensor' || info.kind === 'sparse_tensor' ? (V2_DATATYPES[info.dtype] ?? null) : null;

/** Whether values of the model can be written in the form at all. */
export function hasForm(model: ModelInterface, side: PayloadSide, form: PayloadForm): boolean {
  const { required, optional } = payloadValues(model, side);
  switch (form) {
    case 'plain':
      return true;
    case 'single':
      return required.length === 1;
    case 'v2':
      return [...required, ...optional].every(info => v2Datatype(info) !== null);
  }
}

/** Values whose element type nothing is known of cannot be described. */
export const isDescribable = (info: ValueInfo): boolean => elementFacts(info.dtype).kind !== 'unknown';

/** Whether a tensor may also be sent as its bytes: everything with bytes of a fixed number. */
export function takesBase64(info: ValueInfo): boolean {
  return valueTypeOf(info).kind === 'tensor' && elementFacts(info.dtype).bits > 0;
}
