import type { ModelConfig, Policy } from '../../config/config.ts';
import type { ModelIdentity } from '../../model/model-identity.ts';
import { assertLoadable } from '../../model/model-inspection.ts';
import type { Measured } from '../../regression/comparisons.ts';
import type { ModelLayers } from '../../report/report.ts';
import { ModelFailure } from '../../runtime/model-failure.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import { type Bench, measure, type ReadableModel } from './measuring.ts';
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

/** `measured` of kind `none` where nothing was; `layers` where the model is slower and could be profiled. */
export interface MeasuringOutcome {
  readonly measured: Measured;
  readonly layers: ModelLayers | null;
  readonly findings: readonly Finding[];
}

const nothing = (reason: string, findings: readonly Finding[] = []): MeasuringOutcome => ({
  measured: { kind: 'none', reason },
  layers: null,
  findings,
});

/**
 * Measures a model, or says why not. What goes wrong is a finding: the base's failure leaves the candidate without a
 * baseline, the candidate's own fails it.
 */
export async function measureModel(
  input: MeasuringInput,
  config: ModelConfig,
  what: {
    readonly policy: Policy;
    readonly base: ReadableModel | null;
    readonly candidate: ReadableModel;
    readonly same: boolean;
    readonly identity: ModelIdentity;
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
  try {
    return { ...(await measure(config, policy, usableBase, candidate, bench, input.root)), findings };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    if (!(thrown instanceof ModelFailure && thrown.side === 'base')) {
      return nothing(thrown.message, [findingOf(thrown)]);
    }
    return measureWithoutBase(input, config, policy, candidate, thrown);
  }
}

/** The base does not run, the candidate may: it is measured alone, and the report says why there is no baseline. */
async function measureWithoutBase(
  input: MeasuringInput,
  config: ModelConfig,
  policy: Policy,
  candidate: ReadableModel,
  failure: ModelFailure,
): Promise<MeasuringOutcome> {
  const finding: Finding = {
    ...findingOf(failure),
    severity: 'warning',
    message: `The base: ${failure.message}`,
  };
  try {
    return {
      ...(await measure(config, policy, null, candidate, input.bench, input.root)),
      findings: [finding],
    };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return nothing(thrown.message, [finding, findingOf(thrown)]);
  }
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
