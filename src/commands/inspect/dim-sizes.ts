import { setsASize, sizeNamesOf } from '../../benchmark/input-names.ts';
import type { ValueInfo } from '../../model/inspection.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { nearestWord } from '../../shared/nearest-word.ts';

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

/**
 * Refuses sizes that no input has a dimension for: they would be passed over without a word.
 * @throws QuickServeError USAGE.
 */
export function requireKnownDims(
  dims: Readonly<Record<string, unknown>>,
  inputs: readonly ValueInfo[],
): void {
  const unknown = Object.keys(dims).find(key => !setsASize(key, inputs));
  if (unknown === undefined) return;
  throw new QuickServeError({
    code: 'USAGE',
    message: `--dim: no input has a dimension "${unknown}" without a size.`,
    hint: dimsHint(unknown, sizeNamesOf(inputs)),
  });
}

/** Which dimension is meant, or those that there are. */
export function dimsHint(unknown: string, known: readonly string[]): string {
  const nearest = nearestWord(unknown, known);
  if (nearest !== undefined) return `Did you mean "${nearest}"?`;
  return known.length === 0
    ? 'All inputs have fixed sizes.'
    : `The inputs leave these open: ${known.slice(0, 20).join(', ')}.`;
}

/** `--dim batch=8` where one size is wanted: of a list, the first. @throws QuickServeError USAGE. */
export function readDimSizes(given: readonly string[]): Readonly<Record<string, number>> {
  const sizes: Record<string, number> = Object.create(null);
  for (const [symbol, [first]] of Object.entries(readDims(given))) {
    if (first !== undefined) sizes[symbol] = first;
  }
  return sizes;
}
