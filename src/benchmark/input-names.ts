import type { ValueInfo } from '../model/inspection.ts';

interface OpenDimension {
  /** `input:axis`, which sets every open dimension. */
  readonly key: string;
  readonly symbol: string | null;
}

const openDimensionsOf = (inputs: readonly ValueInfo[]): readonly OpenDimension[] =>
  inputs.flatMap(({ name, shape }) =>
    (shape ?? []).flatMap((dimension, axis) =>
      typeof dimension === 'number' && dimension >= 0
        ? []
        : [{ key: `${name}:${axis}`, symbol: typeof dimension === 'string' ? dimension : null }],
    ),
  );

/** The dimensions that `dims` can set, as a person writes them: symbols, and `input:axis` where one has no name. */
export const sizeNamesOf = (inputs: readonly ValueInfo[]): readonly string[] => [
  ...new Set(openDimensionsOf(inputs).map(({ key, symbol }) => symbol ?? key)),
];

/** Whether a key of `dims` sets the size of any dimension. */
export const setsASize = (key: string, inputs: readonly ValueInfo[]): boolean =>
  openDimensionsOf(inputs).some(each => each.key === key || each.symbol === key);
