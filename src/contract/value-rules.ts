import type { Dimension, Dtype } from '../model/inspection.ts';
import { quoteName } from '../shared/terminal-text.ts';
import type { ContractChange } from './comparison.ts';
import type { Pair } from './interface-matching.ts';
import { describeDimension, describeShape, describeType } from './type-description.ts';

/** Rules about one input or output that both models have. One function each; all are in docs/contracts.md. */
export type ValueRule = (pair: Pair) => readonly ContractChange[];

/** What a rule found; the pair supplies the rest. */
function change(
  pair: Pair,
  rule: string,
  effect: ContractChange['effect'],
  what: string,
): readonly ContractChange[] {
  const { side, base, candidate } = pair;
  const subject = `${side === 'input' ? 'Input' : 'Output'} ${quoteName(base.name)}`;
  return [{ rule, effect, side, name: base.name, base, candidate, message: `${subject} ${what}.` }];
}

const NOTHING: readonly ContractChange[] = [];

const kindChanged: ValueRule = pair => {
  const { base, candidate } = pair;
  // The notation holds the element type too, which has its own rule; its structure is what is compared here.
  const structureOf = (type: string | undefined): string =>
    (type ?? '').replaceAll(/tensor\(\w+\)/g, 'tensor');
  if (base.kind === candidate.kind && structureOf(base.type) === structureOf(candidate.type)) return NOTHING;
  return change(
    pair,
    'kind-changed',
    'breaking',
    `is ${describeType(candidate)} instead of ${describeType(base)}`,
  );
};

/** Element types that hold every value of another one. */
const WIDENINGS: Readonly<Partial<Record<Dtype, readonly Dtype[]>>> = {
  float16: ['float32', 'float64'],
  bfloat16: ['float32', 'float64'],
  float32: ['float64'],
  int4: ['int8', 'int16', 'int32', 'int64', 'float16', 'bfloat16', 'float32', 'float64'],
  uint4: [
    'uint8',
    'uint16',
    'uint32',
    'uint64',
    'int8',
    'int16',
    'int32',
    'int64',
    'float16',
    'float32',
    'float64',
  ],
  int8: ['int16', 'int32', 'int64', 'float16', 'bfloat16', 'float32', 'float64'],
  uint8: [
    'uint16',
    'uint32',
    'uint64',
    'int16',
    'int32',
    'int64',
    'float16',
    'bfloat16',
    'float32',
    'float64',
  ],
  int16: ['int32', 'int64', 'float32', 'float64'],
  uint16: ['uint32', 'uint64', 'int32', 'int64', 'float32', 'float64'],
  int32: ['int64', 'float64'],
  uint32: ['uint64', 'int64', 'float64'],
};

function isWidening(from: Dtype, to: Dtype): boolean {
  return WIDENINGS[from]?.includes(to) === true;
}

/** onnxruntime converts nothing: even a wider type is refused at the input, and is read as other bytes at the output. */
const dtypeWidened: ValueRule = pair => {
  const { side, base, candidate } = pair;
  if (!isWidening(base.dtype, candidate.dtype)) return NOTHING;
  const consequence =
    side === 'input'
      ? 'every old value fits, but callers that send typed tensors must send the new type'
      : 'callers that read typed tensors must expect the new type';
  return change(
    pair,
    'dtype-widened',
    'breaking',
    `is ${candidate.dtype} instead of ${base.dtype}: ${consequence}`,
  );
};

const dtypeChanged: ValueRule = pair => {
  const { base, candidate } = pair;
  if (base.dtype === candidate.dtype || isWidening(base.dtype, candidate.dtype)) return NOTHING;
  return change(
    pair,
    'dtype-changed',
    'breaking',
    `is ${candidate.dtype} instead of ${base.dtype}, which does not hold every old value`,
  );
};

const rankChanged: ValueRule = pair => {
  const { base, candidate } = pair;
  if (base.shape === null || candidate.shape === null || base.shape.length === candidate.shape.length)
    return NOTHING;
  return change(
    pair,
    'rank-changed',
    'breaking',
    `has the shape ${describeShape(candidate.shape)} instead of ${describeShape(base.shape)}: another number of dimensions`,
  );
};

