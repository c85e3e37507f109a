import type { Dtype, ModelInterface } from '../model/inspection.ts';

/** A model and version that is loaded. */
export interface ServedModel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string | null;
  readonly interface: ModelInterface;
  /** Rows of several requests may go through the session together: by its interface, and tried out when it was loaded. */
  readonly batching: { readonly kind: 'rows' } | { readonly kind: 'none'; readonly reason: string };
}

/** A tensor as plain data: little-endian bytes as in ONNX's raw_data, or strings. */
export interface PlainTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array | readonly string[];
}

export interface InferenceRequest {
  readonly model: string;
  /** null: the newest. */
  readonly version: string | null;
  readonly inputs: readonly PlainTensor[];
  /** Gives up the place in the queue; a run that has begun is finished. */
  readonly signal?: AbortSignal;
}

export interface InferenceResult {
  readonly outputs: readonly PlainTensor[];
  readonly queueMs: number;
  readonly batchSize: number;
  readonly inferenceMs: number;
}

/** Why there is no result, in the words for whoever asked. */
export type InferenceFailure = {
  /** `invalid`: the inputs are not what the model takes. `busy`: the queue is full. `failed`: the runtime refused, or its process died. */
  readonly kind: 'unknown-model' | 'invalid' | 'busy' | 'failed' | 'stopping';
  readonly message: string;
};

/** Thrown by `InferenceEngine.infer`. */
export class InferenceError extends Error {
  readonly failure: InferenceFailure;

  constructor(failure: InferenceFailure) {
    super(failure.message);
    this.name = 'InferenceError';
    this.failure = failure;
  }
}

/** Worker processes that hold models, with their queue: what is behind HTTP, and behind `batch` without it. */
export interface InferenceEngine {
  models(): readonly ServedModel[];
  /**
   * Runs a model; what waits at the same time goes through the session together where the model allows it.
   * @throws InferenceError
   */
  infer(request: InferenceRequest): Promise<InferenceResult>;
  /** Ends the processes; what still waits is rejected with `stopping`. */
  close(): Promise<void>;
}
