import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JenkinsfileRun, runJenkins } from '../support/jenkins-pipeline.ts';
import { lacks, projectRoot } from '../support/requirements.ts';

describe.skipIf(lacks('groovy'))('the examples for Jenkins', () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'jenkins examples '));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  /** What the command that stands for the product notes of its environment, after its words. */
  const NOTED = [
    'GITHUB_TOKEN',
    'GITLAB_TOKEN',
    'QUICKSERVEML_SIGNING_KEY',
    'QUICKSERVEML_IMAGE_KEY',
    'QUICKSERVEML_REGISTRY_USERNAME',
    'QUICKSERVEML_REGISTRY_PASSWORD',
    'SLACK_WEBHOOK_URL',
    'PAGER_SECRET',
  ];

  /** Runs an example of the documentation once for each surroundings; `said`: a line for each call of the command. */
  async function runExample(
    name: string,
    secrets: readonly string[],
    surroundings: readonly Pick<JenkinsfileRun, 'environment' | 'parameters'>[],
  ) {
    const runs = surroundings.map(more => {
      const workspace = mkdtempSync(join(root, 'example '));
      const bin = join(workspace, 'bin');
      mkdirSync(bin);
      const values = NOTED.map(variable => `"$${variable}"`).join(' ');
      writeFileSync(
        join(bin, 'npx'),
        `#!/bin/sh\n{ printf '%s ' "$@" '|' ${values}; echo; } >> '${workspace}/said'\nexit \${EXIT:-0}\n`,
        { mode: 0o755 },
      );
      return {
        ...more,
        workspace,
        pipeline: readFileSync(join(projectRoot, 'docs/examples', name), 'utf8'),
        checkout: 'true',
        plugins: ['junit', 'recordIssues', 'publishHTML'],
        environment: { ...more.environment, PATH: `${bin}:${process.env['PATH']}` },
        secrets: Object.fromEntries(secrets.map(id => [id, `(${id})`])),
      };
    });
    const outcomes = await runJenkins(runs);
    return outcomes.map(({ result }, index) => {
      const file = join(runs[index]!.workspace, 'said');
      const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
      return { result, said: lines.map(line => line.replace(/ +/g, ' ').trimEnd()) };
    });
  }

  it('releases what a tag names, as the example does it', async () => {
    const [released, branch] = await runExample(
      'Jenkinsfile.release',
      ['git-push', 'verdict-key', 'image-key', 'container-registry'],
      [{ environment: { TAG_NAME: 'big-vision-v1.4.2' } }, { environment: { BRANCH_NAME: 'main' } }],
    );
    expect(released).toEqual({
      result: 'SUCCESS',
      said: [
        expect.stringMatching(/ check .*--record always .*--model big-vision .*\| \(verdict-key\)$/),
        expect.stringMatching(
          / publish big-vision@1\.4\.2 --image registry\.example\/acme\/big-vision --promote production --reason big-vision-v1\.4\.2 \| \(image-key\) user of \(container-registry\) \(container-registry\)$/,
        ),
      ],
    });
    expect(released?.said[0]).not.toContain('--comment');
    expect(branch).toEqual({ result: 'FAILURE', said: [] });
  });

  it('checks every branch and publishes tags that passed, as the declarative example does it', async () => {
    const [branch, tag, failed] = await runExample(
      'Jenkinsfile.declarative',
      ['github-token', 'github-app', 'container-registry'],
      [
        { environment: { BRANCH_NAME: 'main' } },
        { environment: { TAG_NAME: 'v1' } },
        { environment: { TAG_NAME: 'v1', EXIT: '1' } },
      ],
    );
    const checked = expect.stringMatching(/ check .*--budget 30s.*\| \(github-token\)$/);
    const published = expect.stringMatching(
      / publish digits --image registry\.example\/acme\/digits --promote production \| user of \(container-registry\) \(container-registry\)$/,
    );
    expect(branch).toEqual({ result: 'SUCCESS', said: [checked] });
    expect(tag).toEqual({ result: 'SUCCESS', said: [checked, published] });
    expect(failed).toEqual({ result: 'FAILURE', said: [checked] });
  });

  it('checks in a container, and is unstable without a verdict, as the scripted example does it', async () => {
    const environment = { CHANGE_URL: 'https://gitlab.example/acme/models/-/merge_requests/7' };
    const [passed, undecided, failed] = await runExample(
      'Jenkinsfile.scripted',
      ['gitlab-token'],
      [{ environment }, { environment: { ...environment, EXIT: '3' } }, { environment: { EXIT: '1' } }],
    );
    const checked = expect.stringMatching(/ check .*--comment\b.*\| \(gitlab-token\)$/);
    expect(passed).toEqual({ result: 'SUCCESS', said: [checked] });
    expect(undecided).toEqual({ result: 'UNSTABLE', said: [checked] });
    expect(failed).toMatchObject({ result: 'FAILURE' });
  });

  it('watches what is in production and takes a level as normal, as the scheduled example does it', async () => {
    const [nightly, accepting, undecided] = await runExample(
      'Jenkinsfile.scheduled',
      ['slack-webhook', 'pager-url', 'pager-secret', 'github-token', 'github-app'],
      [{}, { parameters: { ACCEPT: 'digits' } }, { environment: { EXIT: '3' } }],
    );
    const secrets = String.raw`\| \(github-token\) \(slack-webhook\) \(pager-secret\)$`;
    const watched = expect.stringMatching(new RegExp(` watch --record always .*sarif ${secrets}`));
    expect(nightly).toEqual({ result: 'SUCCESS', said: [watched] });
    expect(accepting).toEqual({
      result: 'SUCCESS',
      said: [expect.stringMatching(new RegExp(` --accept digits ${secrets}`))],
    });
    expect(undecided).toEqual({ result: 'UNSTABLE', said: [watched] });
  });
});
