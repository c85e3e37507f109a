import type { ModelConfig, Policy } from '../../config/config.ts';
import type { ModelIdentity } from '../../model/model-identity.ts';
import type { Measured } from '../../regression/comparisons.ts';
import type { ModelReport } from '../../report/report.ts';
import type { ReadableModel } from '../readable-model.ts';

/** The report on one model, and what a record of it needs. */
export interface CheckedModel {
  readonly report: ModelReport;
  readonly config: ModelConfig | null;
  /** The candidate as it was read; null where it could not be, or is gone. */
  readonly candidate: (ReadableModel & { readonly identity: ModelIdentity }) | null;
  readonly measured: Measured;
  /** The rules that were applied. */
  readonly policy: Policy | null;
}
