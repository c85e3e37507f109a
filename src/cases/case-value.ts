import type { Dtype } from '../model/inspection.ts';

/** A tensor as plain data: little-endian elements as in ONNX's raw_data, or strings. Fits the benchmark's FeedTensor. */
export interface TensorData {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array | readonly string[];
}

export interface NamedTensor extends TensorData {
  readonly name: string;
}

/** An input or output of a case. `absent`: an optional without a value. */
export type CaseValue =
  | { readonly kind: 'tensor'; readonly tensor: TensorData }
  | { readonly kind: 'sequence'; readonly elements: readonly CaseValue[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [key: string, value: CaseValue])[] }
  | { readonly kind: 'absent' };

export interface NamedValue {
  readonly name: string;
  readonly value: CaseValue;
}

/**
 * What runs a model; implemented over the worker process (runtime/model-runner.ts).
 * Outputs come in the model's order. Runs that are asked for while others go on are carried out after them, in turn.
 * Rejects with a QuickServeError where the model fails.
 */
export interface ModelRunner {
  run(feeds: readonly NamedTensor[]): Promise<readonly NamedTensor[]>;
  /** Several runs in one message; results in the same order. */
  runMany(feeds: readonly (readonly NamedTensor[])[]): Promise<readonly (readonly NamedTensor[])[]>;
}
