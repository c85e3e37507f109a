import type { ModelConfig, Policy } from '../../config/config.ts';
import type { ModelIdentity } from '../../model/model-identity.ts';
import { assertLoadable } from '../../model/model-inspection.ts';
import type { Measured } from '../../regression/comparisons.ts';
import { ModelFailure } from '../../runtime/model-failure.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import { type Bench, measure, type ReadableModel } from './measuring.ts';

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

const NO_FINDINGS: readonly Finding[] = [];

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
): Promise<{ readonly measured: Measured; readonly findings: readonly Finding[] }> {
  const { bench } = input;
  const { base, candidate, same, identity, policy } = what;
  if (same && !input.measureIdentical(identity)) {
    return { measured: { kind: 'none', reason: 'same bytes, same runtime' }, findings: NO_FINDINGS };
  }
  if (isBroken(candidate)) {
    // The inspection has said why, with its own codes.
    return { measured: { kind: 'none', reason: 'the model cannot be run' }, findings: NO_FINDINGS };
  }
  const usableBase = base !== null && isBroken(base) ? null : base;
  try {
    return {
      measured: await measure(config, policy, usableBase, candidate, bench, input.root),
      findings: NO_FINDINGS,
    };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    if (!(thrown instanceof ModelFailure && thrown.side === 'base')) {
      return { measured: { kind: 'none', reason: thrown.message }, findings: [findingOf(thrown)] };
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
): Promise<{ readonly measured: Measured; readonly findings: readonly Finding[] }> {
  const finding: Finding = {
    ...findingOf(failure),
    severity: 'warning',
    message: `The base: ${failure.message}`,
  };
  try {
    const measured = await measure(config, policy, null, candidate, input.bench, input.root);
    return { measured, findings: [finding] };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return { measured: { kind: 'none', reason: thrown.message }, findings: [finding, findingOf(thrown)] };
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
