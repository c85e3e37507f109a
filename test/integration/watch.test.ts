import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { REPORT_FORMAT_NAMES, renderReport } from '../../src/report/formats.ts';
import { parseReport } from '../../src/report/report-parsing.ts';
import { QuickServeError } from '../../src/shared/errors.ts';
import { TEST_TOKEN } from '../support/github-server.ts';
import { WATCH_CONFIG, WatchedProduction, WEBHOOK_SECRET } from '../support/watched-production.ts';

let first: WatchedProduction;
let production: WatchedProduction;
beforeAll(async () => {
  first = await WatchedProduction.start();
});
afterAll(() => first[Symbol.asyncDispose]());
beforeEach(async () => {
  production = await first.copy();
});
afterEach(async () => {
  expect(production.github.violations).toEqual([]);
  await production[Symbol.asyncDispose]();
});

describe('the budget of the whole run', () => {
  it('holds for what is measured, once or twice; without one each model has its own', async () => {
    await production.seed(7, 2);
    await production.watch();
    expect(production.budgetsMs).toEqual([30_000]);
    production.latencyMs = [2.6];
    production.configure(WATCH_CONFIG.replace('version: 1', 'version: 1\nbudget: 5s'));
    await production.watch();
    const [, first = 0, second = 0, ...others] = production.budgetsMs;
    expect(others).toEqual([]);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(5_000);
    expect(second).toBeLessThanOrEqual(first);
  });
});

