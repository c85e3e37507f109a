import type { Dtype, ValueInfo } from '../model/inspection.ts';
import { elementCount, elementFacts } from '../shared/element-types.ts';
import { bytesOfElements } from '../shared/tensor-bytes.ts';
import type { TensorData } from './case-value.ts';

/** The columns of a CSV file that make up one value: `x` alone, or `x[0]`, `x[1]`, ... for its elements in a row. */
export interface ColumnGroup {
  readonly info: ValueInfo;
  /** Column numbers in the order of the elements. */
  readonly columns: readonly number[];
  /** Sizes of one row, without the batch dimension. */
  readonly rowShape: readonly number[];
}

/** What the sizes of a row are, from the model where it says so and from the number of columns otherwise. */
function rowShapeOf(info: ValueInfo, columnCount: number, indexed: boolean): readonly number[] {
  const inner = info.shape?.slice(1);
  if (inner === undefined) return indexed ? [columnCount] : [];
  const open = inner.filter(size => typeof size !== 'number').length;
  const fixed = elementCount(inner.filter(size => typeof size === 'number'));
  if (open > 1)
    throw new RangeError(
      `column ${JSON.stringify(info.name)}: a value with several dynamic dimensions cannot be read from CSV`,
    );
  const shape = inner.map(size => (typeof size === 'number' ? size : columnCount / Math.max(1, fixed)));
  if (elementCount(shape) !== columnCount) {
    throw new RangeError(
      `${JSON.stringify(info.name)} has ${columnCount} columns where ${fixed} elements a row belong`,
    );
  }
  return shape;
}

/** Finds the columns of a value in a header, or null where it has none. @throws RangeError where some are missing. */
export function findColumns(header: readonly string[], info: ValueInfo): ColumnGroup | null {
  const alone = header.indexOf(info.name);
  if (alone >= 0) return { info, columns: [alone], rowShape: rowShapeOf(info, 1, false) };
  const columns: number[] = [];
  for (
    let column = header.indexOf(`${info.name}[0]`);
    column >= 0;
    column = header.indexOf(`${info.name}[${columns.length}]`)
  ) {
    columns.push(column);
  }
  return columns.length === 0 ? null : { info, columns, rowShape: rowShapeOf(info, columns.length, true) };
}

const TRUE = new Set(['1', 'true', 'True', 'TRUE']);
const FALSE = new Set(['0', 'false', 'False', 'FALSE']);

/** One field as an element. @throws RangeError where it is none of the dtype. */
export function elementOfText(text: string, dtype: Dtype): number | bigint {
  const facts = elementFacts(dtype);
  const trimmed = text.trim();
  if (facts.kind === 'bool') {
    if (TRUE.has(trimmed)) return 1;
    if (FALSE.has(trimmed)) return 0;
  } else if (facts.kind === 'integer') {
    if (/^[+-]?\d+(?:\.0*)?$/.test(trimmed)) {
      const value = BigInt(trimmed.replace(/\.0*$/, '').replace(/^\+/, ''));
      if (value >= facts.min && value <= facts.max) return value;
    }
  } else if (facts.kind === 'float') {
    const special = /^([+-]?)(nan|inf|infinity)$/i.exec(trimmed);
    if (special !== null) {
      const size = special[2]?.toLowerCase() === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY;
      return special[1] === '-' ? -size : size;
    }
    const value = Number(trimmed);
    if (trimmed !== '' && Number.isFinite(value)) return value;
  }
  throw new RangeError(`${JSON.stringify(text.slice(0, 60))} is no ${dtype}`);
}

/** The value of so many records, stacked along the first dimension. @throws RangeError naming column and record. */
export function stackColumns(
  group: ColumnGroup,
  records: readonly (readonly string[])[],
  firstRecord: number,
): TensorData {
  const { info, columns, rowShape } = group;
  const { dtype } = info;
  const shape = [records.length, ...rowShape];
  if (dtype === 'string') {
    return { dtype, shape, data: records.flatMap(record => columns.map(column => record[column] ?? '')) };
  }
  const wide = dtype === 'int64' || dtype === 'uint64';
  const values: (number | bigint)[] = [];
  for (const [index, record] of records.entries()) {
    for (const column of columns) {
      try {
        const element = elementOfText(record[column] ?? '', dtype);
        values.push(wide ? BigInt(element) : Number(element));
      } catch (error) {
        throw new RangeError(
          `record ${firstRecord + index + 1}, column ${JSON.stringify(info.name)}: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
  }
  return { dtype, shape, data: bytesOfElements(dtype, values) };
}
