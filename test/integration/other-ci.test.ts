import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkCommand } from '../../src/commands/check-command.ts';
import type { Report } from '../../src/report/report.ts';
import { createTestRemote, type TestRemote } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

/** CIs without a door of their own: the exit code and the files are the answer, and the log says that there is no comment. */
const MODEL = 'models/digits.onnx';

let remote: TestRemote;
let main: string;
beforeAll(() => {
  remote = createTestRemote();
  remote.commit('main', { [MODEL]: { model: 'digits' } });
  main = remote.commit('main', { 'README.md': { text: 'words' } });
});
afterAll(() => remote[Symbol.dispose]());

async function checkOn(
  ref: string,
  env: Readonly<Record<string, string>>,
): Promise<{ report: Report; exitCode: number; log: string; folder: string }> {
  const cwd = remote.checkout(ref);
  const lines: string[] = [];
  const world = testSurroundings();
  const { document, exitCode } = await checkCommand(
    { cwd, record: 'auto', budget: '1s', comment: true, reportDir: 'reports', color: false },
    {
      ...world,
      env: { PATH: process.env['PATH'], HOME: remote.folder, ...env },
      progress: { ...world.progress, step: line => void lines.push(line) },
    },
  );
  return { report: document as Report, exitCode, log: lines.join('\n'), folder: join(cwd, 'reports') };
}

it.skipIf(lacks('runtime'))(
  'fails a breaking pull request of Bitbucket by exit code and files, and says why there is no comment',
  async () => {
    const head = remote.commit('topic', { [MODEL]: { model: 'digits-renamed-input' } }, { from: 'main' });
    const { report, exitCode, log, folder } = await checkOn('refs/heads/topic', {
      BITBUCKET_COMMIT: head,
      BITBUCKET_BRANCH: 'topic',
      BITBUCKET_PR_ID: '7',
      BITBUCKET_PR_DESTINATION_BRANCH: 'main',
      GITHUB_TOKEN: 'a token that nobody asked for',
    });
    expect(exitCode).toBe(1);
    expect(report).toMatchObject({
      gate: 'failed',
      base: { sha: main },
      change: { platform: 'local', pullRequest: null },
    });
    expect(log).toMatch(/No comment: Bitbucket Pipelines is not commented on/);
    for (const file of ['report.html', 'report.json', 'junit.xml'])
      expect(existsSync(join(folder, file)), file).toBe(true);
    expect(remote.registryFiles()).toEqual([]);
  },
);

it('compares a push to main in a clone of depth 1 with the commit before it', async () => {
  const { report, exitCode, log } = await checkOn('refs/heads/main', {
    CIRCLECI: 'true',
    CIRCLE_BRANCH: 'main',
    CIRCLE_SHA1: main,
  });
  expect(exitCode).toBe(0);
  expect(report.base).toMatchObject({ role: 'parent of HEAD' });
  expect(report.base?.sha).not.toBe(main);
  expect(log).toContain('No comment: CircleCI is not commented on');
});
