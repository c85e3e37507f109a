import { createHash } from 'node:crypto';
import { CONFIG_NAME } from '../shared/config-name.ts';
import { shortenText, visibleText } from './escape.ts';
import { allProblems, type Problem } from './problems.ts';
import type { Report } from './report.ts';

const LEVELS = { error: 'error', warning: 'warning', info: 'note' } as const;
const TEXT_MAX_CHARACTERS = 1_000;
/** GitHub takes 25,000 results a run; nobody reads more than these. */
const RESULTS_MAX = 5_000;
/** What concerns the check and no model is shown on the configuration. */

/** A path as a relative URI reference (RFC 3986); the configuration where it would lead out of the repository. */
function artifactUri(path: string | null): string {
  const segments = (path ?? CONFIG_NAME).split('/');
  const isInside = segments.every(segment => segment !== '' && segment !== '.' && segment !== '..');
  return (isInside ? segments : [CONFIG_NAME])
    .map(segment => encodeURIComponent(shortenText(segment, 255).toWellFormed()))
    .join('/');
}

/** A closing bracket before a parenthesis would be a link (SARIF 2.1.0, section 3.11.6). */
const plainText = (text: string): string =>
  visibleText(shortenText(text, TEXT_MAX_CHARACTERS)).replaceAll('](', '] (');

const ruleId = ({ code }: Problem): string => visibleText(shortenText(code, 100)).trim() || 'finding';

function messageOf({ model, message, remedy }: Problem): string {
  const name = model === null ? '' : `${plainText(shortenText(model, 100))}: `;
  const label = remedy.label === null ? '' : ` Label to accept it: ${plainText(remedy.label)}.`;
  return `${name}${plainText(message)} ${plainText(remedy.hint)}${label}`.trim() || 'no message';
}

/** Stays the same from commit to commit, so that a platform knows a finding again. */
const fingerprintOf = (problem: Problem): string =>
  createHash('sha256')
    .update(JSON.stringify([problem.model, problem.path, problem.code]))
    .digest('hex');

/**
 * SARIF 2.1.0 (OASIS): one result a finding, on the path of its model. GitHub code scanning and Jenkins' warnings plugin
 * take it.
 */
export function renderSarif(report: Report): string {
  const problems = allProblems(report).slice(0, RESULTS_MAX);
  const rules = [...new Set(problems.map(ruleId))];
  const indexes = new Map(rules.map((id, index) => [id, index]));
  const results = problems.map(problem => ({
    ruleId: ruleId(problem),
    ruleIndex: indexes.get(ruleId(problem)),
    level: LEVELS[problem.severity],
    message: { text: messageOf(problem) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: artifactUri(problem.path), uriBaseId: '%SRCROOT%' },
          region: { startLine: 1 },
        },
      },
    ],
    partialFingerprints: { 'quickserveml/v1': fingerprintOf(problem) },
  }));
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'QuickServeML',
            version: visibleText(shortenText(report.tool.version, 40)),
            rules: rules.map(id => ({ id, shortDescription: { text: id } })),
          },
        },
        automationDetails: { id: 'quickserveml/' },
        invocations: [{ executionSuccessful: report.gate !== 'no-verdict', endTimeUtc: report.createdAt }],
        columnKind: 'utf16CodeUnits',
        results,
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}
