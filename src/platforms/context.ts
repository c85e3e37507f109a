/** How the base commit is to be found. The front door reads the event once; git/ resolves it. */
export type BaseHint =
  /** HEAD is a merge commit made by the platform: its first parent, read raw (a depth-1 checkout has no parents). */
  | { readonly kind: 'merge-commit'; readonly fallback: BaseHint }
  | { readonly kind: 'commit'; readonly sha: string; readonly role: string }
  | { readonly kind: 'merge-base'; readonly of: string; readonly role: string }
  /** The first parent of HEAD, where a platform names no earlier commit; read raw as well. */
  | { readonly kind: 'parent' }
  /** Laptop: the merge base with the upstream branch, or HEAD where the work tree is dirty. */
  | { readonly kind: 'local' }
  | { readonly kind: 'none'; readonly reason: string };

/** What a run knows of where it runs. Plain data: no token in it. */
export interface CiContext {
  readonly platform: 'github' | 'gitlab' | 'jenkins' | 'local';
  readonly event: 'pull-request' | 'push' | 'schedule' | 'manual' | 'tag' | 'other';
  readonly repository: string | null;
  readonly headSha: string | null;
  readonly branch: string | null;
  readonly defaultBranch: string | null;
  readonly onDefaultBranch: boolean;
  readonly base: BaseHint;
  readonly pullRequest: {
    readonly number: number;
    readonly headSha: string;
    readonly baseRef: string;
    readonly fromFork: boolean;
    readonly labels: readonly string[];
  } | null;
  readonly actor: string | null;
  readonly runUrl: string | null;
  readonly filesUrl: string | null;
}
