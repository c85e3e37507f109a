/** A graph as it is drawn: boxes, arrows, and frames around what repeats. Plain data for the SVG and for viewers. */

export type BoxKind =
  | 'input'
  | 'output'
  | 'product'
  | 'activation'
  | 'normalisation'
  | 'pooling'
  | 'shape'
  | 'control'
  | 'other';

/** One line in a box: a node, or the same nodes in a row. */
export interface BoxLine {
  readonly operator: string;
  /** Sizes of weights and the attributes that matter: `64×3×7×7 /2`. */
  readonly detail: string;
}

export interface Box {
  readonly id: string;
  readonly kind: BoxKind;
  readonly lines: readonly BoxLine[];
  /** The name of its only node; empty where there are several. */
  readonly name: string;
  /** Nodes of the model that the box stands for, in one repetition; those that compute shapes for it included. */
  readonly nodeCount: number;
  readonly parameterCount: number;
  /** The frame that it is in, or null. */
  readonly frame: string | null;
}

/** What occurs several times in a row and is drawn once. */
export interface Frame {
  readonly id: string;
  readonly repeats: number;
  /** In one repetition. */
  readonly nodeCount: number;
  /** The frame around it, or null. */
  readonly frame: string | null;
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
}

export interface Outline {
  readonly name: string;
  /** Nodes of the graph, without constants. */
  readonly nodeCount: number;
  readonly boxes: readonly Box[];
  readonly frames: readonly Frame[];
  readonly arrows: readonly Arrow[];
}
