import type { CasesReport } from '../cases/cases-report.ts';
import { describeAccuracy, describeCase, describeDrift } from './cases-words.ts';
import { escapeMarkdown } from './escape.ts';
import { formatCount } from './format-values.ts';

const CASES_SHOWN = 10;

interface Block {
  readonly headline: string;
  readonly details: readonly string[];
}

const blockLines = ({ headline, details }: Block): string =>
  [`**${escapeMarkdown(headline)}**`, ...details.map(line => `- ${escapeMarkdown(line.trim())}`)].join('\n');

function caseSummary({ cases }: CasesReport): Block | null {
  if (cases.length === 0) return null;
  const passed = cases.filter(({ kind }) => kind === 'passed').length;
  const others = cases.filter(({ kind }) => kind !== 'passed');
  const shown = others.slice(0, CASES_SHOWN).flatMap(outcome => {
    const { headline, details } = describeCase(outcome);
    return [headline, ...details];
  });
  const more = others.length > CASES_SHOWN ? [`... and ${others.length - CASES_SHOWN} more`] : [];
  return {
    headline: `Cases: ${passed} of ${formatCount(cases.length, 'case')} passed`,
    details: [...shown, ...more],
  };
}

/** What cases, the comparison with the base and labelled data say, as markdown blocks; names are escaped. */
export function casesBlocks(report: CasesReport): readonly string[] {
  const blocks = [
    caseSummary(report),
    report.drift === null || report.drift.outputs.length === 0 ? null : describeDrift(report.drift),
    report.accuracy === null ? null : describeAccuracy(report.accuracy),
  ];
  return blocks.filter(block => block !== null).map(blockLines);
}
