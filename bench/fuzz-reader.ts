import { fuzzReader } from '../test/support/mutation-fuzzer.ts';
import { megabytes, milliseconds, table } from './table.ts';

const CASES = 100_000;

/** The mutation fuzzer over the model reader: its long form. Fails with a counterexample where anything crashes. */
export async function fuzz(): Promise<string> {
  const startMs = performance.now();
  const { cases, refused, longestMs, peakRssBytes } = fuzzReader({ runs: CASES });
  const seconds = (performance.now() - startMs) / 1000;
  return table(
    [
      'mutated models',
      'crashes',
      'refused with a code',
      'read',
      'slowest',
      'peak memory of the whole run',
      'time',
    ],
    [
      [
        cases.toLocaleString('en-US'),
        '0',
        refused.toLocaleString('en-US'),
        (cases - refused).toLocaleString('en-US'),
        milliseconds(longestMs),
        megabytes(peakRssBytes),
        `${seconds.toFixed(0)} s`,
      ],
    ],
  );
}
