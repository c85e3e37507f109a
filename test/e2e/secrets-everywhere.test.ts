import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GITHUB_ROUTES, TEST_TOKEN } from '../support/github-server.ts';
import { CI_JOB_TOKEN, GITLAB_TOKEN } from '../support/gitlab-server.ts';
import { runtimePath } from '../support/installed-copy.ts';
import { lacks } from '../support/requirements.ts';
import { type Change, GIT_PASSWORD, ThreePlatforms } from '../support/three-platforms.ts';

/** Secrets of a job that no token of an API is; the APIs' own and the git server's are real ones of the test. */
const PLANTED = {
  NPM_TOKEN: 'npm_plantedRegistryToken0000000000000000',
  AWS_SECRET_ACCESS_KEY: 'plantedCloudSecretKey000000000000000000',
  CI_REGISTRY_PASSWORD: 'plantedImagePassword0000000000',
  QUICKSERVEML_UNRELATED: 'plantedUnrelatedWord0000000000',
} as const;
const WRONG_PASSWORD = 'plantedWrongPassword0000000000';
const SECRETS: Readonly<Record<string, string>> = {
  ...PLANTED,
  GITHUB_TOKEN: TEST_TOKEN,
  GITLAB_TOKEN,
  CI_JOB_TOKEN,
  GIT_PASSWORD,
  WRONG_PASSWORD,
};
const NOTES = '/projects/{id}/merge_requests/{noteable_id}/notes';

/** Every file below a folder, as text; git's own store is not what the product wrote. */
const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !join(entry.parentPath, entry.name).includes('/.git/'))
    .map(entry => readFileSync(join(entry.parentPath, entry.name), 'latin1'));

function expectNone(written: string): void {
  for (const [name, secret] of Object.entries(SECRETS)) {
    expect(written.includes(secret), name).toBe(false);
    expect(written.includes(Buffer.from(secret).toString('base64').slice(4, -4)), `${name} as base64`).toBe(
      false,
    );
    expect(written.includes(encodeURIComponent(secret).toLowerCase()), `${name} encoded`).toBe(false);
  }
}

describe.skipIf(lacks('runtime') || lacks('rsync') || lacks('groovy'))('planted secrets', () => {
  let world: ThreePlatforms;
  let breaking: Change;
  let clean: Change;
  beforeAll(async () => {
    world = await ThreePlatforms.create({
      'quickserveml.yml': { text: 'version: 1\nmodels:\n  digits: { path: models/digits.onnx }\n' },
      'models/digits.onnx': { model: 'digits' },
    });
    const files = (inputs: object) =>
      world.starter.files('check', { budget: '1s', base: world.base, ...inputs });
    breaking = world.propose({ ...files({}), 'models/digits.onnx': { model: 'digits-renamed-input' } });
    clean = world.propose({ ...files({ record: 'always' }), 'README.md': { text: 'words' } });
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  async function onGitLab(change: Change, password: string): Promise<string> {
    const clone = world.checkout(change, password);
    const result = await world.runOnGitLab(clone, change, { ...PLANTED, CI_JOB_TOKEN });
    return [
      // The runner's own complaint about the test's variables has them.
      result.log.replaceAll(/^.*--variable.*$/gm, ''),
      ...filesBelow(join(clone, 'quickserveml-report')),
      JSON.stringify([...world.gitlab.notes.values()]),
      JSON.stringify(world.gitlab.requests),
    ].join('\n');
  }

  async function onJenkins(change: Change, password: string, options: object = {}): Promise<string> {
    const workspace = world.checkout(change, password);
    const step = {
      step: 'quickservemlCheck',
      arguments: [
        {
          cli: `'${process.execPath}' '${world.copy.cli}'`,
          runtimePath,
          base: world.base,
          budget: '1s',
          credentialsId: 'api',
          commentAuthor: 'github-actions[bot]',
          ...options,
        },
      ],
    };
    const result = await world.runOnJenkins(workspace, change, step, PLANTED);
    return [
      JSON.stringify(result),
      ...filesBelow(workspace),
      JSON.stringify([...world.github.comments.values()]),
      JSON.stringify(world.github.requests.map(({ path, query, body }) => ({ path, query, body }))),
    ].join('\n');
  }

  it('are in nothing that a job of GitLab writes, nor in its note', { timeout: 200_000 }, async () => {
    const written = await onGitLab(breaking, GIT_PASSWORD);
    expect(written).toContain('accept-break:digits');
    expect(written).toContain('# EOF');
    expectNone(written);
  });

  it('are in no error of GitLab: an API that quotes them, a push that is refused', {
    timeout: 200_000,
  }, async () => {
    const message = `401 Unauthorized: ${GITLAB_TOKEN} ${CI_JOB_TOKEN}`;
    for (const route of ['GET /user', `GET ${NOTES}`, `POST ${NOTES}`])
      world.gitlab.fail(route, { kind: 'status', status: 401, message }, 5);
    const written = await onGitLab(clean, WRONG_PASSWORD);
    expect(written).toContain('REGISTRY_');
    expect(written).toContain('401');
    expectNone(written);
  });

  it('are in nothing that a build of Jenkins writes, nor in its comment', { timeout: 200_000 }, async () => {
    const written = await onJenkins(breaking, GIT_PASSWORD);
    expect(written).toContain('accept-break:digits');
    expectNone(written);
  });

  it('are in no error of Jenkins: an API that quotes them, a push that is refused', {
    timeout: 200_000,
  }, async () => {
    for (const route of [GITHUB_ROUTES.getPull, GITHUB_ROUTES.listComments, GITHUB_ROUTES.createComment]) {
      const message = `Bad credentials: ${TEST_TOKEN}`;
      world.github.fail(route, { kind: 'status', status: 401, message }, 5);
    }
    const written = await onJenkins(clean, WRONG_PASSWORD, { record: 'always' });
    expect(written).toContain('REGISTRY_');
    expect(written).toContain('Bad credentials');
    expectNone(written);
  });
});
