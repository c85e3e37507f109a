/** Operators that start a computation on shapes rather than on data. */
export const SHAPE_SOURCES: ReadonlySet<string> = new Set(['Shape', 'Size', 'Range', 'ConstantOfShape']);

/**
 * Operators that exporters write to compute a shape from other shapes. Each of them works on data as well: whether it is
 * shape work is decided by what it reads.
 */
export const SHAPE_ARITHMETIC: ReadonlySet<string> = new Set([
  'Gather',
  'Concat',
  'Unsqueeze',
  'Squeeze',
  'Slice',
  'Cast',
  'Mul',
  'Add',
  'Sub',
  'Div',
  'ReduceProd',
  'Equal',
  'Where',
]);
