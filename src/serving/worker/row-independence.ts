import { makeTensor } from '../../benchmark/synthetic-tensor.ts';
import type { ValueInfo } from '../../model/inspection.ts';
import { isNumericType } from '../../runtime/runtime-tensors.ts';
import { elementCount } from '../../shared/element-types.ts';
import { messageOf } from '../../shared/errors.ts';
import { smallFloatTable } from '../../shared/small-floats.ts';
import type { LoadedModel } from '../engine/worker-messages.ts';
import { outputRows, stackInputs } from './batch-run.ts';
import type { RequestTensor } from './decoded-request.ts';
import type { OutputTensor } from './encoded-answer.ts';
import { fedTensorOf, type ModelSession } from './model-session.ts';
import { copyInto, type RuntimeArray, viewOf } from './runtime-arrays.ts';

/** Of a value's largest size: kernels add up in another order for another number of rows. */
const TOLERANCE = 1e-3;
/** Inputs of a trial larger than this are left alone: the trial would hold up the start. */
const LARGEST_TRIAL_ELEMENTS = 2 ** 24;

const none = (reason: string): LoadedModel['batching'] => ({ kind: 'none', reason });

/** One row of every input; symbols and unknown sizes are 1. null: no such input can be made. */
function trialRow(inputs: readonly ValueInfo[], seed: number): readonly RequestTensor[] | null {
  const tensors: RequestTensor[] = [];
  for (const { name, dtype, shape } of inputs) {
    if (shape === null) return null;
    const sizes = shape.map(size => (typeof size === 'number' ? size : 1));
    const count = elementCount(sizes);
    if (count > LARGEST_TRIAL_ELEMENTS) return null;
    const made = makeTensor(seed, name, dtype, sizes);
    if (made === null) return null;
    let whole: RuntimeArray;
    if (!(made.data instanceof Uint8Array)) whole = [...made.data];
    else if (isNumericType(dtype)) whole = viewOf(dtype, made.data);
    else return null;
    tensors.push({
      name,
      dtype,
      shape: sizes,
      count,
      whole,
      write: (target, offset) => copyInto(target, offset, whole),
    });
  }
  return tensors;
}

/** What the interface says: every input and output has an open first dimension, and it is the same one. */
function openRows({ inputs, outputs }: ModelSession): string | null {
  if (inputs.length === 0) return 'the model has no inputs';
  const symbols = new Set<string>();
  for (const { name, shape } of [...inputs, ...outputs]) {
    const first = shape?.[0];
    if (shape === null) return `the rank of "${name}" is not known`;
    if (first === undefined) return `"${name}" is a scalar`;
    if (typeof first === 'number') return `the first dimension of "${name}" is ${first}`;
    if (first !== null) symbols.add(first);
  }
  const [one, other] = [...symbols];
  return other === undefined ? null : `the first dimensions are different symbols ("${one}", "${other}")`;
}

const numberAt = (output: OutputTensor, index: number): number => {
  const value = output.values[index];
  return output.dtype === 'float16' ? (smallFloatTable('float16')[Number(value)] ?? 0) : Number(value);
};

function agree(together: OutputTensor, alone: OutputTensor): boolean {
  if (together.values.length !== alone.values.length) return false;
  if (Array.isArray(alone.values)) return alone.values.every((value, at) => value === together.values[at]);
  let largest = 0;
  for (let at = 0; at < alone.values.length; at++)
    largest = Math.max(largest, Math.abs(numberAt(alone, at)) || 0);
  const isExact = !/^float/.test(alone.dtype);
  const margin = isExact ? 0 : TOLERANCE * largest;
  for (let at = 0; at < alone.values.length; at++) {
    const [one, other] = [numberAt(alone, at), numberAt(together, at)];
    if (!(Object.is(one, other) || Math.abs(one - other) <= margin)) return false;
  }
  return true;
}

/**
 * Warms a model up, and finds out whether rows of different requests may go through it together: by its interface, and
 * by a trial, since an open first dimension can also be time, or be normalised over. Two rows must give what they give
 * alone.
 */
export async function tryRows(
  model: ModelSession,
  nowMs: () => number,
): Promise<Pick<LoadedModel, 'batching' | 'runMs'>> {
  const first = trialRow(model.inputs, 1);
  const second = trialRow(model.inputs, 2);
  if (first === null || second === null)
    return { batching: none('no input can be made to try it'), runMs: 0 };
  const alone: (readonly OutputTensor[])[] = [];
  let runMs = 0;
  try {
    for (const row of [first, second]) {
      await model.run(row.map(fedTensorOf));
      const start = nowMs();
      alone.push(await model.run(row.map(fedTensorOf)));
      runMs = nowMs() - start;
    }
  } catch (error) {
    // Synthetic values need not be legal ones (indices out of range): requests will show.
    return { batching: none(`a trial with synthetic inputs failed: ${messageOf(error)}`), runMs };
  }
  const closed = openRows(model);
  if (closed !== null) return { batching: none(closed), runMs };
  try {
    const together = await model.run(stackInputs([first, second]));
    for (const [row, expected] of alone.entries()) {
      const own = outputRows(together, row, 1, 2);
      if (own === null) return { batching: none('the outputs have other rows than the inputs'), runMs };
      const differs = own.find((output, place) => {
        const other = expected[place];
        return other === undefined || !agree(output, other);
      });
      if (differs !== undefined)
        return { batching: none(`"${differs.info.name}" of one row depends on the other rows`), runMs };
    }
    return { batching: { kind: 'rows' }, runMs };
  } catch (error) {
    return { batching: none(`two rows together failed: ${messageOf(error)}`), runMs };
  }
}
