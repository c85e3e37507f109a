import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type VerifyImageOptions, verifyImage } from '../../src/commands/verify-image.ts';
import type { ImageIndex } from '../../src/container/registry/manifest.ts';
import { plainRegistries, pushSmallBase } from '../support/base-images.ts';
import { type ContainerRegistry, startContainerRegistry } from '../support/container-registries.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/git-repositories.ts';
import { createPublishProject, type PublishProject } from '../support/publish-project.ts';
import { lacks } from '../support/requirements.ts';
import { makeSigningKeys, type SigningKeys } from '../support/signing-keys.ts';
import { startSigstore } from '../support/sigstore.ts';

let home: TemporaryFolder;
let registry: ContainerRegistry;
let keys: SigningKeys;

async function project(folder: string, env: Readonly<Record<string, string>>): Promise<PublishProject> {
  const made = await createPublishProject(folder, { cacheFolder: join(home.path, 'cache') });
  Object.assign(made.world.env, { QUICKSERVEML_IMAGE_KEY: '', ...env });
  await made.record('digits');
  return made;
}

const base = () => ({
  baseImage: `${registry.host}/base/node:24`,
  insecure: [registry.host],
  platform: ['linux/amd64'],
});

const referrers = (name: string, digest: string) =>
  plainRegistries(registry.host)
    .repository({ registry: registry.host, repository: `acme/${name}` })
    .listReferrers(digest);

const verify = (made: PublishProject, image: string, more: Partial<VerifyImageOptions> = {}) =>
  verifyImage(
    { image, gate: [], insecure: [registry.host], cwd: made.clone, key: keys.publicKeyFile, ...more },
    made.world,
  );

describe.skipIf(lacks('docker-registry') || lacks('runtime'))('proofs', () => {
  beforeAll(async () => {
    home = temporaryFolder();
    registry = await startContainerRegistry(home.path);
    const repository = { registry: registry.host, repository: 'base/node' };
    await pushSmallBase(plainRegistries(registry.host).repository(repository), '24');
    keys = makeSigningKeys(home.path);
  });
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
  });

  test('are attached once, however often the same image is published; by another key again', async () => {
    await using folder = temporaryFolder();
    const made = await project(folder.path, { QUICKSERVEML_IMAGE_KEY: keys.privateKey });
    const options = { ...base(), image: [`${registry.host}/acme/again`] };
    const { document: first } = await made.publish(options);
    const attached = await referrers('again', first.image.digest);
    expect(attached).toHaveLength(3);
    const later = { ...made.world, now: () => made.world.now() + 86_400_000 };
    const { text, document: second } = await made.publish(options, later);
    expect(text).toContain('  3 proofs were there, signed by the key ');
    expect(second.attached).toEqual(first.attached);
    expect(await referrers('again', first.image.digest)).toEqual(attached);

    Object.assign(made.world.env, {
      QUICKSERVEML_IMAGE_KEY: makeSigningKeys(home.path, 'rotated').privateKey,
    });
    expect((await made.publish(options)).text).toContain('  3 proofs attached, signed by the key ');
    expect(await referrers('again', first.image.digest)).toHaveLength(6);
    expect((await verify(made, `${registry.host}/acme/again:1.0.0`)).exitCode).toBe(0);
  }, 60_000);

  test('by the identity of a job are attached once, and by another identity again', async () => {
    await using folder = temporaryFolder();
    await using sigstore = await startSigstore(folder.path);
    const made = await project(folder.path, {
      SIGSTORE_ID_TOKEN: sigstore.token('https://ci.example/acme/release@main'),
      QUICKSERVEML_FULCIO_URL: sigstore.url,
      QUICKSERVEML_REKOR_URL: sigstore.url,
    });
    const options = { ...base(), image: [`${registry.host}/acme/jobs`] };
    const { document } = await made.publish(options);
    await made.publish(options);
    expect(await referrers('jobs', document.image.digest)).toHaveLength(3);
    Object.assign(made.world.env, {
      SIGSTORE_ID_TOKEN: sigstore.token('https://ci.example/acme/other@main'),
    });
    await made.publish(options);
    expect(await referrers('jobs', document.image.digest)).toHaveLength(6);
  }, 60_000);

  test.each(['layout', 'image.tar'])(
    'go into %s, where verify-image finds them, the same ones each time',
    async output => {
      await using folder = temporaryFolder();
      const made = await project(folder.path, { QUICKSERVEML_IMAGE_KEY: keys.privateKey });
      const path = join(folder.path, output);
      const options = { ...base(), output: path, tag: ['1.0.0'] };
      const { text } = await made.publish(options);
      expect(text).toContain(`written to ${path}, with 3 proofs`);
      const scheme = output.endsWith('.tar') ? 'oci-archive' : 'oci';
      const { exitCode, text: shown } = await verify(made, `${scheme}:${path}:1.0.0`);
      expect(shown).toContain(`${path}@sha256:`);
      expect(exitCode).toBe(0);
      const other = makeSigningKeys(home.path, 'stranger');
      expect((await verify(made, `${scheme}:${path}:1.0.0`, { key: other.publicKeyFile })).exitCode).toBe(1);
      await expect(verify(made, `${scheme}:${path}:9.9.9`)).rejects.toMatchObject({
        code: 'IMAGE_NOT_FOUND',
        hint: expect.stringContaining('It has the tags 1.0.0'),
      });

      const index = output.endsWith('.tar') ? path : join(path, 'index.json');
      const before = readFileSync(index);
      await made.publish(options);
      expect(readFileSync(index).equals(before)).toBe(true);
    },
    60_000,
  );

  test('in a layout are entries of its index that name what they are; changed ones do not hold', async () => {
    await using folder = temporaryFolder();
    const made = await project(folder.path, { QUICKSERVEML_IMAGE_KEY: keys.privateKey });
    const layout = join(folder.path, 'layout');
    const { document } = await made.publish({ ...base(), output: layout });
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as ImageIndex;
    const entries = index.manifests.filter(({ artifactType }) => artifactType !== undefined);
    const blob = (digest: string): string => join(layout, 'blobs', digest.replace(':', '/'));
    for (const { digest } of entries) {
      const manifest = JSON.parse(readFileSync(blob(digest), 'utf8')) as { subject: { digest: string } };
      expect(manifest.subject.digest).toBe(document.image.digest);
    }
    expect(entries).toHaveLength(3);
    const [entry] = entries;
    const text = readFileSync(blob(entry!.digest), 'utf8');
    writeFileSync(blob(entry!.digest), `${text} `);
    const { exitCode, document: verified } = await verify(made, `oci:${layout}:1.0.0`);
    expect(exitCode).toBe(1);
    expect(JSON.stringify(verified)).toContain('no signed verdict is attached');
  }, 60_000);

  test('of what is no layout are not looked for, and that is said', async () => {
    await using folder = temporaryFolder();
    const made = await project(folder.path, {});
    writeFileSync(join(folder.path, 'not.tar'), 'x'.repeat(2000));
    for (const image of ['oci:missing', `oci:${folder.path}`, `oci-archive:${folder.path}/not.tar`]) {
      await expect(verify(made, image)).rejects.toMatchObject({ code: 'IMAGE_UNUSABLE' });
    }
  }, 60_000);
});
