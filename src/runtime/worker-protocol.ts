import type { LaunchModel, SessionSettings } from '../benchmark/launcher.ts';
import type { FeedTensor, LaunchPair, LoadPair, SoloLaunch } from '../benchmark/measurement.ts';
import type { RunTrace } from '../model/layers/trace.ts';
import type { ProfilingRequest } from './profiling.ts';

export type Side = 'base' | 'candidate';

/** What the parent asks of the worker: one request at a time. */
export type WorkerRequest =
  | { readonly kind: 'probe' }
  | { readonly kind: 'open'; readonly modelPath: string; readonly settings: SessionSettings }
  /** Runs the opened model. */
  | { readonly kind: 'run'; readonly feeds: readonly FeedTensor[] }
  /** Runs the opened model on each of several sets of inputs: one message instead of many. */
  | { readonly kind: 'run-many'; readonly feedSets: readonly (readonly FeedTensor[])[] }
  | {
      readonly kind: 'launch-pair';
      readonly base: LaunchModel;
      readonly candidate: LaunchModel;
      readonly settings: SessionSettings;
      readonly seed: number;
    }
  | {
      readonly kind: 'launch-loads';
      readonly basePath: string;
      readonly candidatePath: string;
      readonly settings: SessionSettings;
      readonly seed: number;
    }
  | {
      readonly kind: 'launch-cycles';
      readonly model: LaunchModel;
      readonly settings: SessionSettings;
      readonly cycles: number;
    }
  /** Runs the opened model on inputs that it keeps (new ones where they are given), and hands nothing back. */
  | { readonly kind: 'run-kept'; readonly feeds: readonly FeedTensor[] | null }
  | {
      readonly kind: 'launch-solo';
      readonly model: LaunchModel;
      readonly side: Side;
      readonly settings: SessionSettings;
      readonly blocks: boolean;
    }
  | {
      readonly kind: 'profile';
      readonly modelPath: string;
      readonly settings: SessionSettings;
      readonly feeds: readonly FeedTensor[];
      readonly profiling: ProfilingRequest;
    };

/** What the runtime itself says of an input or output; less than the model file says. */
export interface RuntimeValue {
  readonly name: string;
  readonly isTensor: boolean;
  /** The runtime's spelling (`float32`, `int64`, ...), or null where it is no tensor. */
  readonly dtype: string | null;
  /** Symbols as strings, unknown sizes as null; null where it is no tensor. An unknown rank looks like a scalar. */
  readonly shape: readonly (number | string | null)[] | null;
}

export interface ProbeResult {
  readonly version: string;
  /** Names of the execution providers in this build. */
  readonly providers: readonly string[];
}

export interface OpenResult {
  readonly inputs: readonly RuntimeValue[];
  readonly outputs: readonly RuntimeValue[];
  readonly loadMs: number;
}

export interface RunResult {
  readonly outputs: readonly FeedTensor[];
  readonly durationMs: number;
}

export interface RunManyResult {
  /** Outputs of each set, in the order of the sets. */
  readonly outputs: readonly (readonly FeedTensor[])[];
  /** Of all runs together, with the making of their inputs. */
  readonly durationMs: number;
}

export interface WorkerResults {
  readonly probe: ProbeResult;
  readonly open: OpenResult;
  readonly run: RunResult;
  readonly 'run-many': RunManyResult;
  readonly 'launch-pair': LaunchPair;
  readonly 'launch-loads': LoadPair;
  readonly 'launch-cycles': readonly number[];
  readonly 'run-kept': { readonly durationMs: number };
  readonly 'launch-solo': SoloLaunch;
  readonly profile: readonly RunTrace[];
}

/** What the worker is about to do, said before it blocks in native code, so that a crash has a name. */
export interface WorkerStage {
  readonly side: Side | null;
  readonly step: 'runtime' | 'load' | 'run';
}

export type WorkerReply =
  | { readonly kind: 'stage'; readonly stage: WorkerStage }
  | { readonly kind: 'done'; readonly result: WorkerResults[keyof WorkerResults] }
  | {
      readonly kind: 'provider-unavailable';
      readonly provider: string;
      readonly available: readonly string[];
    }
  | { readonly kind: 'failed'; readonly stage: WorkerStage; readonly message: string };
