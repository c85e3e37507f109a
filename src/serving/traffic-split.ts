import type { Call } from './call.ts';

/** Which version answers a request that names none, and which one only gets a copy of it. */
export interface SplitDecision {
  readonly version: string;
  /** null: no copy. The copy waits behind everything else and is dropped when the server is busy. */
  readonly mirror: string | null;
}

/** An answer to compare: the response body in the protocol's plain JSON form. */
export interface MirroredAnswer {
  readonly version: string;
  readonly status: number;
  readonly body: Uint8Array;
  readonly inferenceMs: number;
}

/** Shares the requests for one model among its versions (A/B), or copies them (shadow). */
export interface TrafficSplit {
  /** @param versions loaded ones, oldest first. null: as without a split, the newest. */
  choose(model: string, versions: readonly string[], call: Call): SplitDecision | null;
  compared(model: string, answer: MirroredAnswer, mirrored: MirroredAnswer): void;
}
