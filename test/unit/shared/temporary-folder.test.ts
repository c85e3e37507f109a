import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { openTemporaryFolder } from '../../../src/shared/temporary-folder.ts';

const parent = mkdtempSync(join(tmpdir(), 'quickserveml-parent-'));

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

test('a temporary folder is gone with what is in it when its block ends', async () => {
  let seen = '';
  {
    await using folder = await openTemporaryFolder('test');
    seen = folder.path;
    writeFileSync(join(seen, 'file'), 'x');
  }
  expect(seen).toContain('quickserveml-test-');
  expect(existsSync(seen)).toBe(false);
});

test('a place for temporary files that is not there is an error that names it and TMPDIR', async () => {
  const missing = join(parent, 'missing');
  vi.stubEnv('TMPDIR', missing);
  vi.stubEnv('TEMP', missing);
  await expect(openTemporaryFolder('test')).rejects.toMatchObject({
    code: 'OUTPUT_UNWRITABLE',
    message: expect.stringContaining(missing),
    hint: expect.stringMatching(/its folder exists.*TMPDIR/),
  });
});
