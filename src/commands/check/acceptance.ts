import type { AcceptEntry } from '../../config/config.ts';
import type { ContractChange } from '../../contract/comparison.ts';
import type { MetricComparison } from '../../regression/verdict.ts';
import type { Acceptance } from '../../report/report.ts';
import type { Finding } from '../../shared/finding.ts';
import {
  ACCEPTING_LABEL,
  CONTRACT_FINDING,
  METRIC_FINDINGS,
  testFindingName,
} from '../../shared/finding-names.ts';

/** What people let through on purpose, from all places where they can say so. */
export interface AcceptanceSources {
  /** `slower:digits`, `break:digits`. */
  readonly flags: readonly string[];
  /** `accept-slower:digits`, `accept-break:digits`. */
  readonly labels: readonly string[];
  /** Of the base commit's configuration: `input-renamed:image`, `slower`. */
  readonly entries: readonly AcceptEntry[];
}

/** What labels and flags let through, for a report: labels by their name, flags as they are written. */
export const acceptancesIn = ({ flags, labels }: Omit<AcceptanceSources, 'entries'>): readonly string[] => [
  ...new Set([
    ...labels.filter(label => label.startsWith(ACCEPTING_LABEL)).toSorted(),
    ...flags.map(finding => `--accept ${finding}`).toSorted(),
  ]),
];

/** Whether a finding of a model was accepted, and by what; the digest of the candidate binds an entry to its bytes. */
export type AcceptanceLookup = (finding: string, detail: string | null) => Acceptance | null;

/**
 * @param modelName as the report names it.
 * @param sha256 identity of the candidate, or null where it is not known; entries that name a digest then never hold.
 */
export function acceptanceLookup(
  modelName: string,
  sha256: string | null,
  sources: AcceptanceSources,
): AcceptanceLookup {
  return (finding, detail) => {
    const named = `${finding}:${modelName}`;
    if (sources.flags.includes(named)) return { finding: named, by: 'flag' };
    if (sources.labels.includes(`${ACCEPTING_LABEL}${named}`)) return { finding: named, by: 'label' };
    const names = [finding, named, ...(detail === null ? [] : [detail])];
    const entry = sources.entries.find(
      each => names.includes(each.finding) && (each.sha256 === null || each.sha256 === sha256),
    );
    return entry === undefined ? null : { finding: detail ?? named, by: 'configuration' };
  };
}

/** What was accepted of the regressions, breaks and failed tests of one model. A finding that nobody accepted is not in the result. */
export function acceptedOf(
  metrics: readonly MetricComparison[],
  changes: readonly ContractChange[],
  findings: readonly Finding[],
  lookup: AcceptanceLookup,
): {
  readonly metrics: ReadonlySet<MetricComparison>;
  readonly changes: ReadonlySet<ContractChange>;
  readonly findings: ReadonlySet<Finding>;
  readonly list: readonly Acceptance[];
} {
  const list = new Map<string, Acceptance>();
  const note = (acceptance: Acceptance | null): boolean => {
    if (acceptance !== null) list.set(acceptance.finding, acceptance);
    return acceptance !== null;
  };
  const acceptedMetrics = metrics.filter(
    ({ metric, outcome }) =>
      (outcome.kind === 'regressed' || outcome.kind === 'over-limit' || outcome.kind === 'under-limit') &&
      note(lookup(METRIC_FINDINGS[metric], null)),
  );
  const acceptedChanges = changes.filter(
    change => change.effect === 'breaking' && note(lookup(CONTRACT_FINDING, `${change.rule}:${change.name}`)),
  );
  const acceptedFindings = findings.filter(({ code, severity }) => {
    const name = testFindingName(code);
    return severity === 'error' && name !== null && note(lookup(name, null));
  });
  return {
    metrics: new Set(acceptedMetrics),
    changes: new Set(acceptedChanges),
    findings: new Set(acceptedFindings),
    list: [...list.values()],
  };
}
