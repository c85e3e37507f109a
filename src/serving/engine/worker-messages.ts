/** How a request's body is written, and its answer. */
export type PayloadKind =
  /** The plain or the single form; answered in the same. */
  | 'predict'
  /** Open Inference Protocol v2, JSON or with the binary tensor extension. */
  | 'infer'
  /** Whatever form it is recognised to be (SageMaker's /invocations). */
  | 'any'
  /** `{"instances": [...]}` to `{"predictions": [...]}` (Vertex AI, TensorFlow Serving). */
  | 'instances';

/** One request of a batch. Its body follows the head, after those of the ones before it. */
export interface JobHead {
  readonly kind: PayloadKind;
  readonly bytes: number;
  /** `Inference-Header-Content-Length`: bytes of the body that are JSON; null: all. */
  readonly headerBytes: number | null;
}

/** Front to worker. */
export interface BatchMessage {
  readonly batch: number;
  /** Place of the model in the list that the worker was started with. */
  readonly model: number;
  readonly jobs: readonly JobHead[];
}

/** One answer of a batch, in the order of its jobs; bodies follow as they do in `BatchMessage`. */
export interface JobAnswer {
  readonly status: number;
  readonly bytes: number;
  /** Of a binary answer; null: the whole body is JSON. */
  readonly headerBytes: number | null;
  readonly batchSize: number;
  readonly inferenceMs: number;
}

export interface LoadedModel {
  readonly batching: { readonly kind: 'rows' } | { readonly kind: 'none'; readonly reason: string };
  readonly loadMs: number;
  /** Of a run with one row, after warm-up. */
  readonly runMs: number;
}

/** Worker to front. */
export type WorkerMessage =
  | { readonly kind: 'ready'; readonly models: readonly LoadedModel[] }
  /** A model cannot be served: the worker ends. */
  | { readonly kind: 'refused'; readonly model: number; readonly reason: string }
  | {
      readonly kind: 'answers';
      readonly batch: number;
      readonly answers: readonly JobAnswer[];
      /** From the batch's last byte until its answers were written: reading, running and writing. */
      readonly batchMs: number;
      readonly residentBytes: number;
    };

/** How a worker is started: the only argument after the runtime's folder, as JSON. */
export interface WorkerStart {
  readonly models: readonly { readonly name: string; readonly version: string; readonly path: string }[];
  readonly threads: number;
  readonly provider: string;
  readonly maxBatchRows: number;
  readonly maxDimension: number;
  readonly batching: boolean;
  /** null: no limit. */
  readonly memoryBytes: number | null;
}
