import { quoteName } from '../shared/terminal-text.ts';
import type { ContractChange } from './comparison.ts';

type Opsets = Readonly<Record<string, number>>;

/**
 * Rules about operator sets. Callers do not see them, the deployment does: its runtime must know the version. So a
 * higher version or a new domain is compatible, and breaking above what `maxOpsets` says the deployment knows.
 */
export function compareOpsets(base: Opsets, candidate: Opsets, maxOpsets: Opsets): readonly ContractChange[] {
  const changes: ContractChange[] = [];
  const add = (rule: string, effect: ContractChange['effect'], domain: string, message: string): void => {
    changes.push({ rule, effect, side: 'model', name: domain, base: null, candidate: null, message });
  };
  for (const [domain, version] of Object.entries(candidate)) {
    const before = Object.hasOwn(base, domain) ? base[domain] : undefined;
    const highest = Object.hasOwn(maxOpsets, domain) ? maxOpsets[domain] : undefined;
    if (before === version) continue;
    const name = quoteName(domain);
    if (highest !== undefined && version > highest && (before === undefined || version > before)) {
      add(
        'opset-unsupported',
        'breaking',
        domain,
        `Opset ${version} of ${name} is higher than the deployment's runtime knows (${highest}): it would not load the model.`,
      );
    } else if (before === undefined) {
      add(
        'opset-added',
        'compatible',
        domain,
        `Operators of ${name} (opset ${version}) are new: the deployment's runtime must have them.`,
      );
    } else if (version > before) {
      add(
        'opset-raised',
        'compatible',
        domain,
        `Opset ${before} of ${name} became ${version}: the deployment's runtime must know it.`,
      );
    } else {
      add(
        'opset-lowered',
        'compatible',
        domain,
        `Opset ${before} of ${name} became ${version}: every runtime that ran the base knows it.`,
      );
    }
  }
  for (const [domain, version] of Object.entries(base)) {
    if (Object.hasOwn(candidate, domain)) continue;
    add(
      'opset-removed',
      'compatible',
      domain,
      `Operators of ${quoteName(domain)} (opset ${version}) are not used any more.`,
    );
  }
  return changes;
}
