import { compareInterfaces } from '../../contract/compare-interfaces.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import { decideVersion, newestVersion } from '../../registry/versions.ts';
import type { ModelReport, Report } from '../../report/report.ts';
import type { CheckedModel } from './checked-model.ts';

/**
 * For each model the version that was recorded, or the one that a record would make now, and the one it follows.
 * A model without new bytes has none.
 * @param state versions before this check; null where the registry was not read.
 */
export function planVersions(
  checked: readonly CheckedModel[],
  state: RegistryState | null,
  recorded: Report['registry']['entries'],
): ReadonlyMap<string, NonNullable<ModelReport['version']>> {
  const plans = new Map<string, NonNullable<ModelReport['version']>>();
  if (state === null) return plans;
  for (const { report, candidate } of checked) {
    if (candidate === null) continue;
    const versions = state.models.get(report.name)?.versions ?? [];
    const previous = newestVersion(versions)?.version ?? null;
    const made = recorded.find(entry => entry.model === report.name);
    if (made !== undefined) {
      if (made.new) plans.set(report.name, { previous, next: made.version });
      continue;
    }
    const own = interfaceOf(candidate.model);
    const decision = decideVersion({
      newest: newestVersion(versions),
      known: versions.find(({ sha256 }) => sha256 === candidate.identity.sha256) ?? null,
      relation: 'newer',
      bumpOf: newest => (newest === null ? 'none' : compareInterfaces(newest.interface, own).bump),
    });
    if (decision.kind === 'new') plans.set(report.name, { previous, next: decision.version });
  }
  return plans;
}