describe('a schedule over weeks', () => {
  it('tells every place once when a model gets worse, once when that changes, and once when it recovers', async () => {
    await production.seed(7, 2);
    await production.days(2, 2);
    expect(production.hooks.received).toEqual([]);
    expect(production.github.issues).toEqual([]);
    expect(production.measurements).toBe(2);

    production.latencyMs = [2.6];
    const degraded = await production.watch();
    expect(production.measurements).toBe(4);
    expect(degraded).toMatchObject({ exitCode: 1, report: { gate: 'failed' } });
    expect(production.told.toSorted()).toEqual(['pager', 'services', 'workflows']);
    expect(production.github.issues).toMatchObject([
      { number: 100, state: 'open', labels: ['quickserveml', 'models'] },
    ]);
    expect(production.github.issues[0]?.body).toContain('digits 1.0.0');
    expect(production.healthEvents).toBe(1);

    // The same state is not told again, however long it lasts, although the level has become a habit by then.
    await production.seed(10, 2.6);
    await production.days(2, 2.6);
    expect(production.hooks.received).toHaveLength(3);
    expect(production.github.commentsOf(100)).toEqual([]);
    expect(production.healthEvents).toBe(1);
    expect((await production.watch()).exitCode).toBe(1);

    production.latencyMs = [4];
    await production.watch();
    expect(production.hooks.received).toHaveLength(6);
    expect(production.github.commentsOf(100)).toHaveLength(1);

    production.latencyMs = [2];
    const recovered = await production.watch();
    expect(recovered).toMatchObject({ exitCode: 0, report: { gate: 'passed' } });
    expect(production.hooks.received).toHaveLength(9);
    expect(production.github.issues).toMatchObject([{ state: 'closed' }]);
    expect(production.github.commentsOf(100).at(-1)?.body).toContain('has recovered');

    await production.days(1, 2);
    expect(production.hooks.received).toHaveLength(9);

    // Months later the same issue is opened again: there is never a second one.
    production.latencyMs = [3];
    await production.watch();
    expect(production.hooks.received).toHaveLength(12);
    expect(production.github.issues).toMatchObject([{ number: 100, state: 'open' }]);
    expect(production.github.commentsOf(100)).toHaveLength(3);
  });

  it('finds when it began and what was different from then on', async () => {
    await production.seed(7, 2);
    await production.days(1, 2);
    const version = await production.promote('digits-equivalent');
    production.latencyMs = [2.6];
    const { report } = await production.watch();
    const [model] = report.models;
    const said = model?.findings.map(({ message }) => message).join() ?? '';
    expect(said).toContain(`version 1.0.0 → ${version}`);
    expect(said).toContain('The latency changed between 2026-10-03');
    expect(model?.metrics.find(({ metric }) => metric === 'latency')).toMatchObject({
      outcome: { kind: 'regressed', confirmed: true },
    });
    expect(production.github.issues[0]?.body).toContain('What changed then');
  });

  it('does not take one slow measurement for more than noise', async () => {
    await production.seed(9, 2);
    production.latencyMs = [2.8, 2];
    const { report, exitCode } = await production.watch();
    expect(exitCode).toBe(0);
    expect(production.hooks.received).toEqual([]);
    expect(report.models[0]?.metrics[0]?.outcome.kind).toBe('unchanged');
  });

  it('waits for as many runs in a row as the configuration says', async () => {
    production.configure(WATCH_CONFIG.replace('alerts:', 'alerts:\n  after: 3'));
    await production.seed(10, 2);
    production.latencyMs = [2.6];
    expect((await production.watch()).exitCode).toBe(0);
    expect((await production.watch()).exitCode).toBe(0);
    expect(production.hooks.received).toEqual([]);
    expect((await production.watch()).exitCode).toBe(1);
    expect(production.hooks.received).toHaveLength(3);
  });

  it('takes a level as the normal one when somebody says so', async () => {
    await production.seed(9, 2);
    await production.days(1, 2.6);
    await production.seed(9, 2.6);
    expect(production.github.issues).toMatchObject([{ state: 'open' }]);
    await production.watch({ accept: ['digits'] });
    expect(production.github.issues).toMatchObject([{ state: 'closed' }]);
    expect(production.github.commentsOf(100).at(-1)?.body).toContain('accepted as it is now');
    expect((await production.watch()).exitCode).toBe(0);
    production.latencyMs = [3.4];
    expect((await production.watch()).exitCode).toBe(1);
    expect(production.github.issues).toMatchObject([{ state: 'open' }]);
  });

  it('measures every set of inputs, and names the one that got worse', async () => {
    production.configure(
      WATCH_CONFIG.replace('path: models/digits.onnx', 'path: models/digits.onnx, dims: { N: [1, 8] }'),
    );
    await production.seed(9, 2, ['N=1', 'N=8']);
    const well = await production.watch();
    expect(well.exitCode).toBe(0);
    expect(production.measurements).toBe(2);
    expect(well.report.models[0]?.metrics.map(({ metric, workload }) => [metric, workload])).toEqual([
      ['latency', 'N=1'],
      ['load-time', undefined],
      ['memory', 'N=1'],
      ['latency', 'N=8'],
      ['memory', 'N=8'],
    ]);

    production.factors = { 'N=8': 1.3 };
    expect((await production.watch()).exitCode).toBe(1);
    // Only what looked worse was measured again.
    expect(production.measurements).toBe(5);
    const [issue] = production.github.issues;
    expect(issue?.body).toContain('latency, median (N=8)');
    expect(issue?.body).toContain('The latency (N=8) changed between');
    expect(issue?.body).not.toContain('N=1');
    const messages = production.hooks.received.length;
    expect((await production.watch()).exitCode).toBe(1);
    expect(production.hooks.received).toHaveLength(messages);

    production.factors = { 'N=1': 1.3, 'N=8': 1.3 };
    await production.watch();
    expect(production.github.issues[0]?.body).toContain('latency, median (N=1)');
    production.factors = {};
    expect((await production.watch()).exitCode).toBe(0);
    expect(production.github.issues).toMatchObject([{ state: 'closed' }]);
  });

  it('never compares with another kind of machine, and does not close what that one has found', async () => {
    await production.seed(9, 2);
    await production.days(1, 2.6);
    const messages = production.hooks.received.length;
    production.onMachine('other0');
    production.latencyMs = [1];
    const { report, exitCode } = await production.watch();
    expect(exitCode).toBe(0);
    expect(report.models[0]?.metrics[0]?.outcome.kind).toBe('no-baseline');
    const text = await renderReport('text', report, { commentKey: 'x', color: false, reportUrl: null });
    expect(text).toContain('too few earlier measurements on this kind of machine (0 of 8)');
    expect(production.github.issues).toMatchObject([{ state: 'open' }]);
    expect(production.hooks.received).toHaveLength(messages);
  });

  it('tells of a model that does not run any more, and of one that is taken out of production', async () => {
    await production.seed(2, 2);
    production.broken = new QuickServeError({
      code: 'MODEL_RUN_FAILED',
      message: 'a node failed',
      hint: 'look',
    });
    expect(await production.watch()).toMatchObject({ exitCode: 1, report: { models: [{ gate: 'failed' }] } });
    expect(production.hooks.received.find(({ path }) => path === '/pager')?.body).toContain(
      'MODEL_RUN_FAILED',
    );
    await production.setStatus('1.0.0', 'archived');
    const { report } = await production.watch();
    expect(report.findings).toMatchObject([{ code: 'NOTHING_IN_PRODUCTION' }]);
    expect(production.github.issues).toMatchObject([{ state: 'closed' }]);
  });

  it('says no verdict, and changes nothing, where the machine is the reason', async () => {
    await production.seed(2, 2);
    production.broken = new QuickServeError({
      code: 'RUNTIME_DOWNLOAD_FAILED',
      message: 'no network',
      hint: 'look',
    });
    expect(await production.watch()).toMatchObject({ exitCode: 3, report: { gate: 'no-verdict' } });
    expect(production.hooks.received).toEqual([]);
    expect(production.healthEvents).toBe(0);
  });
});

