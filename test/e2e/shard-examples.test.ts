import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Report } from '../../src/report/report.ts';
import { handOver } from '../support/installed-copy.ts';
import type { StepResult } from '../support/jenkins-pipeline.ts';
import { lacks } from '../support/requirements.ts';
import type { ActionResult } from '../support/runner.ts';
import { type Change, NUMBER, type Outcome, sayingsOf, ThreePlatforms } from '../support/three-platforms.ts';
import { exampleText } from '../support/workflow-example.ts';

const NAMES = ['digits', 'one', 'reader', 'two', 'zero'];
const CONFIG = `version: 1\nmodels:\n${NAMES.map(name => `  ${name}: { path: models/${name}.onnx }\n`).join('')}`;

interface Job {
  readonly strategy?: { readonly matrix: { readonly shard: readonly number[] } };
  readonly steps: readonly {
    readonly uses: string;
    readonly with?: Readonly<Record<string, string>>;
  }[];
}

describe.skipIf(lacks('runtime') || lacks('rsync') || lacks('groovy'))('the examples with shards', () => {
  let world: ThreePlatforms;
  let change: Change;
  beforeAll(async () => {
    world = await ThreePlatforms.create({
      'quickserveml.yml': { text: CONFIG },
      ...Object.fromEntries(NAMES.map(name => [`models/${name}.onnx`, { model: 'digits' }])),
    });
    change = world.propose({
      ...world.starter.filesOf(exampleText('gitlab-shards.yml'), { budget: '1s', base: world.base }),
      'models/reader.onnx': { model: 'digits-renamed-input' },
    });
  });
  afterAll(async () => {
    expect(world.violations).toEqual([]);
    await world[Symbol.asyncDispose]();
  });

  /** The jobs of the workflow in their order; artifacts are folders here, and what a matrix says is filled in. */
  async function runWorkflow(): Promise<{
    readonly outcome: Outcome;
    readonly shards: readonly ActionResult[];
  }> {
    const { jobs } = parse(exampleText('github-shards.yml')) as { jobs: Record<'shard' | 'verdict', Job> };
    const artifacts = mkdtempSync(join(world.remote.folder, 'artifacts '));
    const runJob = async (job: Job, shard: string): Promise<readonly [string, ActionResult]> => {
      const clone = world.checkoutForGitHub(change);
      let result: ActionResult | null = null;
      for (const { uses, with: given = {} } of job.steps) {
        const inputs = Object.fromEntries(
          Object.entries(given).map(([name, text]) => [
            name,
            text.replace(/\$\{\{ matrix\.shard \}\}/g, shard),
          ]),
        );
        const { name = '', path = '' } = inputs;
        if (uses.startsWith('actions/upload-artifact@'))
          cpSync(join(clone, path), join(artifacts, name), { recursive: true });
        else if (uses.startsWith('actions/download-artifact@')) {
          cpSync(artifacts, join(clone, path), { recursive: true });
          handOver(clone);
        } else if (uses.startsWith('quickserveml/quickserveml@'))
          result = await world.runOnGitHub(clone, change, {
            ...inputs,
            ...(inputs['command'] === 'merge' ? {} : { budget: '1s' }),
          });
      }
      if (result === null) throw new Error('the job has no step of ours');
      return [clone, result];
    };
    world.github.comments.clear();
    const shards: ActionResult[] = [];
    for (const shard of jobs.shard.strategy?.matrix.shard ?? [])
      shards.push((await runJob(jobs.shard, String(shard)))[1]);
    expect(world.github.commentsOf(NUMBER)).toEqual([]);
    const [clone, merged] = await runJob(jobs.verdict, '');
    return { outcome: world.outcomeOnGitHub(clone, merged), shards };
  }

  async function runJenkinsfile(
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly result: StepResult; readonly workspace: string }> {
    const workspace = mkdtempSync(join(world.remote.folder, 'jenkins '));
    mkdirSync(join(workspace, 'bin'));
    const pipeline = exampleText('Jenkinsfile.shards').replace(/my-app\[bot\]/, 'github-actions[bot]');
    const url = `${world.git.url}/acme/models.git`;
    const checkout = `git clone -q --branch '${change.branch}' '${url}' .`;
    const PATH = world.pathWithNpx(join(workspace, 'bin'));
    const result = await world.runOnJenkins(
      workspace,
      change,
      { pipeline, checkout },
      { PATH, ...environment },
    );
    // The agents are numbered as they are taken: four shards, then the one that merges.
    return { result, workspace: join(workspace, 'agent-5') };
  }

  it('give one verdict, one comment and the same words on all platforms', { timeout: 400_000 }, async () => {
    const { outcome: hub, shards } = await runWorkflow();
    expect(shards.map(({ exitCode, outputs }) => [exitCode, outputs['verdict']])).toEqual(
      [1, 2, 3, 4].map(() => [0, undefined]),
    );
    expect(hub).toMatchObject({ exitCode: 1, gate: 'failed' });
    expect(hub.states).toEqual([
      'digits: identical',
      'one: identical',
      'reader: changed',
      'two: identical',
      'zero: identical',
    ]);
    expect(hub.comment).toContain('accept-break:reader');
    const pipeline = await world.runOnGitLab(world.checkout(change), change);
    const lab = world.outcomeOnGitLab(pipeline);
    const { result, workspace } = await runJenkinsfile();
    const jenkins = world.outcomeOnJenkins(workspace, result);
    for (const other of [lab, jenkins]) {
      expect(other).toMatchObject({
        exitCode: hub.exitCode,
        gate: hub.gate,
        states: hub.states,
        problems: hub.problems,
      });
      expect(sayingsOf(other.comment)).toEqual(sayingsOf(hub.comment));
    }
    rmSync(workspace, { recursive: true, force: true });
  });

  it('name a shard that Jenkins lost, with its models, and fail', { timeout: 400_000 }, async () => {
    const { result, workspace } = await runJenkinsfile({ LOST: '2/4' });
    const report = JSON.parse(
      readFileSync(join(workspace, 'quickserveml-report/report.json'), 'utf8'),
    ) as Report;
    const missing = report.findings.find(({ code }) => code === 'SHARD_MISSING');
    expect(missing?.message).toMatch(/^Shard 2 of 4 left no report; not judged: \w+/);
    expect(result.result).not.toBe('SUCCESS');
    expect(result.log).toContain('No such saved stash ‘quickserveml-shard-2’');
  });
});
