import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { handOver } from '../support/installed-copy.ts';
import { type Contents, git } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { runCli } from '../support/run-cli.ts';
import { NUMBER, ThreePlatforms } from '../support/three-platforms.ts';

interface Workflow {
  readonly jobs: Readonly<
    Record<
      string,
      { readonly steps: readonly { readonly uses: string; readonly with?: Record<string, string> }[] }
    >
  >;
}

/** From a repository with nothing but a model to the first comment: `init --yes`, commit, push, and a token. */
describe.skipIf(lacks('runtime') || lacks('rsync') || lacks('groovy'))('a new user', () => {
  let world: ThreePlatforms;
  beforeAll(async () => {
    world = await ThreePlatforms.create({ 'models/digits.onnx': { model: 'digits' } });
  });
  afterAll(async () => {
    expect(world.violations).toEqual([]);
    await world[Symbol.asyncDispose]();
  });

  /** What `init` writes into a clone that comes from `address`: the text of each file by its path. */
  async function initialised(
    address: string,
    ...options: readonly string[]
  ): Promise<Readonly<Record<string, string>>> {
    const clone = world.checkout({ branch: 'main' });
    world.remote.setUrl(clone, address);
    handOver(clone);
    const result = await runCli({ cli: world.copy.cli, args: ['init', '--yes', ...options], cwd: clone });
    expect(result.exitCode, result.stderr).toBe(0);
    const paths = git(clone, 'status', '--porcelain', '--untracked-files=all')
      .split('\n')
      .map(line => line.slice(line.indexOf(' ') + 1).trim());
    return Object.fromEntries(paths.map(path => [path, readFileSync(join(clone, path), 'utf8')]));
  }
  const contentsOf = (files: Readonly<Record<string, string>>): Contents =>
    Object.fromEntries(Object.entries(files).map(([path, text]) => [path, { text }]));

  it('of GitHub writes no line: the workflow comments with the job token', { timeout: 120_000 }, async () => {
    const files = await initialised('https://github.com/acme/models.git');
    expect(Object.keys(files).sort()).toEqual([
      '.github/workflows/models.yml',
      'models/digits.contract.json',
      'quickserveml.yml',
    ]);
    const change = world.propose(contentsOf(files));
    const { jobs } = parse(files['.github/workflows/models.yml'] ?? '') as Workflow;
    const own = Object.values(jobs)
      .flatMap(({ steps }) => steps)
      .filter(({ uses }) => uses.startsWith('quickserveml/quickserveml@'));
    expect(own).toHaveLength(1);
    const outcome = await world.onGitHub(change, own[0]?.with ?? {});
    expect(outcome).toMatchObject({ exitCode: 0, states: ['models/digits: identical'], problems: [] });
    expect(outcome.comment).toContain('models/digits');
  });

  it('of GitLab writes no line: the component comments with a token', { timeout: 120_000 }, async () => {
    const files = await initialised('https://gitlab.com/acme/models.git');
    expect(Object.keys(files).sort()).toEqual([
      '.gitlab-ci.yml',
      'models/digits.contract.json',
      'quickserveml.yml',
    ]);
    const component = world.starter.filesOf(files['.gitlab-ci.yml'] ?? '');
    const change = world.propose({ ...contentsOf(files), ...component });
    const outcome = await world.onGitLab(change);
    expect(outcome).toMatchObject({ exitCode: 0, states: ['models/digits: identical'], problems: [] });
    expect(outcome.comment).toContain('models/digits');
  });

  it('of Jenkins writes the login of the token, and no other line', { timeout: 120_000 }, async () => {
    const files = await initialised('https://git.example/acme/models.git', '--ci', 'jenkins');
    const written = files['Jenkinsfile'] ?? '';
    const pipeline = written.replace('my-app[bot]', 'github-actions[bot]');
    const changedLines = pipeline.split('\n').filter((line, at) => line !== written.split('\n')[at]);
    expect(changedLines).toHaveLength(1);
    const change = world.propose(contentsOf({ ...files, Jenkinsfile: pipeline }));
    const workspace = world.checkout(change);
    const agent = mkdtempSync(join(world.remote.folder, 'agent '));
    mkdirSync(join(agent, 'bin'));
    const environment = { PATH: world.pathWithNpx(join(agent, 'bin')) };
    const result = await world.runOnJenkins(workspace, change, { pipeline, checkout: 'true' }, environment);
    expect(result.log).toContain('Comment created');
    const outcome = world.outcomeOnJenkins(workspace, result);
    expect(outcome).toMatchObject({ exitCode: 0, states: ['models/digits: identical'], problems: [] });
    expect(outcome.comment).toContain('models/digits');
    expect(world.github.commentsOf(NUMBER)).toHaveLength(1);
  });
});