describe('a place that cannot be told', () => {
  it('does not silence the others, ends the run with code 3 at the latest, and is told by the next run', async () => {
    await production.seed(9, 2);
    production.hooks.fail({ kind: 'status', status: 503 }, 1);
    production.latencyMs = [2.6];
    const first = await production.watch();
    // Slack comes first of the three; it is not asked twice, since it might show the message twice.
    expect(first.told.map(({ place, outcome }) => [place, outcome.kind])).toEqual([
      ['tracker', 'arrived'],
      ['team', 'failed'],
      ['office', 'arrived'],
      ['pager', 'arrived'],
    ]);
    expect(first.report.findings).toMatchObject([{ code: 'ALERT_FAILED', severity: 'error' }]);
    const second = await production.watch();
    expect(second.told.map(({ place }) => place)).toEqual(['team']);
    expect(production.told.filter(path => path === 'services')).toHaveLength(1);
    production.hooks.fail({ kind: 'status', status: 403 }, 1);
    production.latencyMs = [2];
    expect((await production.watch()).exitCode).toBe(3);
  });

  it('is not told that something is well of which it never heard that it was not', async () => {
    await production.seed(9, 2);
    const { SLACK_WEBHOOK_URL: _, ...env } = production.environment();
    production.latencyMs = [2.6];
    await production.watch({}, env);
    production.latencyMs = [2];
    const { told } = await production.watch();
    expect(told.map(({ place }) => place)).toEqual(['tracker', 'office', 'pager']);
  });
});

describe('a run that does not record', () => {
  it.each([
    ['a pull request', { GITHUB_EVENT_NAME: 'pull_request' }],
    ['a laptop', { GITHUB_ACTIONS: '' }],
  ])('tells nobody: %s', async (_, difference) => {
    await production.seed(9, 2);
    const files = production.remote.registryFiles().length;
    production.latencyMs = [2.6];
    const env = {
      ...production.environment(),
      ...difference,
      GITHUB_EVENT_PATH: join(production.remote.folder, 'event.json'),
    };
    const { report, exitCode } = await production.watch({}, env);
    expect(exitCode).toBe(1);
    expect(report.registry).toMatchObject({ recording: 'skipped' });
    expect(production.hooks.received).toEqual([]);
    expect(production.remote.registryFiles()).toHaveLength(files);
  });
});

it('makes a report that every format can show and that can be read again', async () => {
  await production.seed(9, 2);
  production.latencyMs = [2.6];
  const { report } = await production.watch();
  expect(parseReport(JSON.stringify(report)).models[0]?.state).toMatchObject({
    kind: 'production',
    version: '1.0.0',
  });
  for (const name of REPORT_FORMAT_NAMES) {
    const shown = await renderReport(name, report, { commentKey: 'watch', color: false, reportUrl: null });
    expect(shown.length, name).toBeGreaterThan(50);
  }
  const text = await renderReport('text', report, { commentKey: 'watch', color: false, reportUrl: null });
  expect(text).toContain('registry promote --rollback digits');
  expect(text).not.toContain('accept-slower');
});

it('shows no secret anywhere', async () => {
  production.log.length = 0;
  await production.seed(9, 2);
  production.hooks.fail(
    { kind: 'status', status: 400, message: `${WEBHOOK_SECRET} verySecretPath alsoVerySecret` },
    4,
  );
  production.latencyMs = [2.6];
  const { report, told } = await production.watch();
  const all = JSON.stringify([
    report,
    told.map(({ outcome }) => outcome),
    production.log,
    production.github.issues,
  ]);
  expect(told.filter(({ outcome }) => outcome.kind === 'failed')).toHaveLength(3);
  for (const secret of [WEBHOOK_SECRET, 'verySecretPath', 'alsoVerySecret', TEST_TOKEN])
    expect(all).not.toContain(secret);
  for (const path of production.remote.registryFiles())
    for (const secret of [WEBHOOK_SECRET, 'verySecretPath', TEST_TOKEN])
      expect(production.remote.registryFile(path)).not.toContain(secret);
});
