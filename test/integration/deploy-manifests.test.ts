import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { type DeployOptions, renderDeployment } from '../../src/commands/deploy.ts';
import type { Deployment } from '../../src/delivery/deployment.ts';
import type { TargetName } from '../../src/delivery/target-names.ts';
import { temporaryFolder } from '../support/git-repositories.ts';
import { createPublishProject } from '../support/publish-project.ts';
import { installPython, type PythonEnvironment } from '../support/python.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { manifestsOf, sampleDeployment } from '../support/sample-deployment.ts';
import { testSurroundings } from '../support/surroundings.ts';

const environment: PythonEnvironment | null = lacks('python')
  ? null
  : installPython(['kubernetes-validate==1.37.0', 'cfn-lint==1.58.0']);
const folder = mkdtempSync(join(tmpdir(), 'quickserveml-deploy-'));
afterAll(() => {
  environment?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a validator of the environment on a text; what it says, and whether it is content. */
function validate(command: string, args: readonly string[], name: string, text: string) {
  const file = join(folder, name);
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync(
    join(dirname(environment?.python ?? ''), command),
    [...args, file],
    { encoding: 'utf8', timeout: 120_000 },
  );
  return { status, output: stdout + stderr };
}

const large: Deployment = {
  ...sampleDeployment,
  version: null,
  replicas: { min: 1, max: 1 },
  size: { cpus: 6, memoryBytes: 20 * 2 ** 30, workers: 3, threads: 2, startSeconds: 900 },
};

describe.skipIf(environment === null)('manifests', () => {
  const strict = (name: string, text: string) => validate('kubernetes-validate', ['--strict'], name, text);

  test.each([sampleDeployment, large])(
    'for Kubernetes are valid by its own schemas, strictly (%#)',
    deployment => {
      const [text = ''] = manifestsOf('kubernetes', deployment).values();
      const { status, output } = strict('kubernetes.yaml', text);
      expect(output).not.toContain('ERROR');
      expect(output.match(/ passed for resource /g)).toHaveLength(5);
      expect(status).toBe(0);
      expect(strict('wrong.yaml', text.replace('maxSurge', 'maxSurgee')).status).not.toBe(0);
    },
    120_000,
  );

  test('for KServe and Knative have the pods that Kubernetes takes', () => {
    const podOf = (target: TargetName, path: (document: never) => object): string => {
      const [text = ''] = manifestsOf(target).values();
      const {
        minReplicas: _,
        maxReplicas: __,
        containerConcurrency: ___,
        timeoutSeconds: ____,
        ...spec
      } = path(parse(text) as never) as Record<string, unknown>;
      return stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: target }, spec });
    };
    const pods = {
      kserve: podOf('kserve', (document: { spec: { predictor: object } }) => document.spec.predictor),
      knative: podOf(
        'knative',
        (document: { spec: { template: { spec: object } } }) => document.spec.template.spec,
      ),
    };
    for (const [name, text] of Object.entries(pods)) {
      expect(strict(`${name}.yaml`, text)).toMatchObject({ status: 0 });
    }
  }, 120_000);

  test.each(['ecs', 'sagemaker'] as const)(
    'for %s are templates that cfn-lint has nothing to say about',
    target => {
      const [text = ''] = manifestsOf(target).values();
      const [other = ''] = manifestsOf(target, large).values();
      const otherFile = join(folder, `${target}-large.yaml`);
      writeFileSync(otherFile, other);
      expect(validate('cfn-lint', [otherFile], `${target}.yaml`, text)).toEqual({ status: 0, output: '' });
      expect(
        validate('cfn-lint', [], 'wrong.yaml', text.replace('AWS::IAM::Role', 'AWS::IAM::Rolle')).status,
      ).not.toBe(0);
    },
    120_000,
  );
});

