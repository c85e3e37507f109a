import type { Progress } from '../shared/progress.ts';

/** What a front door reads once and hands in: the environment, the clock, chance, and where the tool itself lives. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly progress: Progress;
  readonly toolVersion: string;
  /** The entry of the process that holds the runtime: dist/worker.js, or src/runtime/worker.ts in development. */
  readonly workerPath: string;
  /** Folders from which an installed onnxruntime-node may be resolved, besides the repository. */
  readonly packageFolders: readonly string[];
  readonly homeFolder: string;
  /** Where runtimes and LFS objects are cached. */
  readonly cacheFolder: string;
  /** How patient requests to a platform's API are; left out: as the client has it. */
  readonly patience?: {
    readonly timeoutMs?: number;
    readonly maxBodyBytes?: number;
    readonly backoffMs?: number;
    readonly sleep?: (durationMs: number) => Promise<void>;
  };
}
