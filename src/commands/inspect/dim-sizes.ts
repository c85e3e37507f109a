import { QuickServeError } from '../../shared/errors.ts';

/** `--dim batch=8` as sizes by symbol; one size each. @throws QuickServeError USAGE. */
export function readDimSizes(given: readonly string[]): Readonly<Record<string, number>> {
  const sizes: Record<string, number> = Object.create(null);
  for (const text of given) {
    const [, symbol, size] = /^(.+)=(\d+)$/.exec(text) ?? [];
    if (symbol === undefined || size === undefined) {
      throw new QuickServeError({
        code: 'USAGE',
        message: `--dim: "${text}" is not a symbol and its size.`,
        hint: 'For example --dim batch=8; the symbols are shown by `quickserveml inspect`.',
      });
    }
    sizes[symbol] = Number(size);
  }
  return sizes;
}
