import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { nestFlat } from '../../src/shared/tensor-bytes.ts';
import { decodeTensorProto } from '../../src/shared/tensor-proto.ts';
import { plainRegistries } from '../support/base-images.ts';
import { type ContainerRegistry, startContainerRegistry } from '../support/container-registries.ts';
import { freePort } from '../support/free-port.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/git-repositories.ts';
import { pushNodeBase } from '../support/node-base.ts';
import { createPublishProject, fixtureModel, type PublishDocument } from '../support/publish-project.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { manifestsOf, sampleDeployment } from '../support/sample-deployment.ts';
import { makeSigningKeys } from '../support/signing-keys.ts';

const run = promisify(execFile);
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** runc, without systemd, without a network of its own: containers inside of containers have no more. */
const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/** The server's answer, once it is ready. */
async function ask(port: number, path: string, body?: object): Promise<unknown> {
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
        headers: { 'content-type': 'application/json' },
      });
      if (answer.status !== 503) return await answer.json();
      throw new Error(`not ready: ${await answer.text()}`);
    } catch (error) {
      if (attempt === 300) throw error;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}

const skipped =
  lacks('docker-registry') || lacks('skopeo') || lacks('umoci') || lacks('podman') || lacks('runtime');

describe.skipIf(skipped)('other tools and the image', () => {
  let home: TemporaryFolder;
  let registry: ContainerRegistry;
  let image: string;
  let document: PublishDocument;
  let layout: string;
  let archive: string;
  // The container has the network of the machine, so the server's port must be free there.
  let port: number;

  beforeAll(async () => {
    home = temporaryFolder();
    writeFileSync(join(home.path, 'containers.conf'), CONTAINERS_CONF);
    registry = await startContainerRegistry(home.path);
    await using registries = plainRegistries(registry.host);
    await pushNodeBase(registries.repository({ registry: registry.host, repository: 'base/node' }), '24');
    const project = await createPublishProject(home.path);
    // With proofs: none of the tools may stumble over them.
    const env = { ...project.world.env, QUICKSERVEML_IMAGE_KEY: makeSigningKeys(home.path).privateKey };
    const world = { ...project.world, env, workerPath: join(projectRoot, 'dist/worker.js') };
    port = await freePort();
    // As `init` names a model that has a folder to itself.
    await project.record('digits', { model: 'models/digits' });
    image = `${registry.host}/acme/digits`;
    layout = join(home.path, 'layout');
    archive = join(home.path, 'image.tar');
    const options = {
      models: ['models/digits'],
      image: [image],
      baseImage: `${registry.host}/base/node:24`,
      insecure: [registry.host],
      platform: [`linux/${architecture}`],
      port,
    };
    const published = await project.publish({ ...options, output: layout }, world);
    expect(published.exitCode).toBe(0);
    ({ document } = published);
    await project.publish({ ...options, image: [], tag: ['1.0.0'], output: archive }, world);
  });
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
  });

  test('skopeo reads it and copies it whole', async () => {
    const from = ['--tls-verify=false', `docker://${image}:1.0.0`];
    const inspected = JSON.parse((await run('skopeo', ['inspect', ...from])).stdout) as {
      Digest: string;
      Layers: string[];
      Labels: Record<string, string>;
      Architecture: string;
    };
    expect(inspected.Digest).toBe(document.image.digest);
    expect(inspected.Layers).toEqual(document.image.platforms[0]!.layers.map(({ digest }) => digest));
    expect(inspected.Labels['org.opencontainers.image.version']).toBe('1.0.0');
    const copy = join(home.path, 'copy');
    await run('skopeo', ['copy', '--src-tls-verify=false', '--all', from[1]!, `oci:${copy}:1.0.0`]);
    for (const { digest, sizeBytes } of document.image.platforms[0]!.layers) {
      expect(statSync(join(copy, 'blobs', digest.replace(':', '/'))).size).toBe(sizeBytes);
    }
  });

  test('umoci unpacks the layout that --output wrote', async () => {
    const bundle = join(home.path, 'bundle');
    await run('umoci', ['unpack', '--rootless', '--image', `${layout}:1.0.0`, bundle]);
    const model = readFileSync(join(bundle, 'rootfs/models/models/digits/model.onnx'));
    expect(model.equals(readFileSync(fixtureModel('digits')))).toBe(true);
    expect(existsSync(join(bundle, 'rootfs/app/serve.js'))).toBe(true);
    const settings = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as {
      process: { user: { uid: number }; args: string[] };
    };
    expect(settings.process.args.slice(0, 2)).toEqual(['/nodejs/bin/node', '/app/serve.js']);
  });

  const podman = (): readonly string[] => [
    ...['--root', join(home.path, 'storage'), '--runroot', join(home.path, 'run')],
    ...['--storage-driver', 'vfs'],
  ];
  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    CONTAINERS_CONF: join(home.path, 'containers.conf'),
  });
  const runPodman = (...args: readonly string[]) =>
    run('podman', [...podman(), ...args], { env: environment() });

  /** Runs the image as nobody may do much, while `use` asks it. */
  async function withContainer(
    {
      options = [],
      words = [],
    }: { readonly options?: readonly string[]; readonly words?: readonly string[] },
    use: () => Promise<void>,
  ): Promise<void> {
    const container = spawn(
      'podman',
      [
        ...podman(),
        ...['run', '--rm', '--read-only', '--read-only-tmpfs=false', '--cap-drop=all'],
        ...['--security-opt=no-new-privileges', '--memory=1g', '--tls-verify=false', ...options],
        ...[`${image}:1.0.0`, ...words],
      ],
      { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    for (const stream of [container.stdout, container.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8');
      });
    }
    const ended = new Promise(resolve => container.once('close', resolve));
    try {
      await use();
    } catch (error) {
      throw new Error(`the container said: ${output}`, { cause: error });
    } finally {
      await runPodman('rm', '--all', '--force', '--time', '2');
      await ended;
    }
  }

  const readTensor = (name: string) =>
    decodeTensorProto(readFileSync(join(fixtureModel('digits'), '../test_data_set_0', name)));
  const floats = (bytes: Uint8Array): number[] => [...new Float32Array(new Uint8Array(bytes).buffer)];

  /** The answer of a path to the case of the model is what was written down with it. */
  async function expectAnswer(path: string): Promise<void> {
    const [input, expected] = [readTensor('input_0.pb'), readTensor('output_0.pb')];
    const inputs = { image: nestFlat(floats(input.data as Uint8Array), input.shape) };
    const answer = (await ask(port, path, { inputs })) as { outputs: { logits: number[][] } };
    const wanted = floats(expected.data as Uint8Array);
    const got = answer.outputs.logits.flat();
    expect(got).toHaveLength(wanted.length);
    got.forEach((value, index) => {
      expect(value).toBeCloseTo(wanted[index]!, 4);
    });
  }

  test('podman loads the archive, and runs the image as nobody, read-only and without capabilities', async () => {
    const loaded = await runPodman('load', '--input', archive);
    expect(loaded.stdout).toContain('localhost/models-digits:1.0.0');
    await withContainer({}, async () => {
      await expectAnswer('/predict');
      expect(await ask(port, '/model/info')).toMatchObject({ name: 'models-digits', version: '1.0.0' });
      const { stdout } = await runPodman('top', '--latest', 'huser', 'capeff', 'args');
      const processes = stdout.trim().split('\n').slice(1);
      expect(processes.length).toBeGreaterThan(0);
      for (const line of processes) expect(line).toMatch(/^65532\s+none\s/);
      // The health check of `deploy render compose`, which knows nothing of the base image.
      const compose = parse(manifestsOf('compose', { ...sampleDeployment, port }).get('compose.yaml') ?? '');
      const [kind, ...words] = compose.services.digits.healthcheck.test as readonly string[];
      expect(kind).toBe('CMD');
      await runPodman('exec', '--latest', ...words);
      const elsewhere = words.map(word => word.replace(`:${port}/`, ':1/'));
      await expect(runPodman('exec', '--latest', ...elsewhere)).rejects.toThrow();
    });
  });

  test('it answers as SageMaker asks, which starts every image with the word `serve`', async () => {
    const options = ['--env', 'QUICKSERVEML_SAGEMAKER=1'];
    await withContainer({ options, words: ['serve'] }, async () => {
      expect(await ask(port, '/ping')).toMatchObject({ models: [{ name: 'models-digits' }] });
      await expectAnswer('/invocations');
    });
  });
});
