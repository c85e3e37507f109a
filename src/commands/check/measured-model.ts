import { availableParallelism } from 'node:os';
import { type Disturbance, disturbanceBetween } from '../../benchmark/noise.ts';
import { allotTime } from '../../benchmark/time-allotment.ts';
import { workloadsOf } from '../../benchmark/workload.ts';
import type { ModelConfig, Policy } from '../../config/config.ts';
import type { ModelIdentity } from '../../model/model-identity.ts';
import { assertLoadable } from '../../model/model-inspection.ts';
import type { MeasuredWorkload } from '../../regression/comparisons.ts';
import type { ModelLayers } from '../../report/report.ts';
import { readMachineLoad } from '../../runtime/machine-load.ts';
import { ModelFailure } from '../../runtime/model-failure.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import type { ReadableModel } from '../readable-model.ts';
import { EXPLAINING_SHARE, explainSlower, type SlowerWorkload } from './explaining.ts';
import { type Bench, type MeasuredModel, measure } from './measuring.ts';
import { runtimeFindings } from './runtime-findings.ts';

export interface MeasuringInput {
  readonly bench: Bench;
  /** Of the repository: paths of cases are relative to it. */
  readonly root: string;
  /** An identical model is measured alone as well, because the registry has no measurement of it. */
  readonly measureIdentical: (identity: ModelIdentity) => boolean;
}

/** An error as the finding that a report carries. */
export function findingOf(error: QuickServeError): Finding {
  return { code: error.code, severity: 'error', message: error.message, hint: error.hint };
}

export interface MeasuringOutcome {
  /** One for each set of inputs, at least one; `none` where nothing was measured. */
  readonly workloads: readonly [MeasuredWorkload, ...MeasuredWorkload[]];
  /** Of each set of inputs with which the model is slower and could be profiled in time. */
  readonly layers: readonly ModelLayers[];
  readonly findings: readonly Finding[];
  /** What else the machine did; null where nothing was measured. */
  readonly disturbance: Disturbance | null;
}

const nothing = (reason: string, findings: readonly Finding[] = []): MeasuringOutcome => ({
  workloads: [{ name: '', rows: 1, measured: { kind: 'none', reason } }],
  layers: [],
  findings,
  disturbance: null,
});

interface Sides {
  readonly policy: Policy;
  readonly base: ReadableModel | null;
  readonly candidate: ReadableModel;
}

/**
 * Measures a model with each set of its inputs, or says why not. What goes wrong is a finding: the base's failure leaves
 * the candidate without a baseline, the candidate's own fails it.
 */
export async function measureModel(
  input: MeasuringInput,
  config: ModelConfig,
  what: Sides & {
    readonly same: boolean;
    readonly identity: ModelIdentity;
    /** The same model in the base's configuration, or null. */
    readonly baseConfig: ModelConfig | null;
  },
): Promise<MeasuringOutcome> {
  const { bench } = input;
  const { base, candidate, same, identity, policy } = what;
  const unchangedBytes = same && !input.measureIdentical(identity);
  if (unchangedBytes && bench.baseRuntime === undefined) return nothing('same bytes, same runtime');
  if (isBroken(candidate)) {
    // The inspection has said why, with its own codes.
    return nothing('the model cannot be run');
  }
  const usableBase = base !== null && isBroken(base) ? null : base;
  const bytesOfBase = same ? candidate : usableBase;
  const findings =
    bytesOfBase === null ? [] : await runtimeFindings(config, policy, bytesOfBase, bench, input.root);
  if (unchangedBytes) return nothing('same bytes; only the runtime changed', findings);
  const measured = await measureWorkloads(input, config, { policy, base: usableBase, candidate });
  const [first, ...others] = measured.workloads;
  return {
    ...measured,
    workloads: [first, ...others, ...goneWorkloads(config, what.baseConfig)],
    findings: [...findings, ...measured.findings],
  };
}

/** The budget of a model is shared by its sets of inputs; what one leaves goes to those after it. */
async function measureWorkloads(
  { bench, root }: MeasuringInput,
  config: ModelConfig,
  { policy, base, candidate }: Sides,
): Promise<MeasuringOutcome> {
  const workloads = workloadsOf(config);
  const { budgetMs } = config.benchmark;
  const time = allotTime(
    bench.time?.next(budgetMs) ?? budgetMs,
    workloads.map(() => budgetMs),
    () => performance.now(),
  );
  const before = await readMachineLoad();
  const done: MeasuredWorkload[] = [];
  const findings: Finding[] = [];
  const slower: SlowerWorkload[] = [];
  let usableBase = base;
  for (const [index, workload] of workloads.entries()) {
    const { name } = workload;
    const shareMs = time.next(budgetMs);
    const attempt = (against: ReadableModel | null): Promise<MeasuredModel> =>
      measure(config, policy, against, candidate, bench, root, {
        workload,
        budgetMs: shareMs,
        isFirst: index === 0,
      });
    try {
      const result = await attempt(usableBase).catch(thrown => {
        // The base does not run, the candidate may: it is measured alone, and the report says why there is no baseline.
        if (!(thrown instanceof ModelFailure && thrown.side === 'base')) throw thrown;
        usableBase = null;
        const message = `The base: ${thrown.message}`;
        findings.push({ ...findingOf(thrown), severity: 'warning', message });
        return attempt(null);
      });
      if (result.explain !== null) slower.push({ name, explain: result.explain });
      done.push({ name, rows: result.rows, measured: result.measured });
    } catch (thrown) {
      if (!(thrown instanceof QuickServeError)) throw thrown;
      const finding = findingOf(thrown);
      const message = name === '' ? finding.message : `With the inputs ${name}: ${finding.message}`;
      findings.push({ ...finding, message });
      done.push({ name, rows: 1, measured: { kind: 'failed', reason: thrown.message } });
    }
  }
  const disturbance = disturbanceBetween(before, await readMachineLoad(), availableParallelism());
  const layers = await explainSlower(slower, budgetMs * EXPLAINING_SHARE);
  const [first, ...others] = done;
  if (first === undefined) return nothing('there are no inputs', findings);
  return { workloads: [first, ...others], layers, findings, disturbance };
}

/** Sets of inputs that the base's configuration measures and the head's does not: what they would show is not seen. */
function goneWorkloads(config: ModelConfig, base: ModelConfig | null): readonly MeasuredWorkload[] {
  const names = new Set(workloadsOf(config).map(({ name }) => name));
  const reason = 'the base is measured with these inputs, this change does not configure them any more';
  return (base === null ? [] : workloadsOf(base))
    .filter(({ name }) => name !== '' && !names.has(name))
    .map(({ name }) => ({ name, rows: 1, measured: { kind: 'disappeared', reason } }));
}

function isBroken({ model }: ReadableModel): boolean {
  try {
    assertLoadable(model);
    return false;
  } catch (thrown) {
    if (thrown instanceof QuickServeError) return true;
    throw thrown;
  }
}
