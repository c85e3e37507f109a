import type { TreeEntry } from '../git/tree-listing.ts';

/** The registry branch at one commit. Folders and files that are not here yet are fetched, all of a call at once. */
export interface BranchState {
  /** null: the branch does not exist. */
  readonly tip: string | null;
  /** The branch's tree with the inbox merged in; null where both are empty. May exist in this store only. */
  readonly root: string | null;
  /** The message of the tip's commit; empty without one. */
  readonly tipMessage: string;
  /** What waits to be merged, merged in here already. A push that takes it in deletes these refs. */
  readonly inbox: readonly InboxRef[];
  /** What waits and cannot be merged; left where it is, and shown by `verify`. */
  readonly unusable: readonly UnusableEntry[];
  /** Entries of the named folders (`''` is the top); a folder that does not exist is left out. */
  listFolders(folders: readonly string[]): Promise<ReadonlyMap<string, readonly TreeEntry[]>>;
  /** Contents of the named files; a file that does not exist is left out. For small files. */
  readFiles(paths: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
  /** Blob ids of all files. Fetches whole trees; cheap only in a state opened with `blob:none`. */
  listAllFiles(): Promise<ReadonlyMap<string, string>>;
}

/** A ref of the inbox and the commit behind it. */
export interface InboxRef {
  readonly ref: string;
  readonly commit: string;
}

export interface UnusableEntry extends InboxRef {
  readonly why: string;
}

/** The branch's tip and what waits beside it, as one fetch brought them: nothing is merged or read yet. */
export interface BranchTip {
  readonly tip: string | null;
  readonly tipMessage: string;
  /** How many entries wait in the inbox. */
  readonly waiting: number;
  /** Opens the branch with the inbox merged in; takes more requests where something waits. */
  open(): Promise<BranchState>;
}
