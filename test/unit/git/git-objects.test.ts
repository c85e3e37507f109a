import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { gitEnvironment } from '../../../src/git/git-environment.ts';
import { openObjectReader } from '../../../src/git/object-reader.ts';
import { commitObject, treeObject, writeLooseObject } from '../../../src/git/object-writer.ts';
import { createScratchFolder } from '../../../src/git/scratch-folders.ts';
import type { TreeEntry } from '../../../src/git/tree-listing.ts';

const folder = mkdtempSync(join(tmpdir(), 'quickserveml-objects-'));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
const environment = gitEnvironment({ PATH: process.env['PATH'], TMPDIR: folder });

function createGitDir(name: string, format: 'sha1' | 'sha256' = 'sha1'): string {
  const gitDir = join(folder, `${name}.git`);
  execFileSync('git', ['init', '--quiet', '--bare', `--object-format=${format}`, gitDir]);
  return gitDir;
}
const git = (gitDir: string, args: readonly string[], input?: string | Buffer): string =>
  execFileSync('git', [...args], {
    env: { PATH: process.env['PATH'], GIT_DIR: gitDir, LC_ALL: 'C' },
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input === undefined ? {} : { input }),
  }).trim();

describe('objects written in this process', () => {
  test.each(['sha1', 'sha256'] as const)('are byte for byte what git writes, with %s', async format => {
    const gitDir = createGitDir(`written-${format}`, format);
    const write = (type: 'blob' | 'tree' | 'commit', content: Uint8Array) =>
      writeLooseObject(gitDir, format, type, content);
    const bytes = Buffer.from('a blob\0with ümlauts');
    const blob = await write('blob', bytes);
    expect(blob).toBe(git(gitDir, ['hash-object', '--stdin'], bytes));
    const empty = await write('tree', Buffer.alloc(0));
    // A folder sorts as if its name ended with a slash: `a-b`, then `a.json`, then the folder `a`, then `a0`.
    const entries: TreeEntry[] = [
      { mode: '040000', type: 'tree', id: empty, path: 'a' },
      { mode: '100644', type: 'blob', id: blob, path: 'a.json' },
      { mode: '100644', type: 'blob', id: blob, path: 'a0' },
      { mode: '100755', type: 'blob', id: blob, path: 'a-b' },
      { mode: '100644', type: 'blob', id: blob, path: 'ü' },
    ];
    const tree = await write('tree', treeObject(entries));
    const listed = entries.map(({ mode, type, id, path }) => `${mode} ${type} ${id}\t${path}\n`).join('');
    expect(tree).toBe(git(gitDir, ['mktree'], listed));
    const commit = await write(
      'commit',
      commitObject({
        tree,
        parent: null,
        name: 'Ada',
        email: 'ada@example.com',
        atSeconds: 1_700_000_000,
        message: 'Say ü\n\nand why\n',
      }),
    );
    expect(git(gitDir, ['log', '-1', '--format=%an|%ae|%at|%B', commit])).toBe(
      'Ada|ada@example.com|1700000000|Say ü\n\nand why',
    );
    git(gitDir, ['update-ref', 'refs/heads/main', commit]);
    expect(git(gitDir, ['fsck', '--strict', '--full'])).toBe('');
  });

  test('are refused with the folder where nothing can be written', async () => {
    const gitDir = join(folder, 'locked.git');
    mkdirSync(gitDir);
    writeFileSync(join(gitDir, 'objects'), 'a file, not a folder');
    await expect(writeLooseObject(gitDir, 'sha1', 'blob', Buffer.from('x'))).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      message: expect.stringContaining(gitDir),
    });
  });
});

describe('the reader', () => {
  test('gives objects of every size in one answer, tells what is missing, and sees what was written meanwhile', async () => {
    const gitDir = createGitDir('read');
    const contents = ['', 'x\n\nfake-id blob 3\n', 'y'.repeat(3_000_000)].map(text => Buffer.from(text));
    const ids: string[] = [];
    for (const content of contents) ids.push(git(gitDir, ['hash-object', '-w', '--stdin'], content));
    await using reader = openObjectReader({ cwd: gitDir, gitDir, environment }, 60_000);
    const absent = 'f'.repeat(40);
    const found = await reader.read([...ids, absent]);
    expect([...found.keys()]).toEqual(ids);
    expect(ids.map(id => found.get(id)?.content.equals(contents[ids.indexOf(id)]!))).toEqual([
      true,
      true,
      true,
    ]);
    const late = await writeLooseObject(gitDir, 'sha1', 'blob', Buffer.from('late'));
    expect(await reader.missing([absent, late])).toEqual([absent]);
    // Questions asked at once are answered one after the other, each with its own.
    const [one, other] = await Promise.all([reader.read([late]), reader.read([ids[1]!])]);
    expect([one.get(late)?.content.toString(), other.size]).toEqual(['late', 1]);
  });

  test('fails, and does not hang, where there is no repository and where there is no git', async () => {
    const nowhere = join(folder, 'nowhere');
    mkdirSync(nowhere);
    await using reader = openObjectReader({ cwd: nowhere, gitDir: nowhere, environment }, 60_000);
    await expect(reader.read(['f'.repeat(40)])).rejects.toHaveProperty('code');
    const bare = { ...environment, variables: { PATH: nowhere } };
    await using without = openObjectReader({ cwd: nowhere, gitDir: nowhere, environment: bare }, 60_000);
    await expect(without.missing(['f'.repeat(40)])).rejects.toMatchObject({ code: 'GIT_NOT_FOUND' });
  });
});

test('folders that killed processes left are removed: old ones, of processes that are no more, and nothing else', async () => {
  const temporary = join(folder, 'left');
  // The highest number that a process can have here is far below.
  const dead = 2 ** 30;
  const long = new Date(Date.now() - 7 * 3600 * 1000);
  const names = {
    old: `quickserveml-git-${dead}-old`,
    young: `quickserveml-git-${dead}-young`,
    alive: `quickserveml-git-${process.pid}-alive`,
    other: 'quickserveml-git-notes',
  };
  for (const name of Object.values(names)) mkdirSync(join(temporary, name, 'objects'), { recursive: true });
  for (const name of [names.old, names.alive, names.other]) utimesSync(join(temporary, name), long, long);
  const fresh = await createScratchFolder(temporary);
  expect(
    readdirSync(temporary)
      .map(name => join(temporary, name))
      .sort(),
  ).toEqual([fresh, ...[names.young, names.alive, names.other].map(name => join(temporary, name))].sort());
});
