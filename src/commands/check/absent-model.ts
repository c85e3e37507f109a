import type { ModelConfig } from '../../config/config.ts';
import { disappearedMetrics } from '../../regression/comparisons.ts';
import type { ModelReport, ModelState } from '../../report/report.ts';
import { ERROR_CATALOG } from '../../shared/error-catalog.ts';
import type { QuickServeError } from '../../shared/errors.ts';
import { policiesOf } from '../metric-policies.ts';
import type { ChangedModel, ChangeSet } from './change-set.ts';
import type { CheckedModel } from './checked-model.ts';
import { findingOf } from './measured-model.ts';

/** A model that is named, and cannot be read. @param named paths as the reader knows them. */
export function unreadableModel(
  config: ModelConfig,
  state: ModelState,
  error: QuickServeError,
  named: (text: string) => string,
): CheckedModel {
  const message = named(error.message);
  return {
    config,
    candidate: null,
    measured: { kind: 'none', reason: message },
    policy: null,
    report: {
      ...emptyReport(config.name, config.path, state, message),
      gate: ERROR_CATALOG[error.code].exit === 3 ? 'no-verdict' : 'failed',
      findings: [{ ...findingOf(error), message }],
    },
  };
}

/** A model of the base that the change does not have any more. */
export function deletedModel({ change }: ChangedModel, changes: ChangeSet): CheckedModel {
  const { name, path } = change;
  const rules = changes.baseConfig ?? changes.config;
  const policy = rules.models?.find(each => each.path === path)?.policy ?? rules.defaults.policy;
  const reason = 'the model was deleted';
  return {
    config: null,
    candidate: null,
    measured: { kind: 'none', reason },
    policy: null,
    report: {
      ...emptyReport(name, path, { kind: 'deleted' }, reason),
      // What the base had is not counted: its bytes may be gigabytes that nobody needs any more.
      metrics: disappearedMetrics(policiesOf(policy), null, reason),
      gate: 'warned',
      findings: [
        {
          code: 'MODEL_DELETED',
          severity: 'warning',
          message: `The base has ${path}, the change does not: whoever loads it will not find it.`,
          hint: 'If that is meant, archive its versions in the registry.',
        },
      ],
    },
  };
}

function emptyReport(
  name: string,
  path: string,
  state: ModelState,
  reason: string,
): Omit<ModelReport, 'gate'> {
  return {
    name,
    path,
    state,
    base: null,
    candidate: null,
    contract: null,
    metrics: [],
    measurement: { kind: 'not-measured', reason },
    version: null,
    findings: [],
    accepted: [],
  };
}
