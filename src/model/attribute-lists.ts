import type { DecodeContext } from './decode-context.ts';
import type { ValueInfo } from './inspection.ts';
import { KEPT_LIST_LENGTH, KEPT_STRING_BYTES } from './limits.ts';
import type { AttributeValue, Graph, SparseTensorInfo, TensorInfo } from './model.ts';

/** The list fields of an attribute while it is decoded; all but one stay empty in a valid file. */
export interface ListValues {
  floatCount: number;
  readonly floats: number[];
  intCount: number;
  readonly ints: (number | bigint)[];
  stringCount: number;
  readonly strings: (string | null)[];
  readonly tensors: TensorInfo[];
  readonly sparseTensors: SparseTensorInfo[];
  readonly graphs: Graph[];
  readonly types: ValueInfo[];
}

export function newListValues(): ListValues {
  return {
    floatCount: 0,
    floats: [],
    intCount: 0,
    ints: [],
    stringCount: 0,
    strings: [],
    tensors: [],
    sparseTensors: [],
    graphs: [],
    types: [],
  };
}

/** Takes the current value of `floats`, `ints` or `strings`: one element or a packed list. Long lists are only counted. */
export function decodeListElement(
  context: DecodeContext,
  lists: ListValues,
  field: 'floats' | 'ints' | 'strings',
): void {
  const { reader } = context;
  switch (field) {
    case 'strings':
      lists.stringCount += 1;
      if (lists.stringCount <= KEPT_LIST_LENGTH) {
        reader.keep(0.125);
        lists.strings.push(reader.shortString(KEPT_STRING_BYTES));
      }
      return;
    case 'floats': {
      const take = (): void => {
        lists.floatCount += 1;
        if (lists.floatCount > KEPT_LIST_LENGTH) return;
        reader.keep(0.125);
        lists.floats.push(reader.float());
      };
      if (reader.isPacked) reader.forEachPackedFloat(take);
      else take();
      return;
    }
    case 'ints': {
      const take = (): void => {
        lists.intCount += 1;
        if (lists.intCount > KEPT_LIST_LENGTH) return;
        reader.keep(0.125);
        lists.ints.push(reader.exactInt());
      };
      if (reader.isPacked) reader.forEachPackedVarint(take);
      else take();
      return;
    }
  }
}

/** The one list that has elements, and how many lists have (more than one is an error of the file). */
export function chooseList(lists: ListValues): {
  readonly kindCount: number;
  readonly value: AttributeValue | undefined;
} {
  const values: AttributeValue[] = [];
  const { floatCount, intCount, stringCount } = lists;
  const kept = <Value>(count: number, list: readonly Value[]): readonly Value[] | null =>
    count > KEPT_LIST_LENGTH ? null : list;
  if (floatCount > 0)
    values.push({ kind: 'floats', count: floatCount, values: kept(floatCount, lists.floats) });
  if (intCount > 0) values.push({ kind: 'ints', count: intCount, values: kept(intCount, lists.ints) });
  if (stringCount > 0)
    values.push({ kind: 'strings', count: stringCount, values: kept(stringCount, lists.strings) });
  if (lists.tensors.length > 0) values.push({ kind: 'tensors', values: lists.tensors });
  if (lists.sparseTensors.length > 0) values.push({ kind: 'sparse_tensors', values: lists.sparseTensors });
  if (lists.graphs.length > 0) values.push({ kind: 'graphs', values: lists.graphs });
  if (lists.types.length > 0) values.push({ kind: 'types', values: lists.types });
  return { kindCount: values.length, value: values[0] };
}
