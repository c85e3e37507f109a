import { describe, expect, test } from 'vitest';
import { openPullRequest } from '../../../src/commands/pull-request.ts';
import { readCiContext } from '../../../src/platforms/detect.ts';
import { otherCiName } from '../../../src/platforms/other-ci.ts';
import { testSurroundings } from '../../support/surroundings.ts';

const HEAD = '9f8e7d6c5b4a39281706f5e4d3c2b1a098765432';
const noFile = (): string => '';

test.each([
  ['Bitbucket Pipelines', { BITBUCKET_COMMIT: HEAD, CI: 'true' }],
  ['Azure Pipelines', { TF_BUILD: 'True' }],
  ['CircleCI', { CIRCLECI: 'true', CI: 'true' }],
  ['Woodpecker', { CI: 'woodpecker' }],
  ['this CI', { CI: 'true' }],
  [null, { CI: 'false' }],
  [null, {}],
])('%s is recognised by its variables', (name, env) => {
  expect(otherCiName(env)).toBe(name);
});

test.each([
  [{ BITBUCKET_COMMIT: HEAD, BITBUCKET_PR_DESTINATION_BRANCH: 'main' }],
  [{ TF_BUILD: 'True', BUILD_SOURCEVERSION: HEAD, SYSTEM_PULLREQUEST_TARGETBRANCH: 'refs/heads/main' }],
  [{ BUILDKITE: 'true', BUILDKITE_COMMIT: HEAD, BUILDKITE_PULL_REQUEST_BASE_BRANCH: 'main' }],
  [{ DRONE: 'true', DRONE_COMMIT_SHA: HEAD, DRONE_BUILD_EVENT: 'pull_request', DRONE_TARGET_BRANCH: 'main' }],
  [{ TRAVIS: 'true', TRAVIS_COMMIT: HEAD, TRAVIS_PULL_REQUEST_BRANCH: 'topic', TRAVIS_BRANCH: 'main' }],
])('a pull request of %j is compared with the merge base of its target', env => {
  expect(readCiContext(env, noFile)).toMatchObject({
    platform: 'local',
    event: 'pull-request',
    headSha: HEAD,
    base: { kind: 'merge-base', of: 'main' },
  });
});

test.each([
  [{ BITBUCKET_COMMIT: HEAD, BITBUCKET_BRANCH: 'main' }],
  [{ TF_BUILD: 'True', BUILD_SOURCEBRANCH: 'refs/heads/master' }],
  [{ CIRCLECI: 'true', CIRCLE_BRANCH: 'main' }],
  [{ DRONE: 'true', DRONE_BUILD_EVENT: 'push', DRONE_TARGET_BRANCH: 'main', DRONE_BRANCH: 'main' }],
  [{ TRAVIS: 'true', TRAVIS_PULL_REQUEST_BRANCH: '', TRAVIS_BRANCH: 'main' }],
])('a push of %j to the main branch is compared with its parent, never with itself', env => {
  expect(readCiContext(env, noFile)).toMatchObject({ event: 'push', base: { kind: 'parent' } });
});

test('a laptop is none', () => {
  expect(readCiContext({}, noFile)).toMatchObject({
    platform: 'local',
    base: { kind: 'local' },
    event: 'manual',
  });
});

describe('no comment, and why', () => {
  const whyNot = async (env: Readonly<Record<string, string>>): Promise<string> =>
    (await openPullRequest(readCiContext(env, noFile), { ...testSurroundings(), env }, 'a-token')).whyNot;
  test('names the CI', async () => {
    expect(await whyNot({ CIRCLECI: 'true' })).toBe('CircleCI is not commented on; the reports are written');
  });
  test('knows Gitea behind the variables of GitHub', async () => {
    const env = { GITHUB_ACTIONS: 'true', GITEA_ACTIONS: 'true', GITHUB_REPOSITORY: 'acme/models' };
    expect(await whyNot(env)).toContain('Gitea');
  });
});
