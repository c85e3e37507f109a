import { createHash } from 'node:crypto';
import { CONFIG_NAME } from '../shared/config-name.ts';
import { shortenText, visibleText } from './escape.ts';
import { allProblems, type Problem } from './problems.ts';
import type { Report } from './report.ts';

const SEVERITIES = { error: 'critical', warning: 'minor', info: 'info' } as const;

function locationOf(path: string | null): string {
  const segments = (path ?? CONFIG_NAME).split('/');
  const isInside = segments.every(segment => segment !== '' && segment !== '.' && segment !== '..');
  return isInside ? visibleText(shortenText(segments.join('/'), 1_000)) : CONFIG_NAME;
}

function describe({ model, code, clause, message }: Problem): string {
  const title = model === null ? code : `${shortenText(model, 100)} ${clause === '' ? code : clause}`;
  return visibleText(`${title}: ${shortenText(message, 500)}`);
}

/** GitLab's code quality report: one entry a finding, shown in the merge request. Fingerprints are stable and unique. */
export function renderCodeQuality(report: Report): string {
  const seen = new Map<string, number>();
  const entries = allProblems(report).map(problem => {
    const identity = JSON.stringify([problem.model, problem.path, problem.code]);
    const turn = seen.get(identity) ?? 0;
    seen.set(identity, turn + 1);
    return {
      description: describe(problem),
      check_name: visibleText(shortenText(problem.code, 100)),
      fingerprint: createHash('sha256').update(`${identity}#${turn}`).digest('hex'),
      severity: SEVERITIES[problem.severity],
      location: { path: locationOf(problem.path), lines: { begin: 1 } },
    };
  });
  return `${JSON.stringify(entries, null, 2)}\n`;
}
