/** What the reader accepts at most. Each limit protects memory or time; passing one is MODEL_LIMIT with the offset. */
export interface ReaderLimits {
  /** Messages inside messages. 100 is protobuf's own limit, so no runtime reads more. */
  readonly depth: number;
  /** Nodes, tensors, values and functions that are kept, together; attributes count half, list elements an eighth. */
  readonly items: number;
  /** Bytes of one name (of a node, value, operator, domain or file). */
  readonly nameBytes: number;
  /** Bytes of one text (documentation, metadata); longer ones are cut, not refused. */
  readonly textBytes: number;
  /** Bytes of all names and texts that are kept, together. */
  readonly totalTextBytes: number;
  /** Operator sets that a model or function imports. */
  readonly opsets: number;
  /** Dimensions of one tensor. */
  readonly rank: number;
}

export const DEFAULT_LIMITS: ReaderLimits = {
  depth: 100,
  items: 600_000,
  nameBytes: 65_536,
  textBytes: 65_536,
  totalTextBytes: 64 * 1024 * 1024,
  opsets: 256,
  rank: 256,
};

/** List attributes longer than this are counted and located, not kept: a tree ensemble has millions of values. */
export const KEPT_LIST_LENGTH = 256;

/** String attributes longer than this are located, not kept: a tokenizer carries its vocabulary in one. */
export const KEPT_STRING_BYTES = 1024;

/** Only so many external files are looked at: each costs calls to the system. */
export const EXAMINED_EXTERNAL_FILES = 10_000;

/** Packed integers are counted exactly up to this size; above it only the possible range is known. */
export const COUNTED_VARINT_BYTES = 1024 * 1024;
