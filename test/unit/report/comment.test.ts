import { describe, expect, it } from 'vitest';
import { renderComment, renderJobSummary } from '../../../src/report/comment.ts';
import { commentMarker } from '../../../src/report/comment-marker.ts';
import { GITHUB_COMMENT_MAX_CHARACTERS } from '../../../src/report/host-limits.ts';
import type { Report } from '../../../src/report/report.ts';
import { renderText } from '../../../src/report/text.ts';
import { ACTIVE_CHARACTERS } from '../../support/control-characters.ts';
import {
  HOSTILE,
  SAMPLE_REPORTS,
  sampleMetric,
  sampleModel,
  sampleReport,
} from '../../support/sample-reports.ts';

const render = (report: Report, budgetBytes = GITHUB_COMMENT_MAX_CHARACTERS): string =>
  renderComment(report, { key: 'default', budgetBytes, reportUrl: null });

/** 2,000 models, every fifth of which got slower, with names as long as they may be. */
const crowd = sampleReport(
  Array.from({ length: 2_000 }, (_, index) => {
    const name = `model-${String(index).padStart(4, '0')}-${'long'.repeat(20)}`;
    const slower = {
      gate: 'failed',
      metrics: [sampleMetric('latency', 1.84, 2.21, { kind: 'regressed', confirmed: true }, 0.01)],
    } as const;
    return sampleModel(name, index % 5 === 0 ? slower : {});
  }),
);

