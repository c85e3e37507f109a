import type { Dimension, Dtype, ModelInterface, ValueInfo } from '../model/inspection.ts';
import { elementCount, elementFacts } from '../shared/element-types.ts';
import { nestFlat } from '../shared/tensor-bytes.ts';
import { type PayloadForm, type PayloadSide, payloadValues, v2Datatype } from './payload-forms.ts';
import { type ValueType, valueTypeOf } from './value-type.ts';

/** Symbols and unknown sizes are 1 in an example. */
const exampleShape = (shape: readonly Dimension[] | null): readonly number[] =>
  (shape ?? [1]).map(size => (typeof size === 'number' ? size : 1));

function exampleElement(dtype: Dtype): unknown {
  switch (elementFacts(dtype).kind) {
    case 'bool':
      return false;
    case 'string':
      return 'text';
    case 'complex':
      return [0, 0];
    default:
      // The only format without a zero.
      return dtype === 'float8e8m0' ? 1 : 0;
  }
}

function exampleOf(type: ValueType): unknown {
  switch (type.kind) {
    case 'tensor': {
      const shape = exampleShape(type.shape);
      return nestFlat(Array(elementCount(shape)).fill(exampleElement(type.dtype)), shape);
    }
    case 'sequence':
      return [exampleOf(type.element)];
    case 'optional':
      return exampleOf(type.element);
    case 'map':
      return Object.fromEntries([[type.key === 'integer' ? '0' : 'key', exampleOf(type.value)]]);
  }
}

function v2Example(info: ValueInfo): unknown {
  const shape = exampleShape(info.shape);
  const data = Array(elementCount(shape)).fill(exampleElement(info.dtype));
  return { name: info.name, shape, datatype: v2Datatype(info), data };
}

/** The smallest payload that a model takes or gives: every required value, symbols 1, elements 0. */
export function payloadExample(model: ModelInterface, side: PayloadSide, form: PayloadForm): unknown {
  const { required } = payloadValues(model, side);
  const [only] = required;
  const key = side === 'request' ? 'inputs' : 'outputs';
  if (form === 'single' && only !== undefined) return { data: exampleOf(valueTypeOf(only)) };
  if (form === 'v2') {
    const tensors = { [key]: required.map(v2Example) };
    return side === 'request' ? tensors : { model_name: 'model', ...tensors };
  }
  return { [key]: Object.fromEntries(required.map(info => [info.name, exampleOf(valueTypeOf(info))])) };
}