describe('deploy render', () => {
  const render = (options: Partial<DeployOptions> & Pick<DeployOptions, 'cwd'>) =>
    renderDeployment({ target: 'kubernetes', ...options }, testSurroundings());

  test('takes size, version and image from the registry, and the cost from the price table', async () => {
    await using home = temporaryFolder();
    const configuration =
      'deploy:\n  load: 500\n  prices:\n    - {machine: small, cpus: 2, memory: 4GiB, hourly: 0.1}\n';
    const project = await createPublishProject(home.path, { configuration });
    await project.record('digits', {
      measurement: {
        fingerprint: {
          key: 'k',
          cpuModel: 'AMD EPYC 7763',
          isa: '',
          cores: 2,
          cpuQuota: null,
          memoryGiB: 4,
          os: 'linux',
          kernel: '6',
          arch: 'x64',
          nodeVersion: '24',
          runtimeVersion: '1.30.0',
          provider: 'cpu',
          threads: 1,
        },
        metrics: { latency: 2, memory: 100 * 2 ** 20, 'load-time': 300 },
      },
    });
    const sha256 = (await project.registry.read()).models.get('digits')!.versions[0]!.sha256;
    const image = { name: 'ghcr.io/acme/digits', digest: `sha256:${sha256}`, tags: ['1.0.0'] };
    await expect(render({ model: 'digits', cwd: project.clone })).rejects.toMatchObject({ code: 'USAGE' });
    await project.registry.addEvent({
      model: 'digits',
      version: '1.0.0',
      reason: null,
      content: { kind: 'deployment', images: [image], conditions: [], forced: false },
    });
    const { document, text } = await render({ model: 'digits@1.0.0', cwd: project.clone, output: 'deploy' });
    expect(document).toMatchObject({
      deployment: {
        name: 'digits',
        version: '1.0.0',
        image: `ghcr.io/acme/digits@sha256:${sha256}`,
        replicas: { min: 2, max: 4 },
        // 160 + 1.5 * 100 MiB, in steps of 64.
        size: { memoryBytes: 320 * 2 ** 20, startSeconds: 33 },
      },
      costs: [{ machine: 'small', machines: 1, copies: 2, hourly: 0.1 }],
    });
    // What the page shows is what comes out.
    const page = readFileSync(join(projectRoot, 'docs/deploying.md'), 'utf8');
    expect(page).toContain(text.replace(`${project.clone}/`, ''));
    const compose = await render({ model: 'digits@1.0.0', cwd: project.clone, target: 'compose' });
    expect(page).toContain(compose.text.replace(sha256, '5f0c...'));
    expect(readFileSync(join(project.clone, 'deploy/kubernetes.yaml'), 'utf8')).toContain(`sha256:${sha256}`);
  }, 60_000);

  test('believes the port that the image was published with, and says that it was published by force', async () => {
    await using home = temporaryFolder();
    const project = await createPublishProject(home.path, {});
    await project.record('digits');
    const publish = (letter: string, content: { port?: number; forced: boolean; met: boolean }) =>
      project.registry.addEvent({
        model: 'digits',
        version: '1.0.0',
        reason: null,
        content: {
          kind: 'deployment',
          images: [{ name: 'ghcr.io/acme/digits', digest: `sha256:${letter.repeat(64)}`, tags: [] }],
          conditions: [
            { name: 'recorded', met: true, detail: 'it is' },
            { name: 'verdict', met: content.met, detail: 'its verdict is "failed"' },
          ],
          forced: content.forced,
          ...(content.port === undefined ? {} : { port: content.port }),
        },
      });
    const digits = { model: 'digits', cwd: project.clone };
    const document = async (options: Partial<DeployOptions>) =>
      (await render({ ...digits, ...options })).document;
    const refused = { code: 'USAGE', message: expect.stringMatching(/listens on port 9000, not on 8080/) };

    // A record of an earlier release: what is said counts.
    await publish('a', { forced: false, met: true });
    expect(await document({ port: 8080 })).toMatchObject({ deployment: { port: 8080 }, warnings: [] });
    expect(await document({})).toMatchObject({ deployment: { port: 8000 } });

    await publish('b', { port: 9000, forced: true, met: false });
    expect(await document({})).toMatchObject({
      deployment: { port: 9000 },
      warnings: [
        'The image of digits 1.0.0 was published by force; not met: verdict: its verdict is "failed".',
      ],
    });
    const written = await render({ ...digits, output: 'deploy' });
    expect(written.text).toContain('was published by force');
    await expect(render({ ...digits, target: 'sagemaker', port: 8080 })).rejects.toMatchObject(refused);
    await expect(render({ ...digits, port: 8080 })).rejects.toMatchObject(refused);
    const same = `ghcr.io/acme/digits@sha256:${'b'.repeat(64)}`;
    await expect(render({ ...digits, image: same, port: 8080 })).rejects.toMatchObject(refused);
    // Of another image nothing is recorded.
    expect(await document({ image: 'ghcr.io/acme/digits:other', port: 8080 })).toMatchObject({
      deployment: { port: 8080 },
      warnings: [],
    });

    await publish('c', { port: 8080, forced: false, met: true });
    expect(await document({ target: 'sagemaker' })).toMatchObject({
      deployment: { port: 8080 },
      warnings: [],
    });
  }, 60_000);

  test('without a registry wants an image, and says that nothing was measured', async () => {
    await using home = temporaryFolder();
    await expect(render({ cwd: home.path })).rejects.toMatchObject({ code: 'USAGE' });
    const { document } = await render({ cwd: home.path, image: 'ghcr.io/acme/Wrong' }).catch(error => ({
      document: error.code,
    }));
    expect(document).toBe('IMAGE_REFERENCE_INVALID');
    const plain = await render({
      cwd: home.path,
      image: 'ghcr.io/acme/my_digits:1',
      memory: '2GiB',
      cpus: 2,
    });
    expect(plain.document).toMatchObject({
      deployment: { name: 'my-digits', size: { cpus: 2, memoryBytes: 2 ** 31 } },
      sizing: { reasons: ['Nothing was measured of this model: sizes are defaults.'] },
    });
    await expect(
      render({ cwd: home.path, image: 'ghcr.io/acme/digits:1', target: 'sagemaker' }),
    ).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('8080') });
  });
});
