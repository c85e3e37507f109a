import type { ValueInfo } from '../model/inspection.ts';
import type { FeedTensor } from './measurement.ts';

/** One set of inputs that a model is measured with. */
export interface Workload {
  /** `long, batch=8`; empty where a model has only one. */
  readonly name: string;
  readonly dims: Readonly<Record<string, number>>;
  /** Folder with a case, relative to the root, or null. */
  readonly casesPath: string | null;
  /** File with rows, relative to the root, or null. */
  readonly datasetPath: string | null;
}

interface ProfileSettings {
  readonly name: string;
  readonly dims: Readonly<Record<string, readonly number[]>>;
  readonly casesPath: string | null;
  readonly datasetPath: string | null;
}

/** What the configuration says of a model's inputs. */
export interface InputSettings {
  readonly dims: Readonly<Record<string, readonly number[]>>;
  readonly casesPath: string | null;
  readonly profiles?: readonly ProfileSettings[];
}

type Sizes = readonly (readonly [symbol: string, size: number])[];

/** Every combination of the sizes of symbols, the last symbol turning fastest. */
function combinationsOf(dims: InputSettings['dims']): readonly Sizes[] {
  return Object.entries(dims).reduce<readonly Sizes[]>(
    (all, [symbol, sizes]) => all.flatMap(some => sizes.map(size => [...some, [symbol, size] as const])),
    [[]],
  );
}

/** A mapping of the model's own names: they may be `__proto__`. */
function mapping<Value>(entries: Iterable<readonly [string, Value]>): Record<string, Value> {
  const made: Record<string, Value> = Object.create(null);
  for (const [key, value] of entries) made[key] = value;
  return made;
}

/**
 * The sets of inputs of a model: its profiles, each with every combination of the sizes that it lists, in the order of
 * the configuration. At least one.
 */
export function workloadsOf(settings: InputSettings): readonly Workload[] {
  const profiles: readonly ProfileSettings[] = settings.profiles ?? [
    { name: '', dims: {}, casesPath: null, datasetPath: null },
  ];
  return profiles.flatMap(profile => {
    const dims = mapping([...Object.entries(settings.dims), ...Object.entries(profile.dims)]);
    return combinationsOf(dims).map(sizes => {
      const varied = sizes.filter(([symbol]) => (dims[symbol]?.length ?? 0) > 1);
      return {
        name: [
          ...(profile.name === '' ? [] : [profile.name]),
          ...varied.map(([symbol, size]) => `${symbol}=${size}`),
        ].join(', '),
        dims: mapping(sizes),
        casesPath: profile.casesPath ?? settings.casesPath,
        datasetPath: profile.datasetPath,
      };
    });
  });
}

/** Rows of one run: the first dimension, where all inputs leave it open under one name; else 1. */
export function rowsOf(inputs: readonly ValueInfo[], tensors: readonly FeedTensor[]): number {
  const symbols = new Set(inputs.map(({ shape }) => shape?.[0] ?? null));
  const sizes = new Set(tensors.map(({ shape }) => shape[0] ?? 1));
  const [symbol] = symbols;
  const [size] = sizes;
  const isShared = symbols.size === 1 && sizes.size === 1 && typeof symbol !== 'number';
  return isShared && size !== undefined && size > 0 ? size : 1;
}

/** The symbol of the first dimension, where all inputs share it; else null: the batch is fixed or not one. */
export function batchSymbolOf(inputs: readonly ValueInfo[]): string | null {
  const firsts = new Set(inputs.map(({ shape }) => shape?.[0]));
  const [first] = firsts;
  return firsts.size === 1 && typeof first === 'string' ? first : null;
}
