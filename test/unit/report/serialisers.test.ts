import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { annotationsOf, GITHUB_STEP_ANNOTATIONS } from '../../../src/report/annotations.ts';
import { isReportFormat, REPORT_FORMAT_NAMES } from '../../../src/report/formats.ts';
import { renderHtml } from '../../../src/report/html.ts';
import { renderJunit } from '../../../src/report/junit.ts';
import { problemsOf } from '../../../src/report/problems.ts';
import type { ModelReport } from '../../../src/report/report.ts';
import { stripPlot } from '../../../src/report/strip-plot.ts';
import { renderText } from '../../../src/report/text.ts';
import { COLOR_SEQUENCES } from '../../support/control-characters.ts';
import { SAMPLE_REPORTS, sampleMetric, sampleModel, sampleReport } from '../../support/sample-reports.ts';

const samples = Object.entries(SAMPLE_REPORTS);
const broken = (name: string) =>
  sampleModel(name, {
    gate: 'failed',
    metrics: [sampleMetric('latency', 1, 2, { kind: 'regressed', confirmed: true }, 0.01)],
    findings: [{ code: 'SOMETHING', severity: 'warning', message: 'Something is odd.', hint: 'Look at it.' }],
  });

describe('HTML', () => {
  it.each(samples)('asks for nothing and runs nothing: %s', (_, report) => {
    const html = renderHtml(report);
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(
      /<(?:script|link|img|iframe|object|embed|form|base)\b|\son\w+=|\sstyle=|url\((?!#)|@import/i,
    );
    const links = [...html.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href]) => href ?? '');
    for (const href of links) expect(href).toMatch(/^(?:#[\w-]+|https:\/\/github\.example\/)/);
  });

  it('allows only its own style', () => {
    const html = renderHtml(SAMPLE_REPORTS.regressed);
    const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? '';
    expect(html).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  });

  it.each(samples)('closes what it opens: %s', (_, report) => {
    const html = renderHtml(report).replace(/<style>[\s\S]*?<\/style>/, '');
    for (const tag of [
      'table',
      'tr',
      'td',
      'code',
      'span',
      'section',
      'article',
      'details',
      'svg',
      'figure',
      'ul',
      'li',
      'p',
      'div',
      'dl',
      'small',
    ]) {
      const opened = html.match(new RegExp(`<${tag}[ >]`, 'g'))?.length ?? 0;
      const closed = html.match(new RegExp(`</${tag}>`, 'g'))?.length ?? 0;
      expect([tag, opened]).toEqual([tag, closed]);
    }
  });

  it('of 100 models stays far under 3 MB', () => {
    const model = SAMPLE_REPORTS.regressed.models[0]!;
    const html = renderHtml(
      sampleReport(Array.from({ length: 100 }, (_, index) => ({ ...model, name: `model-${index}` }))),
    );
    expect(Buffer.byteLength(html)).toBeLessThan(2_500_000);
  });
});

describe('JUnit', () => {
  it.each(samples)('has counts that add up: %s', (_, report) => {
    const xml = renderJunit(report);
    const sum = (name: string): number =>
      [...xml.matchAll(new RegExp(`<testsuite [^>]*${name}="(\\d+)"`, 'g'))].reduce(
        (total, [, count]) => total + Number(count),
        0,
      );
    expect(xml).toContain(
      `<testsuites name="quickserveml" tests="${sum('tests')}" failures="${sum('failures')}" errors="${sum('errors')}"`,
    );
    expect(xml.match(/<skipped /g)?.length ?? 0).toBe(sum('skipped'));
    expect(xml.match(/<testcase /g)?.length ?? 0).toBe(sum('tests'));
    expect(xml.match(/<failure /g)?.length ?? 0).toBe(sum('failures'));
    const red = sum('failures') + sum('errors') > 0;
    expect(red).toBe(report.gate === 'failed' || report.gate === 'no-verdict');
  });

  it('is red when a policy fails what is no problem in itself, and when there is no verdict', () => {
    expect(renderJunit(sampleReport([sampleModel('digits', { gate: 'failed' })]))).toContain('failures="1"');
    expect(renderJunit(sampleReport([], { gate: 'no-verdict' }))).toContain('errors="1"');
  });

  it('shows inconclusive as skipped, with the reason', () => {
    expect(renderJunit(SAMPLE_REPORTS.inconclusive)).toContain('<skipped message="inconclusive: 20 launches');
  });
});

describe('text for a terminal', () => {
  it.each(samples)('has no escape sequence without colour and only its own with it: %s', (_, report) => {
    expect(renderText(report, { color: false })).not.toContain('\u001B');
    expect(renderText(report, { color: true }).replace(COLOR_SEQUENCES, '')).not.toContain('\u001B');
  });

  it('is no workflow command on any line', () => {
    for (const line of renderText(SAMPLE_REPORTS.hostile, { color: false }).split('\n'))
      expect(line).not.toMatch(/^\s*::|##\[/);
  });
});

describe('annotations', () => {
  it('are on the path of the model, errors first', () => {
    const annotations = annotationsOf(SAMPLE_REPORTS.regressed, GITHUB_STEP_ANNOTATIONS);
    expect(annotations[0]).toMatchObject({
      path: 'models/digits.onnx',
      severity: 'error',
      title: 'digits got 20\u00A0% slower',
    });
    expect(annotations.map(({ severity }) => severity)).toEqual(['error', 'warning', 'warning', 'notice']);
  });

  it('are never more than the platform shows, and the last one counts the rest', () => {
    const report = sampleReport(Array.from({ length: 30 }, (_, index) => broken(`model-${index}`)));
    const annotations = annotationsOf(report, GITHUB_STEP_ANNOTATIONS);
    const errors = annotations.filter(({ severity }) => severity === 'error');
    expect(errors).toHaveLength(10);
    expect(errors.at(-1)).toMatchObject({ title: '21 more', path: null });
  });
});

describe('problems', () => {
  it('that were accepted only warn, and say by what they were accepted', () => {
    const accepted = problemsOf(SAMPLE_REPORTS.accepted.models[0]!);
    expect(accepted.find(({ code }) => code === 'slower')).toMatchObject({
      severity: 'warning',
      remedy: { hint: 'Accepted on purpose, by label.' },
    });
  });

  it('that were not confirmed only warn', () => {
    const metrics = [sampleMetric('latency', 1, 1.2, { kind: 'regressed', confirmed: false }, 0.01)];
    expect(problemsOf(sampleModel('digits', { gate: 'warned', metrics }))[0]).toMatchObject({
      code: 'slower',
      severity: 'warning',
    });
  });

  it('that a policy fails for want of a decision say how much time there was', () => {
    const metrics = [sampleMetric('latency', 1, 1.04, { kind: 'inconclusive', reason: 'too noisy' }, 0.03)];
    const model = sampleModel('digits', { gate: 'failed', metrics });
    const spent = { ...model.measurement, durationMs: 28_000 };
    const [problem] = problemsOf({ ...model, measurement: spent } as ModelReport);
    expect(problem?.code).toBe('inconclusive');
    expect(problem?.remedy.hint.replaceAll('\u{a0}', ' ')).toBe(
      'Run it again, on a quieter machine or with a larger benchmark.budget: measuring took 28 s.',
    );
  });

  it('of a metric without a gate are for information', () => {
    const metrics = [sampleMetric('parameters', 100, 200, { kind: 'regressed', confirmed: true })];
    expect(problemsOf(sampleModel('digits', { metrics }))[0]).toMatchObject({
      code: 'more-parameters',
      severity: 'info',
    });
  });
});

describe('the strip plot', () => {
  it('puts base and candidate on one axis, with the median marked once', () => {
    const lines = stripPlot(
      [
        { label: 'base', values: [1, 1.01, 1.02] },
        { label: 'candidate', values: [2, 2.02, 2.04] },
      ],
      'latency',
      'ms',
    );
    expect(lines).toHaveLength(3);
    for (const line of lines.slice(1)) expect(line.match(/●/g)).toHaveLength(1);
    expect(lines[2]!.indexOf('●')).toBeGreaterThan(lines[1]!.indexOf('●') + 20);
  });

  it('draws one value, equal values and none', () => {
    expect(stripPlot([{ label: 'base', values: [5, 5, 5] }], 'latency', 'ms')[1]).toMatch(/^base +●$/);
    expect(stripPlot([{ label: 'base', values: [] }], 'latency', 'ms')).toEqual([]);
  });

  it('has an axis in the unit of its values, with two marks at least', () => {
    for (const scale of [1e-4, 3.7e-3, 0.042, 1, 45, 2_800]) {
      const values = [1, 1.004, 1.007, 1.03].map(value => value * scale);
      const [axis = ''] = stripPlot([{ label: 'base', values }], 'latency', 'ms');
      expect(axis).toMatch(/^latency (µs|ms|s) /u);
      const marks = axis.replace(/^latency \S+/u, '').match(/[\d.]+/gu) ?? [];
      expect(marks.length).toBeGreaterThanOrEqual(2);
      expect(new Set(marks).size).toBe(marks.length);
    }
  });
});

describe('formats', () => {
  it('are found by name, and nothing else is', () => {
    expect([...REPORT_FORMAT_NAMES].sort()).toEqual(
      [
        'codequality',
        'csv',
        'html',
        'json',
        'junit',
        'markdown',
        'openmetrics',
        'pdf',
        'sarif',
        'text',
      ].sort(),
    );
    expect(isReportFormat('html')).toBe(true);
    expect(isReportFormat('toString')).toBe(false);
  });
});

describe('a model with several sets of inputs', () => {
  const report = SAMPLE_REPORTS['many-inputs'];
  const [model] = report.models;

  it('is spoken for by the set that is slower, and every set has its own problem and test', () => {
    const codes = model === undefined ? [] : problemsOf(model).map(({ code }) => code);
    expect(codes).toEqual(['under-limit-throughput', 'slower', 'disappeared-latency']);
    const html = renderHtml(report);
    expect(html.match(/14\.1 → 17\.9\u00A0ms/g)?.length).toBeGreaterThanOrEqual(2);
    const junit = renderJunit(report);
    expect(junit).toContain('name="latency, median (long, batch=8) is within its limits"');
    expect(junit.match(/<failure /g)).toHaveLength(2);
    expect(junit).toContain('<skipped message="failed: The runtime ran out of memory."/>');
    expect(junit).toContain('<skipped message="disappeared: it is not configured any more"/>');
  });

  it('says what it was fed with and how far its numbers can be trusted', () => {
    expect(renderHtml(report)).toContain(
      '3 sets of inputs (rows of a dataset, synthetic inputs), the same for both',
    );
    expect(renderHtml(report)).toContain('The machine was busy.');
  });

  it('says the limit from below and how to move it', () => {
    const text = renderText(report, { color: false });
    expect(text).toMatch(/Throughput \(typical\) .*; the limit is 500/);
    expect(text).toContain('models.encoder.policy.throughput.min');
  });
});