/** Tags that open and close, and fences in pairs: what was left out was left out whole. */
function expectWhole(markdown: string): void {
  const count = (pattern: RegExp): number => markdown.match(pattern)?.length ?? 0;
  expect(count(/<details>/g)).toBe(count(/<\/details>/g));
  expect(count(/^```/gm) % 2).toBe(0);
  expect(markdown).toMatch(/<\/sub>\n$/);
  const rows = markdown.split('\n').filter(line => line.startsWith('|'));
  for (const row of rows) expect(row).toMatch(/\|$/);
}

it('a message of several lines is a list under its first one, unless a model may have written it', () => {
  const finding = {
    code: 'CONFIG_INVALID',
    severity: 'error',
    message: 'two errors:\none\n*other*',
    hint: '',
  } as const;
  const whole = render({ ...sampleReport([], { gate: 'no-verdict' }), findings: [finding] }, 65_536);
  expect(whole).toContain('No verdict: two errors\n');
  expect(whole).toContain('two errors:<br>one<br>\\*other\\*');
  const ofModel = render(
    sampleReport([sampleModel('digits', { gate: 'failed', findings: [finding] })], { gate: 'failed' }),
    65_536,
  );
  expect(ofModel).toContain('two errors: one \\*other\\*');
});

describe('the byte budget', () => {
  it.each([65_536, 20_000, 8_000, 4_000, 2_000, 1_000])(
    'of %d bytes is kept for 2,000 models, without cutting',
    budget => {
      const markdown = render(crowd, budget);
      expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(budget);
      expectWhole(markdown);
      expect(markdown).toContain('400 of 2,000 models fail');
      expect(markdown).toContain('some details did not fit here');
    },
  );

  it.each([65_536, 3_000, 1_200])('of %d bytes is kept for hostile names', budget => {
    const markdown = render(SAMPLE_REPORTS.hostile, budget);
    expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(budget);
    expectWhole(markdown);
  });

  it('spares what failed: it is there when the passing models no longer are', () => {
    const markdown = render(SAMPLE_REPORTS['many-models'], 6_000);
    expect(markdown).toContain('accept-slower:model-06');
    expect(markdown).toMatch(/… and \d+ other models: .*identical/);
  });

  it('is not mentioned when everything fits', () => {
    expect(render(SAMPLE_REPORTS.regressed)).not.toContain('did not fit');
  });
});

describe('what a comment says', () => {
  it('starts with its marker, so that it is found again', () => {
    expect(
      render(SAMPLE_REPORTS.regressed).startsWith('<!-- quickserveml:report key=default -->\n### '),
    ).toBe(true);
  });

  it('names the label and the key that decide', () => {
    const markdown = render(SAMPLE_REPORTS.regressed);
    expect(markdown).toContain('`accept-slower:digits`');
    expect(markdown).toContain('`models.digits.policy.latency.max-regression` (now 5\u00A0%)');
  });

  it('keeps an undecided latency said beside what is worse', () => {
    const larger = sampleMetric('file-size', 100, 130, { kind: 'regressed', confirmed: true }, 0.3);
    const report = sampleReport([
      sampleModel('digits', {
        gate: 'warned',
        metrics: [
          {
            ...sampleMetric('latency', 1.84, 1.9, { kind: 'inconclusive', reason: 'one launch of five' }),
            difference: null,
          },
          { ...larger, policy: { ...larger.policy, gate: 'warn' } },
        ],
      }),
    ]);
    const markdown = render(report);
    expect(markdown).toContain('nothing fails for it · latency inconclusive');
    expect(markdown).toContain('<br><sub>one launch of five</sub>');
    expect(markdown).toContain('<br><sub>inconclusive</sub>');
    expect(renderText(report, { color: false })).toMatch(/latency, median.*1\.90.ms {2}inconclusive\n/);
  });

  it('says no baseline, not measured, inconclusive with its reason, and unreadable with code and hint', () => {
    expect(render(SAMPLE_REPORTS['first-time'])).toContain('no baseline: the base has no such model');
    expect(render(SAMPLE_REPORTS.identical)).toContain('not measured: same bytes, same runtime');
    expect(render(SAMPLE_REPORTS.inconclusive)).toContain('20 launches in 30 s could not tell');
    expect(render(SAMPLE_REPORTS.unreadable)).toContain('`MODEL_LFS_POINTER`');
    expect(render(SAMPLE_REPORTS.unreadable)).toContain('`git lfs pull`');
  });

  it('says why a policy fails what could not be decided', () => {
    const metrics = [sampleMetric('latency', 1.84, 1.9, { kind: 'inconclusive', reason: 'too noisy' }, 0.03)];
    const markdown = render(sampleReport([sampleModel('digits', { gate: 'failed', metrics })]));
    expect(markdown).toContain('### ❌ `digits` could not be decided');
    expect(markdown).toContain('`models.digits.policy.inconclusive` (now fail)');
  });

  it('does not offer a label that GitHub would refuse', () => {
    const slower = {
      gate: 'failed',
      metrics: [sampleMetric('latency', 1, 2, { kind: 'regressed', confirmed: true }, 0.01)],
    } as const;
    const markdown = render(sampleReport([sampleModel('n'.repeat(60), slower)]));
    expect(markdown).not.toContain('accept-slower:');
    expect(markdown).toContain('policy.latency.max-regression');
  });

  it('lets nothing of a hostile model act', () => {
    const markdown = render(SAMPLE_REPORTS.hostile);
    expect(markdown).not.toContain('<script');
    expect(markdown).not.toMatch(/@everyone|(?<!\\)\]\((?:javascript|https:\/\/evil)/);
    expect(markdown).not.toMatch(ACTIVE_CHARACTERS);
    for (const line of markdown.split('\n')) expect(line).not.toMatch(/^\s*\/(close|approve)/);
    expect(markdown.match(/<!--/g)).toHaveLength(1);
  });
});

describe('the job summary', () => {
  it('has no marker and stays under what GitHub takes', () => {
    const summary = renderJobSummary(crowd, null);
    expect(summary).not.toContain('<!--');
    expect(Buffer.byteLength(summary)).toBeLessThan(1024 * 1024);
    expectWhole(summary);
  });
});

describe('the marker', () => {
  it('cannot be ended by its key', () => {
    const marker = commentMarker(`x --> ${HOSTILE}`);
    expect(marker.match(/-->/g)).toHaveLength(1);
    expect(marker.slice(4, -3)).not.toContain('--');
    expect(commentMarker('a')).not.toBe(commentMarker('b'));
  });
});
