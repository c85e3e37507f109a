import type { FeedSet, LaunchPair, LoadPair, SoloLaunch } from './measurement.ts';

/** A model file and what is fed to it. */
export interface LaunchModel {
  /** Absolute path: external data resolves beside it. */
  readonly path: string;
  readonly feeds: FeedSet;
}

/** What of a session is chosen; everything else is pinned (runtime/session-options.ts). */
export interface SessionSettings {
  readonly provider: string;
  /** Intra-op threads; inter-op is always one. */
  readonly threads: number;
  /** Level of graph optimisation; `all` where it is not given. It changes results, so it is never chosen for you. */
  readonly optimization?: OptimizationLevel;
}

export type OptimizationLevel = 'disabled' | 'basic' | 'extended' | 'all';

export const OPTIMIZATION_LEVELS = [
  'disabled',
  'basic',
  'extended',
  'all',
] as const satisfies OptimizationLevel[];

export interface CyclesRequest {
  readonly model: LaunchModel;
  readonly settings: SessionSettings;
  /** How often the model is loaded, run once and released. */
  readonly cycles: number;
}

export interface PairRequest {
  readonly base: LaunchModel;
  readonly candidate: LaunchModel;
  readonly settings: SessionSettings;
  /** Decides the order of loading and of the blocks. */
  readonly seed: number;
  /** Kills the launch after so long; null: the launcher's own limit. */
  readonly timeLimitMs: number | null;
}

export interface LoadsRequest {
  /** Absolute paths. */
  readonly basePath: string;
  readonly candidatePath: string;
  readonly settings: SessionSettings;
  /** Decides the order of the loads. */
  readonly seed: number;
  readonly timeLimitMs: number | null;
}

export interface SoloRequest {
  readonly model: LaunchModel;
  readonly side: 'base' | 'candidate';
  readonly settings: SessionSettings;
  /** Whether steady-state blocks are measured after load and first run. */
  readonly blocks: boolean;
  readonly timeLimitMs: number | null;
}

/**
 * One launch is one fresh process. Rejects with a QuickServeError: WORKER_* where the process ended otherwise than
 * with an answer, MODEL_LOAD_REFUSED and MODEL_RUN_FAILED where the runtime said no.
 */
export interface Launcher {
  launchPair(request: PairRequest): Promise<LaunchPair>;
  launchLoads(request: LoadsRequest): Promise<LoadPair>;
  launchSolo(request: SoloRequest): Promise<SoloLaunch>;
  /** Resident bytes after each cycle. */
  launchCycles(request: CyclesRequest): Promise<readonly number[]>;
}
