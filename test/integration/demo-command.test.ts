import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { demoCommand } from '../../src/commands/demo.ts';
import { lacks } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

it.skipIf(lacks('runtime'))(
  'demo runs the whole job in a folder of its own, a CI around it or not',
  { timeout: 180_000 },
  async () => {
    const cacheFolder = mkdtempSync(join(tmpdir(), 'demo cache '));
    const event = {
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'acme/models',
      GITHUB_EVENT_NAME: 'push',
      CI: 'true',
    };
    const world = { ...testSurroundings(), env: { ...process.env, ...event }, cacheFolder };
    const { document, text, exitCode } = await demoCommand({ color: false, budget: '2s' }, world);
    const { folder, report, chapters } = document as {
      readonly folder: string;
      readonly report: string;
      readonly chapters: readonly { readonly exitCode: number }[];
    };
    try {
      expect(exitCode).toBe(0);
      expect(chapters.map(chapter => chapter.exitCode)).toEqual([0, 0, 1, 0, 0]);
      expect(text).toContain('Recorded on branch quickserveml: digits 1.0.0, reader 1.0.0, encoder 1.0.0.');
      expect(text).toMatch(/reader +breaks callers/);
      expect(text).toContain('models/digits/versions/1.0.0.json');
      expect(existsSync(report)).toBe(true);
      expect(readdirSync(folder).sort()).toEqual(['remote.git', 'report', 'team-models']);
    } finally {
      for (const path of [folder, cacheFolder]) rmSync(path, { recursive: true, force: true });
    }
  },
);

it('demo says where the samples are to be had, in a copy without them', async () => {
  const world = { ...testSurroundings(), packageFolders: [join(tmpdir(), 'nowhere/dist')] };
  await expect(demoCommand({ color: false }, world)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
});