/** A rank that was known and is not any more: inputs take more than before, outputs promise less. */
const rankFreed: ValueRule = pair => {
  const { side, base, candidate } = pair;
  if (base.shape === null || candidate.shape !== null) return NOTHING;
  return side === 'input'
    ? change(pair, 'rank-freed', 'compatible', `takes any shape; it was ${describeShape(base.shape)}`)
    : change(
        pair,
        'rank-freed',
        'breaking',
        `promises no shape any more; it was ${describeShape(base.shape)}`,
      );
};

/** A rank that was open and is known now: the other way round. */
const rankFixed: ValueRule = pair => {
  const { side, base, candidate } = pair;
  if (base.shape !== null || candidate.shape === null) return NOTHING;
  return side === 'input'
    ? change(
        pair,
        'rank-fixed',
        'breaking',
        `takes only the shape ${describeShape(candidate.shape)}; it took any`,
      )
    : change(
        pair,
        'rank-fixed',
        'compatible',
        `promises the shape ${describeShape(candidate.shape)}; it promised none`,
      );
};

/** The axes of a pair whose rank is known and the same, as [axis, base, candidate]. */
function axesOf({ base, candidate }: Pair): readonly (readonly [number, Dimension, Dimension])[] {
  if (base.shape === null || candidate.shape === null || base.shape.length !== candidate.shape.length)
    return [];
  const after = candidate.shape;
  return base.shape.map((size, axis) => [axis, size, after[axis] ?? null] as const);
}

const dimensionChanged: ValueRule = pair =>
  summarise(
    pair,
    'dimension-changed',
    'breaking',
    (before, after) => typeof before === 'number' && typeof after === 'number' && before !== after,
    axes => `has ${axes}: a size that was fixed is another one`,
  );

const dimensionFixed: ValueRule = pair =>
  summarise(
    pair,
    'dimension-fixed',
    pair.side === 'input' ? 'breaking' : 'compatible',
    (before, after) => typeof before !== 'number' && typeof after === 'number',
    axes =>
      pair.side === 'input'
        ? `has ${axes}: callers that send another size fail`
        : `has ${axes}: a size that varied is promised now`,
  );

const dimensionFreed: ValueRule = pair =>
  summarise(
    pair,
    'dimension-freed',
    pair.side === 'input' ? 'compatible' : 'breaking',
    (before, after) => typeof before === 'number' && typeof after !== 'number',
    axes =>
      pair.side === 'input'
        ? `has ${axes}: it takes more than it did`
        : `has ${axes}: callers that rely on the size may get another`,
  );

const symbolRenamed: ValueRule = pair =>
  summarise(
    pair,
    'symbol-renamed',
    'compatible',
    (before, after) => typeof before !== 'number' && typeof after !== 'number' && before !== after,
    axes => `has ${axes}: a dynamic size has another name, which changes nothing for callers`,
  );

/** One change for all axes of a value that a rule concerns. */
function summarise(
  pair: Pair,
  rule: string,
  effect: ContractChange['effect'],
  concerns: (before: Dimension, after: Dimension) => boolean,
  describe: (axes: string) => string,
): readonly ContractChange[] {
  const axes = axesOf(pair).filter(([, before, after]) => concerns(before, after));
  if (axes.length === 0) return NOTHING;
  const list = axes.map(
    ([axis, before, after]) =>
      `axis ${axis} ${describeDimension(after)} instead of ${describeDimension(before)}`,
  );
  return change(pair, rule, effect, describe(list.join(', ')));
}

export const VALUE_RULES: readonly ValueRule[] = [
  kindChanged,
  dtypeWidened,
  dtypeChanged,
  rankChanged,
  rankFreed,
  rankFixed,
  dimensionChanged,
  dimensionFixed,
  dimensionFreed,
  symbolRenamed,
];
