import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldModel } from '../../src/registry/lifecycle.ts';
import { registryUser } from '../support/container-registries.ts';
import { commitFiles, type Files, git } from '../support/git-repositories.ts';
import {
  createPipelineStarter,
  type PipelineResult,
  type PipelineStarter,
  runPipeline,
} from '../support/gitlab-pipeline.ts';
import { CI_JOB_TOKEN } from '../support/gitlab-server.ts';
import { type InstalledCopy, installCopy } from '../support/installed-copy.ts';
import { type PublishJob, startPublishJob } from '../support/publish-job.ts';
import type { Contents } from '../support/pull-request.ts';
import { lacks, projectRoot } from '../support/requirements.ts';

const JOB = 'quickserveml-publish';

describe.skipIf(lacks('docker-registry') || lacks('htpasswd') || lacks('runtime') || lacks('rsync'))(
  'the GitLab component that publishes',
  () => {
    let job: PublishJob;
    let copy: InstalledCopy;
    let starter: PipelineStarter;
    beforeAll(async () => {
      job = await startPublishJob(`gitlab-ci-token:${CI_JOB_TOKEN}`);
      const origin = job.git.url.replace('://', `://gitlab-ci-token:${CI_JOB_TOKEN}@`);
      git(job.project.clone, 'remote', 'set-url', 'origin', `${origin}/remote.git`);
      copy = installCopy();
      const publishing = ['--platform', 'linux/amd64', '--base-image', job.baseImage];
      const insecure = [job.open.host, job.closed.host].flatMap(host => ['--insecure', host]);
      starter = createPipelineStarter(copy.cli, [...publishing, ...insecure]);
    });
    afterAll(async () => {
      starter?.[Symbol.dispose]();
      copy?.[Symbol.dispose]();
      await job?.[Symbol.asyncDispose]();
    });

    async function newestSha256(): Promise<string> {
      const { models } = await job.project.registry.read({ models: ['digits'] });
      return models.get('digits')?.versions.at(-1)?.sha256 ?? '';
    }

    /** The pipeline of a tag, or of a branch. */
    function pipeline(
      inputs: Readonly<Record<string, unknown>>,
      variables: Readonly<Record<string, string>> = { CI_COMMIT_TAG: 'digits-v1.0.0' },
    ): Promise<PipelineResult> {
      commit(starter.files('publish', inputs));
      return runTag(variables);
    }

    function commit(files: Contents, more: Files = {}): void {
      const contents = Object.entries(files).map(([path, content]) => {
        if (content === null || 'model' in content) throw new Error(`${path} is no text`);
        return [path, 'text' in content ? content.text : readFileSync(content.file, 'utf8')];
      });
      commitFiles(job.project.clone, { ...Object.fromEntries(contents), ...more });
    }

    function runTag(variables: Readonly<Record<string, string>>): Promise<PipelineResult> {
      return runPipeline({
        clone: job.project.clone,
        job: JOB,
        variables: {
          GITLAB_CI: 'true',
          CI_PIPELINE_SOURCE: 'push',
          CI_REGISTRY: job.closed.host,
          CI_REGISTRY_IMAGE: `${job.closed.host}/acme/models`,
          CI_REGISTRY_USER: registryUser.username,
          CI_REGISTRY_PASSWORD: registryUser.password,
          CI_JOB_TOKEN,
          GITLAB_USER_LOGIN: 'ada',
          ...variables,
        },
      });
    }

    it('refuses inputs that are missing or none of the choices before any job runs, and names them', {
      timeout: 120_000,
    }, async () => {
      const missing = await pipeline({});
      expect(missing.state).toBe('not-run');
      expect(missing.log).toMatch(/\bmodel\b/);
      const wrong = await pipeline({ model: 'digits', promote: 'elsewhere' });
      expect(wrong.state).toBe('not-run');
      expect(wrong.log).toMatch(/\bpromote\b/);
      const unsigned = await pipeline({ model: 'digits', proofs: 'none' });
      expect(unsigned.state).toBe('not-run');
      expect(unsigned.log).toMatch(/\bproofs\b/);
    });

    it('is no job of a branch', { timeout: 120_000 }, async () => {
      expect((await pipeline({ model: 'digits' }, { CI_COMMIT_BRANCH: 'main' })).state).toBe('not-run');
    });

    it('reads the configuration that it is told to', { timeout: 120_000 }, async () => {
      const inputs = { model: 'digits', 'working-directory': 'models', config: 'release.yml' };
      const { jobExitCode, log } = await pipeline(inputs);
      expect(jobExitCode).toBe(2);
      expect(log).toContain('models/release.yml cannot be read');
    });

    it('fails where the version does not exist, and names it', { timeout: 120_000 }, async () => {
      const { state, jobExitCode, log } = await pipeline({ model: 'digits@9.9.9' });
      expect({ state, jobExitCode }).toEqual({ state: 'failed', jobExitCode: 2 });
      expect(log).toContain('9.9.9');
    });

    it('pushes to the registry of the project with what the job has, promotes, and leaves no credentials', {
      timeout: 240_000,
    }, async () => {
      const result = await pipeline({ model: 'digits@1.0.0', promote: 'production' });
      expect(result.log).toContain('Published digits 1.0.0');
      expect(result).toMatchObject({ state: 'passed', jobExitCode: 0 });
      const digest = await job.digestOf('acme/models', 'production');
      expect(digest).toBe(await job.digestOf('acme/models', '1.0.0'));
      expect(result.log).toContain(digest ?? 'no digest');
      const state = await job.project.registry.read({ models: ['digits'] });
      expect(state.models.get('digits')?.events.at(-1)).toMatchObject({ kind: 'deployment' });
      const written = result.log.replaceAll(/^.*--variable.*$/gm, '');
      for (const secret of [registryUser.password, CI_JOB_TOKEN]) expect(written).not.toContain(secret);
      expect(readdirSync(job.project.clone)).not.toContain('config.json');
      expect(readdirSync(join(job.project.clone, '.git'))).not.toContain('config.json');
    });

    it('sets no tag again that stands for this image already', { timeout: 240_000 }, async () => {
      // What is put by digest is the statement about this run.
      const manifests = (): number =>
        job.closed.log().match(/"PUT \/v2\/acme\/models\/manifests\/(?!sha256)/g)?.length ?? 0;
      const before = manifests();
      expect(before).toBeGreaterThan(0);
      const again = await pipeline({ model: 'digits@1.0.0' });
      expect(again).toMatchObject({ state: 'passed', jobExitCode: 0 });
      expect(manifests()).toBe(before);
    });

    it('declares port and time, and attaches no proofs, where the inputs say so', {
      timeout: 240_000,
    }, async () => {
      const result = await pipeline({
        model: 'digits@1.0.0',
        target: '$CI_REGISTRY_IMAGE/declared',
        port: '8080',
        created: '2026-11-26T12:00:00Z',
        proofs: 'off',
      });
      expect(result.log).toContain('no proofs are attached: they are switched off');
      expect(result).toMatchObject({ state: 'passed', jobExitCode: 0 });
      expect(await job.declaredBy('acme/models/declared', '1.0.0')).toMatchObject({
        'org.opencontainers.image.created': '2026-11-26T12:00:00Z',
      });
      const state = await job.project.registry.read({ models: ['digits'] });
      expect(state.models.get('digits')?.events.at(-1)).toMatchObject({ kind: 'deployment', port: 8080 });
    });

    it('publishes the newest version when any tag is set, as the example of the check does it', {
      timeout: 240_000,
    }, async () => {
      commit(starter.filesOf(readFileSync(join(projectRoot, 'docs/examples/gitlab-check.yml'), 'utf8')));
      const result = await runTag({ CI_COMMIT_TAG: 'any' });
      expect(result).toMatchObject({ state: 'passed', jobExitCode: 0 });
      expect(result.log).toContain('Published digits 1.0.0');
    });

    it('releases what a tag names, as the example does it: checked, recorded, published, promoted', {
      timeout: 400_000,
    }, async () => {
      expect(await job.project.record('digits-equivalent')).toBe('1.1.0');
      const before = (await job.project.registry.readVerdict('digits', await newestSha256()))?.verdict.id;
      const example = readFileSync(join(projectRoot, 'docs/examples/gitlab-release.yml'), 'utf8');
      commit(starter.filesOf(example), {
        'quickserveml.yml':
          'version: 1\nmodels:\n  digits: { path: models/digits-equivalent/model.onnx }\n  broken: { path: models/broken.onnx }\n',
        'models/broken.onnx': 'of no concern to a release of digits',
      });
      const variables = { CI_COMMIT_TAG: 'digits-v1.1.0', QUICKSERVEML_BUDGET: '1s' };
      const result = await runTag(variables);
      expect(result.log).toContain('Published digits 1.1.0');
      expect(result.log).toContain(`${job.closed.host}/acme/models/digits: out, tags 1.1.0`);
      expect(result).toMatchObject({ state: 'passed', jobExitCode: 0 });
      expect(result.log).toMatch(/PASS +quickserveml\b(?!-)/);
      const after = (await job.project.registry.readVerdict('digits', await newestSha256()))?.verdict;
      expect(after?.id).not.toBe(before);
      const model = (await job.project.registry.read({ models: ['digits'] })).models.get('digits')!;
      expect(foldModel(model).production?.version.version).toBe('1.1.0');
      expect(model.events).toContainEqual(
        expect.objectContaining({ kind: 'status', status: 'production', reason: 'digits-v1.1.0' }),
      );
      expect((await runTag({ CI_COMMIT_TAG: 'not-a-release' })).state).toBe('not-run');
    });
  },
);
