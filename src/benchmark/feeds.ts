import { createHash } from 'node:crypto';
import type { Dimension, ModelInterface, ValueInfo } from '../model/inspection.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { FeedSet, FeedTensor, MeasurementPlan } from './measurement.ts';
import { makeTensor } from './synthetic-tensor.ts';
import { type CaseTensor, decodeTensorFile, type TensorFile } from './tensor-file.ts';

/** All inputs of a model together; more is a mistake in its shapes rather than a workload. */
const LARGEST_FEED_BYTES = 512 * 1024 * 1024;

type FeedPlan = Pick<MeasurementPlan, 'seed' | 'dims' | 'ranges'>;

/** Inputs that are not made: the `input_*.pb` of one case, or stacked rows of a dataset. */
export type GivenInputs = readonly TensorFile[] | { readonly rows: readonly FeedTensor[] };

function unavailable(message: string, hint: string): QuickServeError {
  return new QuickServeError({ code: 'INPUTS_UNAVAILABLE', message, hint });
}

const CASE_HINT =
  'Put a test case beside it (test_data_set_0/input_0.pb, ...), whose inputs are used instead.';

/**
 * The size of a dimension: fixed, else fixed in the partner model's input of the same name, else by `dims` (the
 * symbol, or `input:axis` for one without a name), else 1.
 */
function sizeOf(
  dimension: Dimension,
  partner: Dimension | undefined,
  key: string,
  dims: FeedPlan['dims'],
): number {
  if (typeof dimension === 'number' && dimension >= 0) return dimension;
  if (typeof partner === 'number' && partner >= 0) return partner;
  const named = typeof dimension === 'string' && Object.hasOwn(dims, dimension) ? dims[dimension] : undefined;
  return named ?? (Object.hasOwn(dims, key) ? dims[key] : undefined) ?? 1;
}

function shapeOf(input: ValueInfo, partner: ValueInfo | undefined, dims: FeedPlan['dims']): number[] {
  if (input.shape === null) {
    throw unavailable(
      `The rank of the input "${input.name}" is not known, so no input can be made.`,
      CASE_HINT,
    );
  }
  const partnerShape = partner?.shape?.length === input.shape.length ? partner.shape : undefined;
  return input.shape.map((dimension, axis) =>
    sizeOf(dimension, partnerShape?.[axis], `${input.name}:${axis}`, dims),
  );
}

/** For a renamed input either name may stand in the configuration; both models of a pair must find the same. */
function rangeOf(
  ranges: NonNullable<FeedPlan['ranges']>,
  ...names: readonly (string | undefined)[]
): { readonly min: number; readonly max: number } | null {
  const name = names.find(each => each !== undefined && Object.hasOwn(ranges, each));
  return name === undefined ? null : (ranges[name] ?? null);
}

function synthetic(input: ValueInfo, twin: ValueInfo | undefined, plan: FeedPlan): FeedTensor {
  const shape = shapeOf(input, twin, plan.dims);
  const count = shape.reduce((product, size) => product * size, 1);
  if (!(count * 8 <= LARGEST_FEED_BYTES)) {
    throw unavailable(
      `The input "${input.name}" would have ${count} elements (${shape.join(' x ')}).`,
      'Set smaller sizes for its symbolic dimensions (dims), or give a test case.',
    );
  }
  // Of two names the smaller one: both models of a pair then draw the same values for a renamed input.
  const drawnAs = twin !== undefined && twin.name < input.name ? twin.name : input.name;
  const range = plan.ranges === undefined ? null : rangeOf(plan.ranges, drawnAs, input.name, twin?.name);
  const tensor = makeTensor(plan.seed, drawnAs, input.dtype, shape, range);
  if (tensor === null) {
    throw new QuickServeError({
      code: 'RUNTIME_UNSUPPORTED_MODEL',
      message: `onnxruntime-node cannot be fed with ${input.dtype}, the type of the input "${input.name}".`,
      hint: 'Measure a model with inputs of another type, for example float16 or uint8, and cast inside.',
    });
  }
  return { ...tensor, name: input.name };
}

/**
 * The input of the other model of a pair that gets the same bytes: the one of the same name, else, for a renamed input,
 * the one that takes its place among those that have no namesake, if it agrees in dtype and rank.
 */
function twinOf(
  input: ValueInfo,
  inputs: readonly ValueInfo[],
  partner: readonly ValueInfo[],
): ValueInfo | undefined {
  const named = partner.find(({ name }) => name === input.name);
  if (named !== undefined) return named.kind === 'tensor' ? named : undefined;
  const place = inputs.filter(({ name }) => !partner.some(other => other.name === name)).indexOf(input);
  const twin = partner.filter(({ name }) => !inputs.some(other => other.name === name))[place];
  const agrees =
    twin?.kind === 'tensor' && twin.dtype === input.dtype && twin.shape?.length === input.shape?.length;
  return agrees ? twin : undefined;
}

