import { describe, expect, it } from 'vitest';
import { worstGate } from '../../../src/regression/gate.ts';
import { mergeReports, type ShardReport } from '../../../src/report/merge-reports.ts';
import type { Report } from '../../../src/report/report.ts';
import { sampleModel, sampleReport } from '../../support/sample-reports.ts';

/** Two parts of one check, both passed, by what each of them was let through. */
const parts = (...acceptances: readonly (readonly string[])[]): readonly ShardReport[] =>
  acceptances.map((own, index) => ({
    path: `part-${index + 1}/report.json`,
    report: {
      ...sampleReport([sampleModel(`model-${index + 1}`)]),
      gate: 'passed',
      shard: {
        index: index + 1,
        assignment: acceptances.map((_, each) => [`model-${each + 1}`]),
        comparisons: 6,
        acceptances: own,
      },
    },
  }));
const merge = (reports: readonly ShardReport[], labels: readonly string[] = []): Report =>
  mergeReports(reports, { headSha: null, labels, worstGate });
const codes = ({ findings }: Report): readonly string[] => findings.map(({ code }) => code);

describe('parts of a check that were let through', () => {
  it('the same have the verdict of their models', () => {
    const merged = merge(parts(['accept-slower:model-1'], ['accept-slower:model-1']), [
      'accept-slower:model-1',
    ]);
    expect(merged.gate).toBe('passed');
    expect(codes(merged)).not.toContain('SHARDS_ACCEPTED_DIFFERENTLY');
    expect(codes(merged)).not.toContain('ACCEPTED_AFTER_SHARDS');
  });

  it.each([
    [
      'a label that came while they ran',
      [[], ['accept-slower:model-1']],
      'accept-slower:model-1 (only by 2)',
    ],
    ['a label that went while they ran', [['accept-break:model-2'], []], 'accept-break:model-2 (only by 1)'],
    ['a flag of one job', [['--accept slower:model-1'], []], '--accept slower:model-1 (only by 1)'],
  ])('different findings are no verdict: %s', (_name, acceptances, said) => {
    const merged = merge(parts(...acceptances));
    expect(merged.gate).toBe('no-verdict');
    const torn = merged.findings.find(({ code }) => code === 'SHARDS_ACCEPTED_DIFFERENTLY');
    expect(torn).toMatchObject({ severity: 'error', message: expect.stringContaining(said) });
  });

  it('different findings stay failed where a part failed', () => {
    const [first, ...others] = parts([], ['accept-slower:model-1']);
    const failed = { ...first!, report: { ...first!.report, gate: 'failed' as const } };
    expect(merge([failed, ...others]).gate).toBe('failed');
  });

  it('nothing, and a label came afterwards: it does not count, which is said', () => {
    const merged = merge(parts([], []), ['accept-slower:model-1', 'bug']);
    expect(merged.gate).toBe('passed');
    const late = merged.findings.find(({ code }) => code === 'ACCEPTED_AFTER_SHARDS');
    expect(late?.message).toContain('accept-slower:model-1');
    expect(late?.message).not.toContain('bug');
  });
});
