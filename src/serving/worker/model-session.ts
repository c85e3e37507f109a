import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ValueInfo } from '../../model/inspection.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { readModel } from '../../model/model-reader.ts';
import { predictSupport } from '../../model/runtime-support.ts';
import { sessionOptionsOf } from '../../runtime/session-options.ts';
import type { WorkerStart } from '../engine/worker-messages.ts';
import { createRequestDecoder, type RequestTensor } from './decoded-request.ts';
import type { OutputTensor } from './encoded-answer.ts';
import { allocate, isRuntimeType, type RuntimeArray } from './runtime-arrays.ts';

/** What of the runtime is used; the entry of the process loads it. */
export interface Runtime {
  readonly Tensor: new (type: Tensor.Type, data: Tensor.DataType, dims: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(path: string, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
}

/** A tensor that can be fed: all rows of all requests that run together. */
export interface FedTensor {
  readonly name: string;
  readonly dtype: ValueInfo['dtype'];
  readonly shape: readonly number[];
  readonly values: RuntimeArray;
}

export interface ModelSession {
  readonly name: string;
  readonly version: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly decode: ReturnType<typeof createRequestDecoder>;
  /** @throws Error of the runtime. */
  run(feeds: readonly FedTensor[]): Promise<readonly OutputTensor[]>;
}

/** Copies an input out of its request, unless it lies there as it is needed. */
export function fedTensorOf(tensor: RequestTensor): FedTensor {
  const { name, dtype, shape, count } = tensor;
  if (tensor.whole !== null) return { name, dtype, shape, values: tensor.whole };
  const values = allocate(dtype, count);
  tensor.write(values, 0);
  return { name, dtype, shape, values };
}

/**
 * Loads a model for serving.
 * @throws Error saying why it cannot be served; QuickServeError MODEL_* where the file is no good model.
 */
export async function openModelSession(
  runtime: Runtime,
  model: WorkerStart['models'][number],
  settings: Pick<WorkerStart, 'threads' | 'provider' | 'maxDimension'>,
): Promise<ModelSession> {
  const structure = readModel(model.path);
  // Found before the runtime sees the file: some types of outputs end the process.
  const fatal = predictSupport(structure).find(({ severity }) => severity === 'error');
  if (fatal !== undefined) throw new Error(fatal.message);
  const { inputs, outputs } = interfaceOf(structure);
  const strange = [...inputs, ...outputs].find(
    ({ kind, dtype }) => kind !== 'tensor' || !isRuntimeType(dtype),
  );
  if (strange !== undefined)
    throw new Error(
      `"${strange.name}" is a ${strange.kind} of ${strange.dtype}; the runtime can only be fed with tensors of other types`,
    );
  const session = await runtime.InferenceSession.create(model.path, sessionOptionsOf(settings));
  const byName = new Map(outputs.map(info => [info.name, info]));
  const names = outputs.map(({ name }) => name);
  return {
    name: model.name,
    version: model.version,
    inputs,
    outputs,
    // Inputs with a default in the model are left out: the runtime ignores what is fed for them.
    decode: createRequestDecoder({ inputs, outputs, opsets: {}, optionalInputs: [] }, settings.maxDimension),
    async run(feeds) {
      const fed: Record<string, Tensor> = Object.create(null);
      for (const { name, dtype, shape, values } of feeds) {
        if (!isRuntimeType(dtype)) throw new Error(`${name} has a type that cannot be fed`);
        fed[name] = new runtime.Tensor(dtype, values as Tensor.DataType, shape);
      }
      const result = await session.run(fed);
      return names.flatMap(name => {
        const tensor = Object.hasOwn(result, name) ? result[name] : undefined;
        const info = byName.get(name);
        if (tensor === undefined || info === undefined) return [];
        // Outputs of the runtime are arrays of its own making: numbers, or a list of strings.
        return [{ info, dtype: tensor.type, shape: tensor.dims, values: tensor.data as RuntimeArray }];
      });
    },
  };
}
