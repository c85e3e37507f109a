import { QuickServeError } from '../../shared/errors.ts';

/** `--dim batch=1,8` as sizes by symbol. @throws QuickServeError USAGE. */
export function readDims(given: readonly string[]): Readonly<Record<string, readonly number[]>> {
  const dims: Record<string, readonly number[]> = Object.create(null);
  for (const text of given) {
    const [, symbol, list] = /^(.+)=([1-9]\d{0,8}(?:,[1-9]\d{0,8})*)$/.exec(text) ?? [];
    if (symbol === undefined || list === undefined) {
      throw new QuickServeError({
        code: 'USAGE',
        message: `--dim: "${text}" is not a symbol and its sizes.`,
        hint: 'For example --dim batch=8 or --dim batch=1,8; the symbols are shown by `quickserveml inspect`.',
      });
    }
    dims[symbol] = list.split(',').map(Number);
  }
  return dims;
}

/** `--dim batch=8` where one size is wanted: of a list, the first. @throws QuickServeError USAGE. */
export function readDimSizes(given: readonly string[]): Readonly<Record<string, number>> {
  const sizes: Record<string, number> = Object.create(null);
  for (const [symbol, [first]] of Object.entries(readDims(given))) {
    if (first !== undefined) sizes[symbol] = first;
  }
  return sizes;
}
