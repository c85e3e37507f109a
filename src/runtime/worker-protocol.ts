import type { LaunchModel, SessionSettings } from '../benchmark/launcher.ts';
import type { FeedTensor, LaunchPair, LoadPair, SoloLaunch } from '../benchmark/measurement.ts';
import type { RunTrace } from '../model/layers/trace.ts';

export type Side = 'base' | 'candidate';

export interface ProfilingRequest {
  readonly level: 'disabled' | 'all';
  /** Whether the runtime writes the graph that it runs (weights included) to `graph.onnx` in the model's folder. */
  readonly writeGraph: boolean;
  /** Runs of each model after the one that warms up, at most. */
  readonly mostRuns: number;
  /** After so many milliseconds no further run begins; each model has run once more by then. */
  readonly enoughMs: number;
}

/** A model that is profiled, alone or in turns with another in the same process. */
export interface ProfiledModelFile {
  /** null: a model alone. */
  readonly side: Side | null;
  readonly modelPath: string;
  readonly feeds: readonly FeedTensor[];
  /** An empty folder for the trace and the graph. */
  readonly folder: string;
}

/** What the parent asks of the worker, which answers in the order in which it is asked. */
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
      /** In the order in which they are opened: one alone, or a base and a candidate. */
      readonly models: readonly ProfiledModelFile[];
      readonly settings: SessionSettings;
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
  /** The runs of each model. */
  readonly profile: readonly (readonly RunTrace[])[];
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
