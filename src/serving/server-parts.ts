import type { Admission, Route } from './call.ts';
import type { TrafficSplit } from './traffic-split.ts';
import type { ServerView, Watcher } from './watcher.ts';

/** What the entry reads once and hands in. */
export interface ServingWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds of a clock that never steps back. */
  readonly monotonicMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** One line, with its line break, of the log. */
  readonly writeLog: (line: string) => void;
  /** Folder that relative paths of the settings file start from. */
  readonly folder: string;
  readonly toolVersion: string;
}

/** A part that is mounted into the server; all may be left out. */
export interface ServerPart {
  readonly admission?: Admission;
  readonly watcher?: Watcher;
  readonly routes?: readonly Route[];
  readonly split?: TrafficSplit;
}

/**
 * Makes a part from its section of the settings file.
 * @param section the value of the part's key, as parsed JSON; undefined where the file has none. The part checks it itself.
 * @param view the server's state; it may be asked as soon as the server listens.
 * @throws QuickServeError SERVING_SETTINGS_INVALID
 */
export type ServerPartFactory = (
  section: unknown,
  world: ServingWorld,
  view: ServerView,
) => ServerPart | Promise<ServerPart>;
