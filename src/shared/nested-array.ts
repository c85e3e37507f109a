import { type ElementType, elementFacts, jsonIntegerRange } from './element-types.ts';

/** A fixed size, a symbol, or null where nothing is known; as in model/inspection.ts. */
type Size = number | string | null;

/** What was said of a symbol first: every later one must agree. */
export interface SymbolSize {
  readonly size: number;
  /** Where it was first seen, for messages. */
  readonly where: string;
}

export interface NestedArrayType {
  readonly dtype: ElementType;
  /** null: the rank is not known; the value's own nesting decides. */
  readonly shape: readonly Size[] | null;
  /** Strings "NaN", "Infinity" and "-Infinity" stand for floats that JSON has no numbers for. */
  readonly specialFloats: boolean;
}

export interface NestedArrayProblem {
  /** `inputs.image[0][3]` */
  readonly path: string;
  /** `expected 224 numbers, got 223` */
  readonly message: string;
}

export interface NestedArrayReading {
  /** Sizes of the value, also where it has problems as far as they could be seen. */
  readonly shape: readonly number[];
  readonly problems: readonly NestedArrayProblem[];
}

const PROBLEMS_SHOWN = 8;
const DEEPEST = 64;

const SPECIAL_FLOATS: ReadonlySet<unknown> = new Set(['NaN', 'Infinity', '-Infinity']);

/** The number that a JSON value of a float tensor stands for. */
export const floatOfJson = (value: unknown): number =>
  typeof value === 'string' ? Number(value) : (value as number);

/** The JSON value of a number of a float tensor: numbers as they are, others by name. */
export const jsonOfFloat = (value: number): number | string =>
  Number.isFinite(value) ? value : String(value);

/** What is there instead, shortly. */
export function describeJson(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'string') {
    const shown = value.length > 40 ? `${value.slice(0, 40)}...` : value;
    return `the string ${JSON.stringify(shown)}`;
  }
  if (typeof value === 'object') return 'an object';
  return String(value);
}

/** What an element of the dtype must be, for messages. */
export function describeElement(dtype: ElementType): string {
  const facts = elementFacts(dtype);
  switch (facts.kind) {
    case 'float':
      return dtype === 'float64'
        ? 'a finite number'
        : `a number of ${dtype} (at most ${facts.largest} in size)`;
    case 'complex':
      return 'a finite number';
    case 'integer': {
      const { min, max } = jsonIntegerRange(facts);
      const exact =
        max === Number.MAX_SAFE_INTEGER
          ? ' (JSON numbers are exact only so far; send larger ones as base64)'
          : '';
      return `a whole number from ${min} to ${max}${exact}`;
    }
    case 'bool':
      return 'true or false';
    case 'string':
      return 'a string';
    case 'unknown':
      return 'a value of a known element type';
  }
}

const pluralOf = (dtype: ElementType): string => {
  const { kind } = elementFacts(dtype);
  if (kind === 'bool') return 'booleans';
  return kind === 'string' ? 'strings' : 'numbers';
};

/** The place of the first element that the dtype does not allow, or -1. These loops see every element: no closures. */
export function firstWrongElement(
  row: readonly unknown[],
  dtype: ElementType,
  specialFloats: boolean,
): number {
  const facts = elementFacts(dtype);
  const { length } = row;
  switch (facts.kind) {
    case 'float':
    case 'complex': {
      const { largest } = facts;
      for (let index = 0; index < length; index++) {
        const value = row[index];
        // NaN fails both comparisons.
        if (typeof value === 'number' && value <= largest && value >= -largest) continue;
        if (specialFloats && SPECIAL_FLOATS.has(value)) continue;
        return index;
      }
      return -1;
    }
    case 'integer': {
      const { min, max } = jsonIntegerRange(facts);
      for (let index = 0; index < length; index++) {
        const value = row[index];
        if (!(typeof value === 'number' && value >= min && value <= max && Number.isInteger(value)))
          return index;
      }
      return -1;
    }
    case 'bool':
      return row.findIndex(value => typeof value !== 'boolean');
    case 'string':
      return row.findIndex(value => typeof value !== 'string');
    case 'unknown':
      return 0;
  }
}

