import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ImageRepository } from '../../src/container/registry/image-repository.ts';
import type { ImageIndex, ImageManifest } from '../../src/container/registry/manifest.ts';
import { plainRegistries, pushSmallBase } from '../support/base-images.ts';
import { startContainerRegistry } from '../support/container-registries.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { temporaryFolder } from '../support/git-repositories.ts';
import { lacks, projectRoot } from '../support/requirements.ts';

const TAGS = ['1.0.0', '1.0', 'production'];

const json = <T>(bytes: Uint8Array): T => JSON.parse(Buffer.from(bytes).toString('utf8')) as T;

/** What a tag stands for and lacks: manifests and blobs that its repository does not have. */
async function missingFrom(repository: ImageRepository, tag: string): Promise<readonly string[] | null> {
  const index = await repository.readManifest(tag);
  if (index === null) return null;
  const missing: string[] = [];
  for (const { digest } of json<ImageIndex>(index.bytes).manifests) {
    const manifest = await repository.readManifest(digest);
    if (manifest === null) {
      missing.push(digest);
      continue;
    }
    const { config, layers } = json<ImageManifest>(manifest.bytes);
    for (const blob of [config, ...layers]) {
      if (!(await repository.hasBlob(blob.digest))) missing.push(blob.digest);
    }
  }
  return missing;
}

describe.skipIf(lacks('docker-registry'))('a push that is killed', () => {
  test('leaves no tag on an incomplete image, whichever request it dies at, and the next one ends it', async () => {
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path);
    let child: ChildProcess | null = null;
    let count = 0;
    let killAt = Number.POSITIVE_INFINITY;
    let passesOn = true;
    await using proxy = await startFaultProxy(registry.host, () => {
      count += 1;
      if (count !== killAt) return count > killAt ? { kind: 'cut-request', afterBytes: 0 } : null;
      child?.kill('SIGKILL');
      // Both sides of the moment: the request takes effect and nobody hears of it, or it never arrives.
      return passesOn ? null : { kind: 'cut-request', afterBytes: 0 };
    });
    await using registries = plainRegistries(registry.host);
    const base = registries.repository({ registry: registry.host, repository: 'base/node' });
    await pushSmallBase(base, '24');
    const push = async (target: string): Promise<number> => {
      count = 0;
      child = spawn(
        process.execPath,
        [
          join(projectRoot, 'test/support/push-process.ts'),
          `${registry.host}/base/node:24`,
          `${proxy.host}/${target}`,
          ...TAGS,
        ],
        { stdio: 'ignore' },
      );
      const ended = await new Promise(resolve => child?.once('close', resolve));
      return ended === null ? 1 : Number(ended);
    };
    expect(await push('clean')).toBe(0);
    const steps = count;
    expect(steps).toBeGreaterThanOrEqual(30);
    const found = new Map<string, number>();
    for (let step = 1; step <= steps; step++) {
      killAt = step;
      passesOn = step % 2 === 0;
      const target = `killed/at-${step}`;
      await push(target);
      const repository = registries.repository({ registry: registry.host, repository: target });
      for (const tag of TAGS) {
        const missing = await missingFrom(repository, tag);
        expect({ step, tag, missing: missing ?? [] }).toEqual({ step, tag, missing: [] });
        if (missing !== null) found.set(tag, (found.get(tag) ?? 0) + 1);
      }
    }
    // The tags come last and in their order.
    expect(found.get('production') ?? 0).toBeLessThan(3);
    killAt = Number.POSITIVE_INFINITY;
    for (const step of [2, Math.floor(steps / 2), steps - 1]) {
      expect(await push(`killed/at-${step}`)).toBe(0);
      const repository = registries.repository({ registry: registry.host, repository: `killed/at-${step}` });
      expect(await missingFrom(repository, 'production')).toEqual([]);
    }
  });
});
