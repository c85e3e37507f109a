import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type GitEnvironment, gitEnvironment } from '../../src/git/git-environment.ts';

/** A folder that goes away with its scope. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'quickserveml-test-'));
  return {
    path,
    [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

const identity = {
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
};

function plainEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'));
  return { ...Object.fromEntries(inherited), GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
}

/** Runs git as a person would; throws with what it said. */
export function git(cwd: string, ...args: string[]): string {
  const result = spawnSync('git', args, {
    cwd,
    env: { ...plainEnvironment(), ...identity },
    encoding: 'utf8',
  });
  if (result.status !== 0)
    throw new Error(`git ${args.join(' ')}: ${result.stderr}${String(result.error ?? '')}`);
  return result.stdout.trim();
}

/** The environment that the code under test gets: no configuration of this machine, temporary files in `folder`. */
export function testEnvironment(
  folder: string,
  more: Readonly<Record<string, string | undefined>> = {},
): GitEnvironment {
  return gitEnvironment({ ...plainEnvironment(), TMPDIR: join(folder, 'tmp'), ...more });
}

export interface BareOptions {
  /** Filters and wants by id, as the big hosts have them. Default: true. */
  readonly filters?: boolean;
}

/** A bare repository `<folder>/<name>.git` with the default branch main. */
export function createBare(folder: string, name = 'remote', { filters = true }: BareOptions = {}): string {
  const path = join(folder, `${name}.git`);
  git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', path);
  git(path, 'config', 'uploadpack.allowFilter', String(filters));
  git(path, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  git(path, 'config', 'uploadpack.allowReachableSHA1InWant', 'true');
  git(path, 'config', 'http.receivepack', 'true');
  return path;
}

export type Files = Readonly<Record<string, string | Buffer | null>>;

/** Writes, stages and commits; null removes a file. Returns the commit's id. */
export function commitFiles(clone: string, files: Files, message = 'change'): string {
  for (const [path, content] of Object.entries(files)) {
    const file = join(clone, path);
    mkdirSync(dirname(file), { recursive: true });
    if (content === null) rmSync(file, { force: true });
    else writeFileSync(file, content);
  }
  git(clone, 'add', '--all');
  git(clone, 'commit', '--quiet', '--allow-empty', '-m', message);
  return git(clone, 'rev-parse', 'HEAD');
}

/** A new repository `<folder>/<name>` on main, with `remote` as origin where given. */
export function createClone(folder: string, name = 'work', remote?: string): string {
  const path = join(folder, name);
  git(folder, 'init', '--quiet', '--initial-branch=main', path);
  if (remote !== undefined) git(path, 'remote', 'add', 'origin', remote);
  return path;
}

/**
 * Digest of everything in a clone that must not change: work tree, index, refs, configuration, hooks, shallow file.
 * Objects are left out, and so are the times of files.
 */
export function snapshot(clone: string): Readonly<Record<string, string>> {
  const digests: Record<string, string> = {};
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(clone, folder)).sort()) {
      const path = join(folder, name);
      if (path === '.git/objects') continue;
      const found = statSync(join(clone, path), { throwIfNoEntry: false });
      if (found?.isDirectory()) walk(path);
      else
        digests[path] = createHash('sha256')
          .update(readFileSync(join(clone, path)))
          .digest('hex');
    }
  };
  walk('');
  return digests;
}

/** Bytes that look like a model: reproducible, not compressible. */
export function bytesOf(seed: string, sizeBytes: number): Buffer {
  const chunks: Buffer[] = [];
  for (let index = 0, length = 0; length < sizeBytes; index += 1, length += 32) {
    chunks.push(createHash('sha256').update(`${seed}:${index}`).digest());
  }
  return Buffer.concat(chunks).subarray(0, sizeBytes);
}

export const sha256 = (bytes: string | Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');
