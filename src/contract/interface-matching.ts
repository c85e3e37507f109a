import type { ModelInterface, ValueInfo } from '../model/inspection.ts';

export type Side = 'input' | 'output';

/** One input or output that both models have, under the same name or under a new one. */
export interface Pair {
  readonly side: Side;
  readonly base: ValueInfo;
  readonly candidate: ValueInfo;
  readonly baseIsOptional: boolean;
  readonly candidateIsOptional: boolean;
  /** Index among the inputs (optional ones counted apart) or outputs. */
  readonly basePosition: number;
  readonly candidatePosition: number;
}

export interface Unpaired {
  readonly side: Side;
  readonly value: ValueInfo;
  readonly isOptional: boolean;
}

/** Two interfaces, value by value. */
export interface InterfaceMatch {
  readonly pairs: readonly Pair[];
  readonly removed: readonly Unpaired[];
  readonly added: readonly Unpaired[];
}

/** Renamings are looked for pair by pair; above this number two interfaces have nothing to do with each other. */
const MOST_RENAMED = 1000;

interface Slot {
  readonly value: ValueInfo;
  readonly isOptional: boolean;
  readonly position: number;
}

/**
 * Pairs the inputs and outputs of two interfaces: by name first; what is left is a renaming where kind, dtype and
 * shape are the same and either the position is too, or nothing else of that type was added or removed.
 */
export function matchInterfaces(base: ModelInterface, candidate: ModelInterface): InterfaceMatch {
  const inputs = matchSide('input', inputSlots(base), inputSlots(candidate));
  const outputs = matchSide('output', slots(base.outputs, false), slots(candidate.outputs, false));
  return {
    pairs: [...inputs.pairs, ...outputs.pairs],
    removed: [...inputs.removed, ...outputs.removed],
    added: [...inputs.added, ...outputs.added],
  };
}

function inputSlots({ inputs, optionalInputs }: ModelInterface): readonly Slot[] {
  return [...slots(inputs, false), ...slots(optionalInputs, true)];
}

function slots(values: readonly ValueInfo[], isOptional: boolean): readonly Slot[] {
  return values.map((value, position) => ({ value, isOptional, position }));
}

function matchSide(side: Side, base: readonly Slot[], candidate: readonly Slot[]): InterfaceMatch {
  const pairs: Pair[] = [];
  const pair = (before: Slot, after: Slot): void => {
    pairs.push({
      side,
      base: before.value,
      candidate: after.value,
      baseIsOptional: before.isOptional,
      candidateIsOptional: after.isOptional,
      basePosition: before.position,
      candidatePosition: after.position,
    });
  };
  const unmatched = new Map(candidate.map(slot => [slot.value.name, slot]));
  const gone: Slot[] = [];
  for (const slot of base) {
    const same = unmatched.get(slot.value.name);
    if (same === undefined) gone.push(slot);
    else {
      pair(slot, same);
      unmatched.delete(slot.value.name);
    }
  }
  const removed: Unpaired[] = [];
  const left = [...unmatched.values()];
  const isComparable = Math.max(gone.length, left.length) <= MOST_RENAMED;
  for (const slot of gone) {
    const alike = isComparable ? left.filter(other => isAlike(slot, other)) : [];
    const isOnlyOne = alike.length === 1 && gone.filter(other => isAlike(slot, other)).length === 1;
    const successor =
      alike.find(({ position }) => position === slot.position) ?? (isOnlyOne ? alike[0] : undefined);
    if (successor === undefined) removed.push({ side, value: slot.value, isOptional: slot.isOptional });
    else {
      pair(slot, successor);
      left.splice(left.indexOf(successor), 1);
    }
  }
  const added = left.map(({ value, isOptional }) => ({ side, value, isOptional }));
  return { pairs, removed, added };
}

function isAlike(a: Slot, b: Slot): boolean {
  return (
    a.isOptional === b.isOptional &&
    a.value.kind === b.value.kind &&
    a.value.dtype === b.value.dtype &&
    a.value.type === b.value.type &&
    hasSameShape(a.value.shape, b.value.shape)
  );
}

/** Equal but for the names of symbols. */
function hasSameShape(a: ValueInfo['shape'], b: ValueInfo['shape']): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.length === b.length &&
    a.every((size, axis) => (typeof size === 'number' ? size === b[axis] : typeof b[axis] !== 'number'))
  );
}