/** Nesting of the value along its first elements. */
function depthOf(value: unknown): number {
  let depth = 0;
  for (let inner = value; Array.isArray(inner) && depth < DEEPEST; inner = inner[0]) depth += 1;
  return depth;
}

/**
 * Reads a nested JSON array as a tensor: its shape, and every place (up to eight) where it is not one of the type.
 * A complex number is an array of two, real and imaginary.
 * @param path what the value is called in messages: `inputs.image`
 * @param symbols sizes of symbols known so far; those met here for the first time are added
 */
export function readNestedArray(
  value: unknown,
  type: NestedArrayType,
  path: string,
  symbols: Map<string, SymbolSize>,
): NestedArrayReading {
  const { dtype, specialFloats } = type;
  const complex = elementFacts(dtype).kind === 'complex';
  const given: readonly Size[] =
    type.shape ?? Array.from({ length: depthOf(value) - (complex ? 1 : 0) }, () => null);
  const sizes: readonly Size[] = complex ? [...given, 2] : given;
  const rank = sizes.length;
  const seen: number[] = sizes.map(size => (typeof size === 'number' ? size : -1));
  /** Where a size that is not fixed was first seen. */
  const origins: string[] = sizes.map(() => '');
  const problems: NestedArrayProblem[] = [];
  const indices: number[] = [];
  const pathHere = (): string => path + indices.map(index => `[${index}]`).join('');
  const report = (message: string): void => {
    if (problems.length < PROBLEMS_SHOWN) problems.push({ path: pathHere(), message });
  };

  const expectLength = (depth: number, length: number): boolean => {
    const size = sizes[depth] ?? null;
    const known = seen[depth] ?? -1;
    if (length === known) return true;
    const what = depth === rank - 1 ? pluralOf(dtype) : 'arrays';
    if (typeof size === 'number') {
      report(`expected ${size} ${what}, got ${length}`);
      return false;
    }
    if (known >= 0) {
      report(`expected ${known} ${what} as in ${origins[depth]}, got ${length}`);
      return false;
    }
    const bound = size === null ? undefined : symbols.get(size);
    if (bound !== undefined && bound.size !== length) {
      report(
        `expected ${bound.size} ${what}, since ${JSON.stringify(size)} is ${bound.size} in ${bound.where}, got ${length}`,
      );
      return false;
    }
    seen[depth] = length;
    origins[depth] = pathHere();
    if (size !== null && bound === undefined) symbols.set(size, { size: length, where: pathHere() });
    return true;
  };

  const visit = (inner: unknown, depth: number): void => {
    if (problems.length >= PROBLEMS_SHOWN) return;
    if (depth === rank) {
      if (firstWrongElement([inner], dtype, specialFloats) === 0) {
        report(`expected ${describeElement(dtype)}, got ${describeJson(inner)}`);
      }
      return;
    }
    if (!Array.isArray(inner)) {
      const left = rank - depth;
      report(
        `expected ${left === 1 ? `an array of ${pluralOf(dtype)}` : `arrays nested ${left} deep`}, got ${describeJson(inner)}`,
      );
      return;
    }
    if (!expectLength(depth, inner.length)) return;
    if (depth === rank - 1) {
      const wrong = firstWrongElement(inner, dtype, specialFloats);
      if (wrong < 0) return;
      indices.push(wrong);
      report(`expected ${describeElement(dtype)}, got ${describeJson(inner[wrong])}`);
      indices.pop();
      return;
    }
    for (let index = 0; index < inner.length; index++) {
      indices.push(index);
      visit(inner[index], depth + 1);
      indices.pop();
    }
  };
  visit(value, 0);
  // Below an empty array nothing can be seen: a size that is known from elsewhere, or 0.
  const shape = seen.map((size, depth) => {
    if (size >= 0) return size;
    const symbol = sizes[depth];
    return (typeof symbol === 'string' ? symbols.get(symbol)?.size : undefined) ?? 0;
  });
  return { shape: complex ? shape.slice(0, -1) : shape, problems };
}
