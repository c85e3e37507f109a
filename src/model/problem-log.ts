import type { Finding } from '../shared/finding.ts';

/** How many findings of one code are listed singly. A hostile file has a million of them. */
const LISTED_PER_CODE = 8;

/** Collects findings while a model is read; those past the first few of a code become a count. */
export class ProblemLog {
  readonly #listed: Finding[] = [];
  readonly #counts = new Map<string, { count: number; severity: Finding['severity'] }>();

  add(finding: Finding): void {
    const known = this.#counts.get(finding.code);
    if (known === undefined) this.#counts.set(finding.code, { count: 1, severity: finding.severity });
    else known.count += 1;
    if ((known?.count ?? 1) <= LISTED_PER_CODE) this.#listed.push(finding);
  }

  addAll(findings: readonly Finding[]): void {
    for (const finding of findings) this.add(finding);
  }

  /** The findings in the order they were found, each code's surplus as one sentence. */
  list(): readonly Finding[] {
    const surplus: Finding[] = [];
    for (const [code, { count, severity }] of this.#counts) {
      if (count <= LISTED_PER_CODE) continue;
      surplus.push({
        code,
        severity,
        message: `${count - LISTED_PER_CODE} more of the same kind are not listed.`,
        hint: 'Mend those that are listed; they have the same cause as a rule.',
      });
    }
    return [...this.#listed, ...surplus];
  }
}
