import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImageIndex } from '../../src/container/registry/manifest.ts';
import { temporaryFolder } from '../support/git-repositories.ts';
import { type ProofRegistry, startProofRegistry } from '../support/proof-registry.ts';
import { lacks } from '../support/requirements.ts';
import { makeSigningKeys } from '../support/signing-keys.ts';
import { startSigstore } from '../support/sigstore.ts';

let proofs: ProofRegistry;

describe.skipIf(lacks('docker-registry') || lacks('runtime'))('proofs', () => {
  beforeAll(async () => {
    proofs = await startProofRegistry();
  });
  afterAll(() => proofs?.[Symbol.asyncDispose]());

  test('are attached once, however often the same image is published; by another key again', async () => {
    await using folder = temporaryFolder();
    const made = await proofs.project(folder.path, { QUICKSERVEML_IMAGE_KEY: proofs.keys.privateKey });
    const options = { ...proofs.base, image: [proofs.image('again')] };
    const { document: first } = await made.publish(options);
    const attached = await proofs.repository('again').listReferrers(first.image.digest);
    expect(attached).toHaveLength(3);
    const later = { ...made.world, now: () => made.world.now() + 86_400_000 };
    const { text, document: second } = await made.publish(options, later);
    expect(text).toContain('  3 proofs were there, signed by the key ');
    expect(second.attached).toEqual(first.attached);
    expect(await proofs.repository('again').listReferrers(first.image.digest)).toEqual(attached);

    Object.assign(made.world.env, {
      QUICKSERVEML_IMAGE_KEY: makeSigningKeys(proofs.folder, 'rotated').privateKey,
    });
    expect((await made.publish(options)).text).toContain('  3 proofs attached, signed by the key ');
    expect(await proofs.repository('again').listReferrers(first.image.digest)).toHaveLength(6);
    expect((await proofs.verify(made, proofs.image('again:1.0.0'))).exitCode).toBe(0);
  }, 60_000);

  test('by the identity of a job are attached once, and by another identity again', async () => {
    await using folder = temporaryFolder();
    await using sigstore = await startSigstore(folder.path);
    const made = await proofs.project(folder.path, {
      SIGSTORE_ID_TOKEN: sigstore.token('https://ci.example/acme/release@main'),
      QUICKSERVEML_FULCIO_URL: sigstore.url,
      QUICKSERVEML_REKOR_URL: sigstore.url,
    });
    const options = { ...proofs.base, image: [proofs.image('jobs')] };
    const { document } = await made.publish(options);
    await made.publish(options);
    expect(await proofs.repository('jobs').listReferrers(document.image.digest)).toHaveLength(3);
    Object.assign(made.world.env, {
      SIGSTORE_ID_TOKEN: sigstore.token('https://ci.example/acme/other@main'),
    });
    await made.publish(options);
    expect(await proofs.repository('jobs').listReferrers(document.image.digest)).toHaveLength(6);
  }, 60_000);

  test.each(['layout', 'image.tar'])(
    'go into %s, where verify-image finds them, the same ones each time',
    async output => {
      await using folder = temporaryFolder();
      const made = await proofs.project(folder.path, { QUICKSERVEML_IMAGE_KEY: proofs.keys.privateKey });
      const path = join(folder.path, output);
      const options = { ...proofs.base, output: path, tag: ['1.0.0'] };
      const { text } = await made.publish(options);
      expect(text).toContain(`written to ${path}, with 3 proofs`);
      const scheme = output.endsWith('.tar') ? 'oci-archive' : 'oci';
      const { exitCode, text: shown } = await proofs.verify(made, `${scheme}:${path}:1.0.0`);
      expect(shown).toContain(`${path}@sha256:`);
      expect(exitCode).toBe(0);
      const other = makeSigningKeys(proofs.folder, 'stranger');
      expect(
        (await proofs.verify(made, `${scheme}:${path}:1.0.0`, { key: other.publicKeyFile })).exitCode,
      ).toBe(1);
      await expect(proofs.verify(made, `${scheme}:${path}:9.9.9`)).rejects.toMatchObject({
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
    const made = await proofs.project(folder.path, { QUICKSERVEML_IMAGE_KEY: proofs.keys.privateKey });
    const layout = join(folder.path, 'layout');
    const { document } = await made.publish({ ...proofs.base, output: layout });
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
    const { exitCode, document: verified } = await proofs.verify(made, `oci:${layout}:1.0.0`);
    expect(exitCode).toBe(1);
    expect(JSON.stringify(verified)).toContain('no signed verdict is attached');
  }, 60_000);

  test('of what is no layout are not looked for, and that is said', async () => {
    await using folder = temporaryFolder();
    const made = await proofs.project(folder.path, {});
    writeFileSync(join(folder.path, 'not.tar'), 'x'.repeat(2000));
    for (const image of ['oci:missing', `oci:${folder.path}`, `oci-archive:${folder.path}/not.tar`]) {
      await expect(proofs.verify(made, image)).rejects.toMatchObject({ code: 'IMAGE_UNUSABLE' });
    }
  }, 60_000);
});
