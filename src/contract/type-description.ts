import type { Dimension, ValueInfo } from '../model/inspection.ts';
import { terminalSafe } from '../shared/terminal-text.ts';

/** A type as people read it: `float32[N, 3, 224, 224]`, `int64[?, ?]`, `seq(map(int64,tensor(float)))`. */
export function describeType(value: ValueInfo): string {
  if (value.kind !== 'tensor') return terminalSafe(value.type ?? value.kind);
  return `${value.dtype}${describeShape(value.shape)}`;
}

/** `[N, 3]`; an unknown size is `?`, an unknown rank `[...]`. */
export function describeShape(shape: ValueInfo['shape']): string {
  return shape === null ? '[...]' : `[${shape.map(describeDimension).join(', ')}]`;
}

export function describeDimension(dimension: Dimension): string {
  return dimension === null ? '?' : terminalSafe(String(dimension));
}
