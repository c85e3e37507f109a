import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAuditLog } from '../../src/registry/audit.ts';
import { noRules } from '../../src/registry/promotion.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { selectModel } from '../../src/registry/selector.ts';
import { verifyRegistry } from '../../src/registry/verification.ts';
import { entryFor, registryAt } from '../support/git-registries.ts';
import { bytesOf, createBare, git, temporaryFolder } from '../support/git-repositories.ts';

const hasKeygen = spawnSync('ssh-keygen', ['-Y', 'find-principals'], { stdio: 'ignore' }).error === undefined;

test.skipIf(!hasKeygen)(
  'audit says of each commit whether one of the signers signed it (needs ssh-keygen)',
  async () => {
    await using folder = temporaryFolder();
    const url = `file://${createBare(folder.path)}`;
    const makeKey = (name: string): string => {
      const file = join(folder.path, name);
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
      return readFileSync(file, 'utf8');
    };
    const record = (name: string, signingKey: string | null) =>
      registryAt(folder.path, url, { signingKey }).record([
        entryFor(folder.path, name, bytesOf(name, 100), { verdict: null }),
      ]);
    await record('signed', makeKey('ada'));
    await record('plain', null);
    await record('stranger', makeKey('eve'));
    const [type, value] = readFileSync(join(folder.path, 'ada.pub'), 'utf8').split(' ');
    const signersFile = join(folder.path, 'signers');
    writeFileSync(signersFile, `ada@example.com ${type} ${value}\n`);
    const signatures = async (registry: Registry) =>
      (await readAuditLog(registry.access)).map(({ signature }) => signature);
    expect(await signatures(registryAt(folder.path, url, { signersFile }))).toEqual([
      'invalid',
      'none',
      'valid',
    ]);
    expect(await signatures(registryAt(folder.path, url))).toEqual(['unchecked', 'none', 'unchecked']);
  },
);

test('two repositories share a central registry: each sees its own namespace, and models of one name stay apart', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path, 'central');
  const open = (namespace: string | null) => registryAt(folder.path, `file://${bare}`, { namespace });
  const [vision, speech] = [open('vision'), open('speech')];
  const [one, other] = [bytesOf('one', 100), bytesOf('other', 100)];
  await vision.record([entryFor(folder.path, 'digits', one)]);
  expect(await speech.record([entryFor(folder.path, 'digits', other)])).toMatchObject([
    { model: 'digits', version: '1.0.0', new: true },
  ]);
  await vision.addEvent({
    model: 'digits',
    version: '1.0.0',
    reason: null,
    content: { kind: 'promotion', status: 'production', rules: noRules },
  });
  for (const [registry, bytes, events] of [
    [vision, one, 1],
    [speech, other, 0],
  ] as const) {
    const { models } = await registry.read();
    expect([...models.keys()]).toEqual(['digits']);
    const [version] = models.get('digits')!.versions;
    expect(models.get('digits')!.events).toHaveLength(events);
    const path = await registry.readBytes(version!, join(folder.path, `out-${events}`));
    expect(readFileSync(path!)).toEqual(bytes);
  }
  expect([...(await open(null).read()).models.keys()].sort()).toEqual(['speech/digits', 'vision/digits']);
  expect((await verifyRegistry(vision.access, { bytes: true })).defects).toEqual([]);
});

test('of a model that is not there, those of its own namespace are named that may be meant', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const open = (namespace: string) => registryAt(folder.path, `file://${bare}`, { namespace });
  await open('acme/vision').record([entryFor(folder.path, 'models/digits', bytesOf('a', 100))]);
  await open('acme/speech').record([entryFor(folder.path, 'other/digits', bytesOf('b', 100))]);
  const state = await open('acme/vision').read({ models: ['digits'] });
  expect(state.models.size).toBe(0);
  expect(() => selectModel(state, 'digits')).toThrow(
    expect.objectContaining({
      code: 'VERSION_NOT_FOUND',
      hint: expect.stringMatching(/^Did you mean "models\/digits"\? /),
    }),
  );
});

test('a protected branch is named as such, with what lets the job push; nothing is changed', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const registry = registryAt(folder.path, `file://${bare}`);
  await registry.record([entryFor(folder.path, 'digits', bytesOf('a', 100))]);
  const tip = git(bare, 'rev-parse', 'quickserveml');
  const hook = join(bare, 'hooks/pre-receive');
  writeFileSync(
    hook,
    '#!/bin/sh\necho "GH006: Protected branch update failed for refs/heads/quickserveml." >&2\nexit 1\n',
  );
  chmodSync(hook, 0o755);
  await expect(registry.record([entryFor(folder.path, 'digits', bytesOf('b', 100))])).rejects.toMatchObject({
    code: 'REGISTRY_WRITE_REFUSED',
    message: expect.stringContaining('GH006'),
    hint: expect.stringContaining('A protection or rule set covers "quickserveml"'),
  });
  expect(git(bare, 'rev-parse', 'quickserveml')).toBe(tip);
});

test('writers whose clocks are years apart keep the order in which they wrote', async () => {
  await using folder = temporaryFolder();
  const url = `file://${createBare(folder.path)}`;
  const at = (year: number) => registryAt(folder.path, url, { now: () => Date.UTC(year, 5) });
  await at(2030).record([entryFor(folder.path, 'digits', bytesOf('a', 100))]);
  await at(2020).record([entryFor(folder.path, 'digits', bytesOf('b', 100))]);
  const promote = (registry: Registry, version: string) =>
    registry.addEvent({
      model: 'digits',
      version,
      reason: null,
      content: { kind: 'promotion', status: 'production', rules: noRules },
    });
  await promote(at(2030), '1.0.0');
  await promote(at(2020), '1.1.0');
  await promote(at(2025), '1.0.0');
  const registry = at(2026);
  const model = (await registry.read()).models.get('digits')!;
  expect(model.versions.map(({ version }) => version)).toEqual(['1.0.0', '1.1.0']);
  expect(model.events.map(({ version }) => version)).toEqual(['1.0.0', '1.1.0', '1.0.0']);
  expect((await verifyRegistry(registry.access, { bytes: true })).defects).toEqual([]);
});
