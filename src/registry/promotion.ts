import type { ModelState, VersionState } from './lifecycle.ts';
import type { ConditionOutcome, VerdictRecord, VersionStatus } from './records.ts';

/** What a promotion to one status demands. */
export interface PromotionRules {
  /** The latest verdict for exactly these bytes passed (or warned). */
  readonly verdict: boolean;
  /** That verdict says that the test cases passed. */
  readonly cases: boolean;
  /** That verdict carries a signature by one of the configured signers. */
  readonly signature: boolean;
  /** Status that the version must have reached before; null: none. */
  readonly from: readonly VersionStatus[];
  /** Names or addresses of people; so many of them must have approved. */
  readonly approvers: readonly string[];
  readonly approvals: number;
}

export const noRules: PromotionRules = {
  verdict: false,
  cases: false,
  signature: false,
  from: [],
  approvers: [],
  approvals: 0,
};

export type SignatureState =
  | { readonly kind: 'valid'; readonly identity: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid'; readonly reason: string };

/** The latest verdict on a version's bytes, and what its signature is worth. */
export interface JudgedVerdict {
  readonly verdict: VerdictRecord;
  readonly signature: SignatureState;
}

function verdictCondition(judged: JudgedVerdict | null): ConditionOutcome {
  if (judged === null) {
    return { name: 'verdict', met: false, detail: 'there is no verdict for these bytes' };
  }
  const { gate, createdAt } = judged.verdict;
  const met = gate === 'passed' || gate === 'warned';
  return { name: 'verdict', met, detail: `the latest verdict for these bytes is "${gate}" (${createdAt})` };
}

function casesCondition(judged: JudgedVerdict | null): ConditionOutcome {
  const cases = judged?.verdict.cases ?? 'none';
  const detail = cases === 'none' ? 'no test cases were run for these bytes' : `the test cases ${cases}`;
  return { name: 'cases', met: cases === 'passed', detail };
}

function signatureCondition(judged: JudgedVerdict | null): ConditionOutcome {
  const signature = judged?.signature ?? { kind: 'none' };
  switch (signature.kind) {
    case 'valid':
      return { name: 'signature', met: true, detail: `the verdict is signed by ${signature.identity}` };
    case 'none':
      return { name: 'signature', met: false, detail: 'the verdict is not signed' };
    case 'invalid':
      return { name: 'signature', met: false, detail: `the signature does not hold: ${signature.reason}` };
  }
}

const isPerson = (who: string, by: { readonly name: string; readonly email: string }): boolean =>
  by.name === who || by.email.toLowerCase() === who.toLowerCase();

function approvalCondition(
  rules: PromotionRules,
  state: VersionState,
  status: VersionStatus,
): ConditionOutcome {
  const given = rules.approvers.filter(who =>
    state.approvals.some(approval => approval.status === status && isPerson(who, approval.by)),
  );
  const missing = rules.approvers.filter(who => !given.includes(who));
  return {
    name: 'approvals',
    met: given.length >= rules.approvals,
    detail:
      `${given.length} of ${rules.approvals} approvals for ${status}` +
      (given.length === 0 ? '' : `, by ${given.join(', ')}`) +
      (given.length >= rules.approvals ? '' : `; may be given by ${missing.join(', ')}`),
  };
}

/** How the conditions of a promotion stand, on the branch as it is. Pure: asked again on every retry. */
export function judgePromotion(
  rules: PromotionRules,
  question: {
    readonly model: ModelState;
    readonly version: VersionState;
    readonly status: VersionStatus;
    readonly verdict: JudgedVerdict | null;
  },
): readonly ConditionOutcome[] {
  const { version, status, verdict } = question;
  const outcomes: ConditionOutcome[] = [];
  if (rules.from.length > 0) {
    const met = rules.from.includes(version.status);
    outcomes.push({
      name: 'from',
      met,
      detail: `the version is ${version.status}, and must be ${rules.from.join(' or ')}`,
    });
  }
  if (rules.verdict) outcomes.push(verdictCondition(verdict));
  if (rules.cases) outcomes.push(casesCondition(verdict));
  if (rules.signature) outcomes.push(signatureCondition(verdict));
  if (rules.approvals > 0) outcomes.push(approvalCondition(rules, version, status));
  return outcomes;
}
