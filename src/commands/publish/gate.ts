import type { VersionState } from '../../registry/lifecycle.ts';
import type { JudgedVerdict } from '../../registry/promotion.ts';
import type { ConditionOutcome } from '../../registry/records.ts';
import { nextSteps } from '../registry/next-steps.ts';
import type { PublishSettings } from './publish-options.ts';
import type { PublishedModel } from './published-model.ts';

/** How a model stands to the conditions of publishing. */
export interface ModelGate {
  readonly model: PublishedModel;
  readonly verdict: JudgedVerdict | null;
  readonly conditions: readonly ConditionOutcome[];
}

function recorded(version: VersionState | null): ConditionOutcome {
  if (version === null) {
    return { name: 'recorded', met: false, detail: 'the registry has no version with these bytes' };
  }
  const { version: number } = version.version;
  if (version.deleted !== null) {
    return { name: 'recorded', met: false, detail: `${number} was deleted by ${version.deleted.by.name}` };
  }
  const failed = version.status === 'failed';
  return { name: 'recorded', met: !failed, detail: `${number} is ${version.status}` };
}

function judged(verdict: JudgedVerdict | null, gates: PublishSettings['gates']): ConditionOutcome {
  if (verdict === null) return { name: 'verdict', met: false, detail: 'there is no verdict for these bytes' };
  const { gate, createdAt } = verdict.verdict;
  const met = gates.some(allowed => allowed === gate);
  const wanted = met ? '' : `, and must be ${gates.join(' or ')}`;
  return { name: 'verdict', met, detail: `the latest verdict is "${gate}" (${createdAt})${wanted}` };
}

function signed(verdict: JudgedVerdict | null, demanded: boolean): readonly ConditionOutcome[] {
  if (verdict === null) return [];
  const { signature } = verdict;
  switch (signature.kind) {
    case 'valid':
      return [{ name: 'signature', met: true, detail: `signed by ${signature.identity}` }];
    case 'none':
      return [{ name: 'signature', met: !demanded, detail: 'unsigned' }];
    case 'invalid':
      // One that does not hold is never all right: somebody meant it to.
      return [{ name: 'signature', met: false, detail: `the signature does not hold: ${signature.reason}` }];
  }
}

/** The conditions of one model. Pure. */
export function judgeModel(
  model: PublishedModel,
  verdict: JudgedVerdict | null,
  settings: Pick<PublishSettings, 'gates' | 'signature'>,
): ModelGate {
  const conditions = [
    recorded(model.version),
    judged(verdict, settings.gates),
    ...signed(verdict, settings.signature),
  ];
  return { model, verdict, conditions };
}

export const allMet = (gates: readonly ModelGate[]): boolean =>
  gates.every(({ conditions }) => conditions.every(({ met }) => met));

/** Commands that meet what is not met. */
export const gateSteps = (gates: readonly ModelGate[]): readonly string[] =>
  gates.flatMap(({ model: { name, version }, conditions }) =>
    nextSteps(conditions, { model: name, version: version?.version.version ?? null, promotion: null }),
  );