/** The tensor of a case for an input: by its name or its twin's, else, for tensors without one, by the index of its file. */
function ofCase(
  input: ValueInfo,
  twin: ValueInfo | undefined,
  index: number,
  tensors: readonly CaseTensor[],
): FeedTensor | null {
  const found =
    tensors.find(tensor => tensor.name === input.name) ??
    tensors.find(tensor => twin !== undefined && tensor.name === twin.name) ??
    tensors.find(tensor => tensor.name === '' && tensor.index === index);
  if (found === undefined || found.dtype !== input.dtype) return null;
  return { name: input.name, dtype: found.dtype, shape: found.shape, data: found.data };
}

function digestOf(tensors: readonly FeedTensor[]): string {
  const hash = createHash('sha256');
  for (const { name, dtype, shape, data } of tensors) {
    hash.update(`${JSON.stringify([name, dtype, shape])}\n`);
    hash.update(data instanceof Uint8Array ? data : JSON.stringify(data));
  }
  return hash.digest('hex');
}

/** Whether a given tensor has the sizes that were asked for by name: a case of one row is no batch of eight. */
function hasSizes(input: ValueInfo, tensor: FeedTensor, dims: FeedPlan['dims']): boolean {
  if (input.shape === null) return true;
  if (input.shape.length !== tensor.shape.length) return false;
  return input.shape.every((dimension, axis) => {
    const wanted =
      typeof dimension === 'string' && Object.hasOwn(dims, dimension) ? dims[dimension] : undefined;
    return wanted === undefined || tensor.shape[axis] === wanted;
  });
}

const isRows = (given: GivenInputs | null): given is { readonly rows: readonly FeedTensor[] } =>
  given !== null && 'rows' in given;

/** The tensors of what was given, in their own order; of a case whose sizes are not those that are asked for, none. */
function givenTensors(
  model: Pick<ModelInterface, 'inputs'>,
  plan: FeedPlan,
  given: GivenInputs | null,
  partner: Pick<ModelInterface, 'inputs'> | null,
): readonly CaseTensor[] {
  const tensors = isRows(given)
    ? given.rows.map((tensor, index) => ({ ...tensor, index }))
    : (given ?? []).map(decodeTensorFile);
  const wrong = model.inputs.find((input, index) => {
    if (input.kind !== 'tensor') return false;
    const tensor = ofCase(input, twinOf(input, model.inputs, partner?.inputs ?? []), index, tensors);
    return tensor !== null && !hasSizes(input, tensor, plan.dims);
  });
  if (wrong === undefined) return tensors;
  if (!isRows(given)) return [];
  throw unavailable(
    `The rows of the dataset have other sizes for the input "${wrong.name}" than \`dims\` says.`,
    'Take the sizes that are not the number of rows out of `dims`, or choose other rows.',
  );
}

/**
 * The inputs of a model: of a test case or dataset where there is one, synthetic otherwise and for inputs that it lacks. A
 * case whose sizes are not those of `dims` is left aside.
 * Synthetic values depend only on seed, name, dtype and shape, so that base and candidate get the same bytes wherever
 * their inputs agree; `partner` (the other model of a pair) fixes sizes that only it knows.
 * @throws QuickServeError INPUTS_UNAVAILABLE, RUNTIME_UNSUPPORTED_MODEL.
 */
export function feedsFor(
  model: Pick<ModelInterface, 'inputs'>,
  plan: FeedPlan,
  given: GivenInputs | null = null,
  partner: Pick<ModelInterface, 'inputs'> | null = null,
): FeedSet {
  const caseTensors = givenTensors(model, plan, given, partner);
  let fromCase = 0;
  const tensors = model.inputs.map((input, index) => {
    if (input.kind !== 'tensor') {
      throw new QuickServeError({
        code: 'RUNTIME_UNSUPPORTED_MODEL',
        message: `The input "${input.name}" is a ${input.kind}; onnxruntime-node can only be fed with tensors.`,
        hint: 'The contract of such a model is checked, its times cannot be measured.',
      });
    }
    const twin = twinOf(input, model.inputs, partner?.inputs ?? []);
    const found = ofCase(input, twin, index, caseTensors);
    if (found !== null) {
      fromCase += 1;
      return found;
    }
    return synthetic(input, twin, plan);
  });
  return {
    origin: fromCase === 0 || fromCase < tensors.length ? 'synthetic' : isRows(given) ? 'dataset' : 'case',
    digest: digestOf(tensors),
    tensors,
  };
}

/** The inputs of both models of a pair: the same bytes wherever their inputs agree. @throws as feedsFor. */
export function feedsForPair(
  base: Pick<ModelInterface, 'inputs'>,
  candidate: Pick<ModelInterface, 'inputs'>,
  plan: FeedPlan,
  given: GivenInputs | null = null,
): { readonly base: FeedSet; readonly candidate: FeedSet } {
  return {
    base: feedsFor(base, plan, given, candidate),
    candidate: feedsFor(candidate, plan, given, base),
  };
}
