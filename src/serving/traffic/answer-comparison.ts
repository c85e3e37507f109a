import { defaultTolerance, EXACT, type Tolerance } from '../../cases/tolerance.ts';
import { isJsonObject } from '../../shared/json-object.ts';

/** Left out of the comparison: they differ between versions by their nature. */
const ENVELOPE: ReadonlySet<string> = new Set([
  'id',
  'model_name',
  'model_version',
  'version',
  'model',
  'timing',
]);
const DEEPEST = 64;

/** Numbers of an array are whole everywhere, in both answers: labels and counts, for which close is not the same. */
function isWhole(value: unknown, depth = 0): boolean {
  if (Array.isArray(value)) return depth < DEEPEST && value.every(each => isWhole(each, depth + 1));
  // What is inside an object is judged for itself.
  return typeof value === 'number' ? Number.isInteger(value) : !isJsonObject(value);
}

const isClose = (expected: number, actual: number, { absolute, relative }: Tolerance): boolean =>
  expected === actual || Math.abs(actual - expected) <= absolute + relative * Math.abs(expected);

function sameValues(expected: unknown, actual: unknown, tolerance: Tolerance, depth: number): boolean {
  if (depth > DEEPEST) return false;
  if (typeof expected === 'number' && typeof actual === 'number') return isClose(expected, actual, tolerance);
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((each, index) => sameValues(each, actual[index], tolerance, depth + 1))
    );
  }
  if (isJsonObject(expected)) {
    if (!isJsonObject(actual)) return false;
    const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].filter(
      name => !ENVELOPE.has(name),
    );
    return names.every(name => sameOutput(expected[name], actual[name], tolerance, depth + 1));
  }
  return expected === actual;
}

/** An output, whose numbers share a type: compared exactly where all are whole. */
function sameOutput(expected: unknown, actual: unknown, tolerance: Tolerance, depth: number): boolean {
  const whole = isWhole(expected) && isWhole(actual);
  return sameValues(expected, actual, whole ? EXACT : tolerance, depth);
}

/**
 * Whether two answers say the same: numbers within the tolerance (numpy.allclose; by default that of float32 in test
 * cases), whole ones, texts and shapes exactly; names of versions and ids do not count. NaN is written as a text and equals
 * itself.
 * @param expected, actual parsed JSON.
 */
export const sameAnswers = (expected: unknown, actual: unknown, tolerance: Tolerance | null): boolean =>
  sameValues(expected, actual, tolerance ?? defaultTolerance('float32'), 0);
