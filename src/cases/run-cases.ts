import { QuickServeError } from '../shared/errors.ts';
import type { Progress } from '../shared/progress.ts';
import { compareOutputs } from './case-comparison.ts';
import type { TestCase } from './case-reader.ts';
import type { ModelRunner, NamedTensor, NamedValue } from './case-value.ts';
import type { CaseOutcome } from './cases-report.ts';
import type { OutputTolerances } from './tolerance.ts';

export interface RunCasesOptions {
  readonly cases: Iterable<TestCase>;
  readonly runner: ModelRunner;
  /** Over the dtype's own and under the case's own. */
  readonly tolerances: OutputTolerances;
  /** Where given, new expected outputs are handed here instead of failing. */
  readonly update: ((test: TestCase, outputs: readonly NamedValue[]) => void) | null;
  readonly progress: Progress;
}

/** The tensors of a case, or why the runtime cannot be fed with them. */
function feedsOf(inputs: readonly NamedValue[]): readonly NamedTensor[] | string {
  const feeds: NamedTensor[] = [];
  for (const { name, value } of inputs) {
    if (value.kind === 'tensor') feeds.push({ name, ...value.tensor });
    else if (value.kind !== 'absent')
      return `onnxruntime-node cannot be fed with a ${value.kind} (input "${name}")`;
  }
  return feeds;
}

const NOT_FOR_THIS_RUNTIME: ReadonlySet<string> = new Set(['RUNTIME_UNSUPPORTED_MODEL']);
/** After these there is no process left that could run the next case. */
const DEADLY: ReadonlySet<string> = new Set([
  'WORKER_START_FAILED',
  'RUNTIME_NOT_FOUND',
  'RUNTIME_PROVIDER_UNAVAILABLE',
]);

async function runCase(test: TestCase, options: RunCasesOptions): Promise<CaseOutcome> {
  const { name } = test;
  const feeds = feedsOf(test.inputs);
  if (typeof feeds === 'string') return { kind: 'not-runnable', name, reason: feeds };
  let outputs: readonly NamedValue[];
  try {
    const tensors = await options.runner.run(feeds);
    outputs = tensors.map(({ name: output, ...tensor }) => ({
      name: output,
      value: { kind: 'tensor', tensor },
    }));
  } catch (error) {
    if (!(error instanceof QuickServeError) || DEADLY.has(error.code)) throw error;
    if (NOT_FOR_THIS_RUNTIME.has(error.code)) return { kind: 'not-runnable', name, reason: error.message };
    return { kind: 'error', name, error: error.toJSON() };
  }
  const compared = compareOutputs(test.expected, outputs, [options.tolerances, test.tolerances]);
  if (options.update !== null) {
    options.update(test, outputs);
    return { kind: 'updated', name, changed: compared.filter(({ kind }) => kind !== 'close') };
  }
  if (test.expected.length === 0) return { kind: 'no-reference', name };
  return {
    kind: compared.every(({ kind }) => kind === 'close') ? 'passed' : 'failed',
    name,
    outputs: compared,
  };
}

/** Runs cases one after the other. A case that fails does not stop the others; no runtime at all does. */
export async function runCases(options: RunCasesOptions): Promise<readonly CaseOutcome[]> {
  const outcomes: CaseOutcome[] = [];
  for (const test of options.cases) {
    options.progress.update(`case ${outcomes.length + 1}: ${test.name}`);
    outcomes.push(await runCase(test, options));
  }
  return outcomes;
}
