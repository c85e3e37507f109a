import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startClosedNetwork } from '../support/closed-network.ts';
import { registryUser } from '../support/container-registries.ts';
import { commitFiles, git } from '../support/git-repositories.ts';
import { REPOSITORY } from '../support/github-job.ts';
import { GitHubServer } from '../support/github-server.ts';
import { handOver, installCopy, runtimePath, takeBack, unprivilegedUser } from '../support/installed-copy.ts';
import { startPublishJob } from '../support/publish-job.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { runCli } from '../support/run-cli.ts';
import { type ActionResult, parseFileCommand, runAction } from '../support/runner.ts';
import { startSigstore } from '../support/sigstore.ts';

const TOKEN = 'token-of-the-job-1234';
const ID_SECRET = 'secret-to-ask-for-identities-5678';

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: {
    readonly publish: {
      readonly steps: readonly {
        readonly id?: string;
        readonly uses?: string;
        readonly run?: string;
        readonly env?: Readonly<Record<string, string>>;
        readonly with?: Readonly<Record<string, string>>;
      }[];
    };
  };
}

describe.skipIf(lacks('docker-registry') || lacks('htpasswd') || lacks('runtime'))('the Action', () => {
  test('publishes to a registry with a password, promotes, and shows what is out', async () => {
    await using job = await startPublishJob(`x-access-token:${TOKEN}`);
    const { closed, open, project } = job;
    git(project.clone, 'remote', 'set-url', 'origin', `${job.git.url}/remote.git`);
    handOver(project.clone);
    const cache = join(job.folder, 'tool cache');
    mkdirSync(cache);
    handOver(cache);
    using copy = installCopy();
    const run = (inputs: Readonly<Record<string, string>>) =>
      runAction({
        actionPath: copy.folder,
        cwd: project.clone,
        token: TOKEN,
        user: unprivilegedUser,
        eventName: 'push',
        env: {
          GITHUB_REPOSITORY: 'acme/models',
          GITHUB_ACTOR: 'ada',
          RUNNER_TOOL_CACHE: cache,
        },
        inputs: {
          command: 'publish',
          models: 'digits@1.0.0',
          image: `${closed.host}/acme/digits`,
          platforms: 'linux/amd64',
          'base-image': job.baseImage,
          'insecure-registries': `${open.host}\n${closed.host}`,
          'runtime-path': runtimePath,
          ...inputs,
        },
      });
    for (const [wrong, named] of [
      [{ port: 'http' }, 'is not a port'],
      [{ port: '65536' }, 'is not a port'],
      [{ proofs: 'none' }, 'The input "proofs" is "none"'],
    ] as const) {
      const unusable = await run(wrong);
      expect(unusable.exitCode).toBe(2);
      expect(unusable.stdout).toContain(named);
    }
    const refused = await run({});
    expect(refused.exitCode).toBe(3);
    // The token of the job is for GitHub's registry: no other one gets to see it.
    expect(closed.log()).not.toContain(TOKEN);
    expect(refused.stdout).toContain('CONTAINER_REGISTRY_REFUSED');

    const result = await run({
      'registry-username': registryUser.username,
      'registry-password': registryUser.password,
      promote: 'production',
      reason: 'digits-v1.0.0',
      port: '8080',
      created: '2026-11-26T12:00:00Z',
      proofs: 'off',
    });
    expect(result.stdout).toContain('Published digits 1.0.0');
    expect(result.exitCode).toBe(0);
    const { 'image-digest': digest = '', images = '', 'image-tags': tags = '' } = result.outputs;
    expect(JSON.parse(images)).toEqual([`${closed.host}/acme/digits@${digest}`]);
    expect(JSON.parse(tags)).toEqual(['1.0.0', '1.0', '1', 'production']);
    expect(result.summary).toContain(digest);
    expect(result.commands).toContainEqual(
      expect.objectContaining({ name: 'add-mask', data: registryUser.password }),
    );
    expect(await job.digestOf('acme/digits', 'production')).toBe(digest);
    expect(await job.declaredBy('acme/digits', 'production')).toMatchObject({
      'org.opencontainers.image.created': '2026-11-26T12:00:00Z',
    });
    expect(result.stdout).toContain('no proofs are attached');
    const state = await project.registry.read({ models: ['digits'] });
    expect(state.models.get('digits')?.events.at(-1)).toMatchObject({
      kind: 'deployment',
      port: 8080,
      reason: 'digits-v1.0.0',
      author: { name: 'ada' },
    });
    for (const text of [result.stdout, result.stderr, result.summary, JSON.stringify(result.outputs)]) {
      expect(text.replace(`::add-mask::${registryUser.password}`, '')).not.toContain(registryUser.password);
      expect(text.replace(`::add-mask::${TOKEN}`, '')).not.toContain(TOKEN);
    }
  });

  test('releases what a tag names, as the example does it: checked, recorded, published, signed, promoted', {
    timeout: 300_000,
  }, async () => {
    const tag = 'digits-v1.0.0';
    const identity = `https://github.com/${REPOSITORY}/.github/workflows/release.yml@refs/tags/${tag}`;
    // ghcr.io takes the token of the job, with whoever started it as the user.
    const { username: actor, password: token } = registryUser;
    await using job = await startPublishJob(`x-access-token:${token}`, {
      base: 'distroless/nodejs24-debian12:nonroot',
      flavour: 'fronted',
    });
    const { project } = job;
    await using network = await startClosedNetwork(job.folder);
    await network.name('gcr.io', `http://${job.open.host}`);
    await network.name('ghcr.io', `http://${job.closed.host}`);
    await using sigstore = await startSigstore(job.folder);
    await using identities = createServer((request, response) => {
      const isAsked = new URL(request.url ?? '', 'http://x').searchParams.get('audience') === 'sigstore';
      const isJob = request.headers.authorization === `Bearer ${ID_SECRET}`;
      response.writeHead(isAsked && isJob ? 200 : 403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ value: sigstore.token(identity) }));
    });
    await new Promise<void>(resolve => identities.listen(0, '127.0.0.1', resolve));
    await using github = await GitHubServer.start({
      repository: REPOSITORY,
      tokens: { [token]: { login: 'github-actions[bot]', mayWrite: true } },
    });
    const sha = commitFiles(project.clone, {
      'quickserveml.yml': 'version: 1\nbudget: 2s\nmodels:\n  digits: { path: models/digits/model.onnx }\n',
    });
    git(project.clone, 'tag', tag);
    git(project.clone, 'push', '--quiet', 'origin', 'main', tag);
    git(project.clone, 'remote', 'set-url', 'origin', `${job.git.url}/remote.git`);
    handOver(project.clone);
    using copy = installCopy();
    const text = readFileSync(join(projectRoot, 'docs/examples/github-release.yml'), 'utf8');
    const { permissions, jobs } = parse(text) as Workflow;
    const environment = {
      ...network.environment,
      NO_PROXY: '127.0.0.1',
      QUICKSERVEML_FULCIO_URL: sigstore.url,
      QUICKSERVEML_REKOR_URL: sigstore.url,
    };
    const before = (await project.registry.readVerdict('digits', await newestSha256()))?.verdict.id;
    async function newestSha256(): Promise<string> {
      const { models } = await project.registry.read({ models: ['digits'] });
      return models.get('digits')?.versions.at(-1)?.sha256 ?? '';
    }

    const outputs: Record<string, Readonly<Record<string, string>>> = {};
    const github_: Readonly<Record<string, string>> = { ref_name: tag, repository: REPOSITORY };
    const evaluate = (value: string): string =>
      value.replaceAll(/\$\{\{ (\S+) \}\}/g, (_, expression: string) => {
        const [context, ...path] = expression.split('.');
        const found = context === 'github' ? github_[path[0] ?? ''] : outputs[path[0] ?? '']?.[path[2] ?? ''];
        if (found === undefined) throw new Error(`nothing is known of ${expression}`);
        return found;
      });
    const all = (values: Readonly<Record<string, string>> = {}): Record<string, string> =>
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, evaluate(value)]));
    const results: ActionResult[] = [];
    let printed = '';
    for (const step of jobs.publish.steps) {
      if (step.run !== undefined) {
        const file = join(mkdtempSync(join(job.folder, 'step-')), 'output');
        writeFileSync(file, '');
        const env = { PATH: process.env['PATH'], GITHUB_OUTPUT: file, ...all(step.env) };
        printed = execFileSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step.run], {
          env,
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        if (step.id !== undefined) outputs[step.id] = parseFileCommand(readFileSync(file, 'utf8'));
      } else if (step.uses?.startsWith('quickserveml/quickserveml@')) {
        const result = await runAction({
          actionPath: copy.folder,
          cwd: project.clone,
          token,
          user: unprivilegedUser,
          eventName: 'push',
          event: {
            ref: `refs/tags/${tag}`,
            before: '0'.repeat(40),
            after: sha,
            created: true,
            repository: { full_name: REPOSITORY, default_branch: 'main', private: false },
          },
          env: {
            ...environment,
            GITHUB_API_URL: github.apiUrl,
            GITHUB_REPOSITORY: REPOSITORY,
            GITHUB_ACTOR: actor,
            GITHUB_SHA: sha,
            GITHUB_REF: `refs/tags/${tag}`,
            GITHUB_REF_NAME: tag,
            GITHUB_REF_TYPE: 'tag',
            ...(permissions['id-token'] === 'write'
              ? {
                  ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(identities.address() as AddressInfo).port}/?v=1`,
                  ACTIONS_ID_TOKEN_REQUEST_TOKEN: ID_SECRET,
                }
              : {}),
          },
          // All that this machine needs beside the example: it may not download the runtime.
          inputs: { ...all(step.with), 'runtime-path': runtimePath },
        });
        expect(`${result.exitCode}\n${result.stdout}${result.stderr}`).toMatch(/^0\n/);
        if (step.id !== undefined) outputs[step.id] = result.outputs;
        results.push(result);
      }
    }
    const [checked, published] = results;
    expect(checked?.outputs['verdict']).toBe('passed');
    const after = (await project.registry.readVerdict('digits', await newestSha256()))?.verdict.id;
    expect(after).not.toBe(before);
    expect(published?.stdout).toContain('Published digits 1.0.0');
    expect(published?.stdout).toContain('3 proofs attached, signed by ');
    const image = `ghcr.io/${REPOSITORY}/digits`;
    expect(printed).toBe(`${image}@${outputs['image']?.['image-digest']}\n`);
    expect(JSON.parse(outputs['image']?.['image-tags'] ?? '')).toEqual(['1.0.0', '1.0', '1', 'production']);
    expect(network.requests).toContain('CONNECT ghcr.io:443');
    const { events = [] } = (await project.registry.read({ models: ['digits'] })).models.get('digits') ?? {};
    expect(events.at(-1)).toMatchObject({ kind: 'deployment', reason: tag });
    expect(events).toContainEqual(expect.objectContaining({ kind: 'status', status: 'production' }));
    expect(github.violations).toEqual([]);

    // As docs/proofs.md says it.
    const verified = await runCli({
      cli: copy.cli,
      cwd: '/',
      env: {
        ...environment,
        QUICKSERVEML_REGISTRY_HOST: 'ghcr.io',
        QUICKSERVEML_REGISTRY_USERNAME: actor,
        QUICKSERVEML_REGISTRY_PASSWORD: token,
      },
      args: [
        ...['verify-image', `${image}:1.0.0`, '--certificate-identity', identity],
        ...['--certificate-oidc-issuer', sigstore.issuer, '--trusted-root', sigstore.trustedRootFile],
      ],
    });
    expect(verified.stdout).toContain(`signed   by ${identity}`);
    expect(verified.exitCode).toBe(0);
    takeBack(project.clone);
  });
});
