import type { ValueInfo } from '../model/inspection.ts';

/** The semantic-version step that a change asks for; `none` where the bytes are the same. */
export type Bump = 'none' | 'patch' | 'minor' | 'major';

export interface ContractChange {
  /** Permanent name of the rule, kebab-case: `input-renamed`, `output-added`, `dtype-changed`, ... */
  readonly rule: string;
  readonly effect: 'breaking' | 'compatible';
  readonly side: 'input' | 'output' | 'model';
  readonly name: string;
  readonly base: ValueInfo | null;
  readonly candidate: ValueInfo | null;
  /** One sentence: what changed and what it means for callers. */
  readonly message: string;
}

/** How the interface of a candidate relates to that of its base. */
export interface ContractComparison {
  readonly kind: 'unchanged' | 'compatible' | 'breaking';
  readonly bump: Exclude<Bump, 'none'>;
  readonly changes: readonly ContractChange[];
}
