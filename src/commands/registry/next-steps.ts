import type { EventRequest } from '../../registry/event-plan.ts';
import type { ConditionOutcome } from '../../registry/records.ts';

/** What the unmet conditions are about. */
export interface Subject {
  readonly model: string;
  readonly version: string | null;
  /** Of a promotion: the wanted status, and the ones of which the version must have one before. */
  readonly promotion: { readonly status: string; readonly from: readonly string[] } | null;
}

/** A version that is deleted or failed is not mended by another check of the same bytes: there is no step. */
function stepFor({ name }: ConditionOutcome, { model, version, promotion }: Subject): string | null {
  const promote = `quickserveml registry promote ${model}${version === null ? '' : `@${version}`}`;
  const check = `quickserveml check --model ${model} --record always`;
  switch (name) {
    case 'recorded':
    case 'verdict':
      if (version === null) return `${check}: records these bytes, if they pass`;
      return name === 'verdict' ? `${check}: records what comes of a check of these bytes` : null;
    case 'cases':
      return `${check}: the same, once the model has cases (docs/guides/testing.md)`;
    case 'signature':
      return `${check}: with QUICKSERVEML_SIGNING_KEY in the environment the verdict is signed`;
    case 'from':
      return `${promote} --to ${promotion?.from[0] ?? ''}: comes first`;
    case 'approvals':
      return `${promote} --to ${promotion?.status ?? ''} --approve: by one of those who may`;
    default:
      return null;
  }
}

/** Commands that meet what is not met, a line each, each once. */
export const nextSteps = (conditions: readonly ConditionOutcome[], subject: Subject): readonly string[] => [
  ...new Set(conditions.filter(({ met }) => !met).flatMap(condition => stepFor(condition, subject) ?? [])),
];

/** The same for a promotion that was refused. */
export function promotionSteps(
  { model, version, content }: EventRequest,
  conditions: readonly ConditionOutcome[],
): readonly string[] {
  if (content.kind !== 'promotion') return [];
  return nextSteps(conditions, {
    model,
    version,
    promotion: { status: content.status, from: content.rules.from },
  });
}

/** As the end of a text; nothing where there is no step. */
export const stepsText = (steps: readonly string[]): string =>
  steps.length === 0 ? '' : `\n\nWhat to do:\n${steps.map(step => `  ${step}`).join('\n')}`;
