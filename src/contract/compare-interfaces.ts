import type { ModelInterface } from '../model/inspection.ts';
import type { ContractChange, ContractComparison } from './comparison.ts';
import { matchInterfaces } from './interface-matching.ts';
import { compareOpsets } from './opset-rules.ts';
import { PRESENCE_RULES } from './presence-rules.ts';
import { VALUE_RULES } from './value-rules.ts';

export interface ContractOptions {
  /** Highest opset by domain that the deployment's runtime knows: an opset above it is a break. */
  readonly maxOpsets?: Readonly<Record<string, number>>;
}

/**
 * How the interface of a candidate relates to that of its base, from the callers' point of view: what they send must
 * still be accepted, what they read must still be there. The rules, each with an example, are in docs/contracts.md.
 */
export function compareInterfaces(
  base: ModelInterface,
  candidate: ModelInterface,
  options: ContractOptions = {},
): ContractComparison {
  const match = matchInterfaces(base, candidate);
  const changes: ContractChange[] = [
    ...PRESENCE_RULES.flatMap(rule => rule(match)),
    ...match.pairs.flatMap(pair => VALUE_RULES.flatMap(rule => rule(pair))),
    ...compareOpsets(base.opsets, candidate.opsets, options.maxOpsets ?? {}),
  ];
  if (changes.some(({ effect }) => effect === 'breaking'))
    return { kind: 'breaking', bump: 'major', changes };
  if (changes.length > 0) return { kind: 'compatible', bump: 'minor', changes };
  return { kind: 'unchanged', bump: 'patch', changes };
}
