import { describe, expect, it } from 'vitest';
import { renderGfm } from '../../../scripts/docs/comment-page.ts';
import { renderComment } from '../../../src/report/comment.ts';
import { GITHUB_COMMENT_MAX_CHARACTERS } from '../../../src/report/host-limits.ts';
import { SAMPLE_REPORTS, type SampleName, sampleModel, sampleReport } from '../../support/sample-reports.ts';

/** The golden comments as a renderer of CommonMark and GFM shows them: what a reader of the pull request gets. */
const names = Object.keys(SAMPLE_REPORTS) as SampleName[];
const comment = (name: SampleName): string =>
  renderComment(SAMPLE_REPORTS[name], {
    key: 'default',
    budgetBytes: GITHUB_COMMENT_MAX_CHARACTERS,
    reportUrl: null,
  });
/** What GitHub keeps of HTML in a comment, as far as it is used here, and what the renderer makes of markdown itself. */
const TAGS = new Set(
  'h3 p table thead tbody tr th td strong em code pre ul li a br sub b details summary'.split(' '),
);

const tagsOf = (html: string): readonly string[] =>
  [...html.matchAll(/<\/?([a-zA-Z][\w-]*)/g)].map(([, tag = '']) => tag.toLowerCase());

const textOf = (html: string): string =>
  html
    .replace(/<pre>[\s\S]*?<\/pre>/g, '')
    .replace(/<[^>]*>/g, '')
    .replace(/&#(\d+);/g, (_, point: string) => String.fromCodePoint(Number(point)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');

describe.each(names)('the golden comment %s', name => {
  const markdown = comment(name);
  const html = renderGfm(markdown);

  it('is within the budget of bytes', () => {
    expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(65_536);
  });

  it('has only the tags that a comment needs, each closed', () => {
    expect(tagsOf(html).filter(tag => !TAGS.has(tag))).toEqual([]);
    for (const tag of ['details', 'summary', 'table', 'sub', 'b', 'code', 'strong']) {
      const count = (pattern: RegExp): number => html.match(pattern)?.length ?? 0;
      expect(count(new RegExp(`<${tag}[ >]`, 'g')), tag).toBe(count(new RegExp(`</${tag}>`, 'g')));
    }
  });

  it('has its tables as tables: no row is left as text', () => {
    const rows = markdown.split('\n').filter(line => line.startsWith('|')).length;
    const delimiters = markdown.split('\n').filter(line => /^\|( :?-+:? \|)+$/u.test(line)).length;
    expect(html.match(/<tr>/g)?.length ?? 0).toBe(rows - delimiters);
    expect(html.match(/<table>/g)?.length ?? 0).toBe(delimiters);
  });

  it('has no marks of markdown left over outside of code, but for names that hold them', () => {
    if (name === 'hostile') return;
    const text = textOf(html.replace(/<code>[\s\S]*?<\/code>/g, ''));
    expect(text).not.toMatch(/\*\*|^#{1,6} |```|\]\(/mu);
  });

  it('links only to the pages of the repository', () => {
    const targets = [...html.matchAll(/href="([^"]*)"/g)].map(([, target]) => target ?? '');
    for (const target of targets) expect(target).toMatch(/^https:\/\/github\.example\/acme\/models\//u);
    expect(html).not.toMatch(/<img|src=/u);
  });
});

it('the verdict comes first, then the table, then what to do, then what opens', () => {
  const html = renderGfm(comment('regressed'));
  const places = [
    '<h3>',
    '<table>',
    'What now.',
    '<details>',
    'How this was measured',
    'Run and full report',
  ];
  const found = places.map(place => html.indexOf(place));
  expect(found).not.toContain(-1);
  expect(found.toSorted((a, b) => a - b)).toEqual(found);
});

it('a mermaid chart holds no quote, bracket or line break of a name', () => {
  const [model] = SAMPLE_REPORTS.regressed.models;
  const layers = model!.layers!;
  const hostile = '"] : 5\n  click x href "javascript:alert(1)" %%{init: {}}%% ```\n</pre>';
  const rows = layers.rows.map(row => ({ ...row, name: hostile }));
  const markdown = renderComment(
    sampleReport([sampleModel('digits', { ...model!, layers: { ...layers, rows } })]),
    { key: 'default', budgetBytes: GITHUB_COMMENT_MAX_CHARACTERS, reportUrl: null },
  );
  const [, pie = ''] = /```mermaid\n(pie[\s\S]*?)\n```/u.exec(markdown) ?? [];
  for (const line of pie.split('\n').slice(2)) expect(line).toMatch(/^ {2}"[^"[\]{}()<>`%]*" : [\d.]+$/u);
  expect(pie.split('\n')).toHaveLength(2 + rows.length + 1);
});

it('a model that was discovered is told the key that changes it', () => {
  const { models } = SAMPLE_REPORTS.regressed;
  const report = sampleReport([{ ...models[0]!, configured: false }]);
  const markdown = renderComment(report, {
    key: null,
    budgetBytes: GITHUB_COMMENT_MAX_CHARACTERS,
    reportUrl: null,
  });
  expect(markdown).toContain('`defaults.policy.latency.max-regression`');
  expect(markdown).not.toContain('models.digits');
});

it('what is not recorded is no news at the top of a pull request', () => {
  const registry = {
    branch: 'quickserveml',
    recording: 'skipped',
    reason: 'only checks of the default branch are recorded',
    entries: [],
  } as const;
  const markdown = renderComment(sampleReport([sampleModel('digits')], { registry }), {
    key: null,
    budgetBytes: GITHUB_COMMENT_MAX_CHARACTERS,
    reportUrl: null,
  });
  expect(markdown.indexOf('Nothing recorded')).toBeGreaterThan(markdown.indexOf('How this was measured'));
});
