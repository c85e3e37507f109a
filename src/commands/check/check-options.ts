import type { RecordMode } from '../../config/config.ts';
import type { CiContext } from '../../platforms/context.ts';

/** Which part of a check this run is: `2/10` is `{index: 2, count: 10}`. */
export interface ShardChoice {
  readonly index: number;
  readonly count: number;
}

/** What a person or a workflow asked of `check`; null: not said, so the configuration or the context decides. */
export interface CheckOptions {
  /** Absolute path of a folder inside the repository. */
  readonly cwd: string;
  /** Configuration file, absolute or relative to `cwd`. */
  readonly configPath: string | null;
  /** A commit, branch or tag to compare with. */
  readonly base: string | null;
  /** A model file to compare the one checked model with; absolute. */
  readonly against: string | null;
  /** Names or paths; empty: all. */
  readonly models: readonly string[];
  readonly record: RecordMode | null;
  readonly registryBranch: string | null;
  /** Findings accepted by flag or input: `slower:digits`. */
  readonly accept: readonly string[];
  readonly budgetMs: number | null;
  /** Version of onnxruntime-node for this change. */
  readonly runtimeVersion?: string | null;
  readonly runtimePath: string | null;
  readonly dryRun: boolean;
  /** Checks only this part of the models; left out: all. */
  readonly shard?: ShardChoice | null;
  readonly context: CiContext;
  /** Labels of the pull request, read at run time. */
  readonly labels: readonly string[];
  /** Authenticates at the git remote over HTTP; null: what the clone itself stores. */
  readonly token: string | null;
}
