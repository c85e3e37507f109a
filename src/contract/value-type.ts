import type { Dimension, Dtype, ValueInfo } from '../model/inspection.ts';

/** The type of a value as a tree: what a payload must look like. */
export type ValueType =
  | { readonly kind: 'tensor'; readonly dtype: Dtype; readonly shape: readonly Dimension[] | null }
  | { readonly kind: 'sequence'; readonly element: ValueType }
  | { readonly kind: 'optional'; readonly element: ValueType }
  | { readonly kind: 'map'; readonly key: 'string' | 'integer'; readonly value: ValueType };

/** The text between the outer parentheses of `head(...)`, or null where the notation starts otherwise. */
function argumentOf(notation: string, head: string): string | null {
  return notation.startsWith(`${head}(`) && notation.endsWith(')')
    ? notation.slice(head.length + 1, -1)
    : null;
}

/**
 * Reads ONNX's notation (`seq(map(int64,tensor(float)))`) from the outside in. Element type and shape of the innermost
 * tensor are those of the value. A sparse tensor is sent as the dense tensor that it stands for.
 */
export function valueTypeOf(info: ValueInfo): ValueType {
  const innermost: ValueType = { kind: 'tensor', dtype: info.dtype, shape: info.shape };
  const read = (notation: string): ValueType => {
    const sequence = argumentOf(notation, 'seq');
    if (sequence !== null) return { kind: 'sequence', element: read(sequence) };
    const optional = argumentOf(notation, 'optional');
    if (optional !== null) return { kind: 'optional', element: read(optional) };
    const map = argumentOf(notation, 'map');
    if (map === null) return innermost;
    const comma = map.indexOf(',');
    return {
      kind: 'map',
      key: map.slice(0, comma) === 'string' ? 'string' : 'integer',
      value: read(map.slice(comma + 1)),
    };
  };
  return info.kind === 'tensor' ? innermost : read(info.type ?? '');
}
