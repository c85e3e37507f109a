import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { takeBack } from './installed-copy.ts';
import { projectRoot } from './requirements.ts';

/** Where a file of a commit comes from: a fixture model (`digits` puts model.onnx and what lies beside it) or a text. */
export type Content =
  | { readonly model: string }
  | { readonly text: string }
  | { readonly file: string }
  | null;
export type Contents = Readonly<Record<string, Content>>;

const identity = {
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.invalid',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.invalid',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  // The product may own what the test looks into.
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'safe.directory',
  GIT_CONFIG_VALUE_0: '*',
};

export function git(cwd: string, ...args: readonly string[]): string {
  return execFileSync('git', args, {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: tmpdir(), ...identity },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

export const fixtureModel = (name: string): string => join(projectRoot, 'fixtures/models', name);

function put(folder: string, path: string, content: Content): void {
  const target = join(folder, path);
  if (content === null) {
    rmSync(target, { recursive: true, force: true });
    return;
  }
  mkdirSync(dirname(target), { recursive: true });
  if ('text' in content) writeFileSync(target, content.text);
  else if ('file' in content) cpSync(content.file, target);
  else {
    cpSync(join(fixtureModel(content.model), 'model.onnx'), target);
    const weights = join(fixtureModel(content.model), 'weights.bin');
    if (existsSync(weights)) cpSync(weights, join(dirname(target), 'weights.bin'));
  }
}

/** A bare remote with a main branch, and the work tree that feeds it. Disposed with `using`. */
export interface TestRemote extends Disposable {
  readonly folder: string;
  readonly bare: string;
  /** Commits the contents on the branch (made from `from` when it is new) and pushes it. */
  commit(
    branch: string,
    contents: Contents,
    options?: { readonly from?: string; readonly message?: string },
  ): string;
  /** Makes the merge commit of a pull request as GitHub does, at refs/pull/<number>/merge. */
  mergeRef(number: number, head: string): string;
  /** A depth-1 checkout of a ref with a detached HEAD, as actions/checkout leaves it. */
  checkout(ref: string, options?: { readonly url?: string; readonly folder?: string }): string;
  /** Points a clone's origin elsewhere. */
  setUrl(clone: string, url: string): void;
  /** Files of the registry branch, path by path; empty when there is no branch. */
  registryFiles(): readonly string[];
  registryFile(path: string): string;
}

/** @param like the bare repository of another one, of which this is a copy; without it there is nothing in it */
export function createTestRemote(like?: string): TestRemote {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'quickserveml remote ')));
  // The product may run as another user, who has to get to the clones in here.
  chmodSync(folder, 0o755);
  const bare = join(folder, 'remote.git');
  const work = join(folder, 'work');
  if (like === undefined) {
    mkdirSync(bare);
    git(bare, 'init', '--quiet', '--bare', '--initial-branch=main');
    for (const key of ['uploadpack.allowFilter', 'uploadpack.allowAnySHA1InWant', 'http.receivepack']) {
      git(bare, 'config', key, 'true');
    }
  } else cpSync(like, bare, { recursive: true });
  git(folder, 'clone', '--quiet', bare, work);
  let checkouts = 0;
  return {
    folder,
    bare,
    commit(branch, contents, { from, message = 'Change' } = {}) {
      takeBack(folder);
      const exists = git(work, 'branch', '--list', branch) !== '';
      if (exists) git(work, 'checkout', '--quiet', branch);
      else git(work, 'checkout', '--quiet', '-B', branch, ...(from === undefined ? [] : [from]));
      for (const [path, content] of Object.entries(contents)) put(work, path, content);
      git(work, 'add', '--all');
      git(work, 'commit', '--quiet', '--allow-empty', '-m', message);
      git(work, 'push', '--quiet', 'origin', branch);
      return git(work, 'rev-parse', 'HEAD');
    },
    mergeRef(number, head) {
      takeBack(folder);
      const base = git(work, 'rev-parse', 'refs/heads/main');
      git(work, 'checkout', '--quiet', '--detach', base);
      git(work, 'merge', '--quiet', '--no-ff', '-m', `Merge ${head} into ${base}`, head);
      const merged = git(work, 'rev-parse', 'HEAD');
      git(work, 'push', '--quiet', '--force', 'origin', `${merged}:refs/pull/${number}/merge`);
      return merged;
    },
    checkout(ref, { url = `file://${bare}`, folder: name = `checkout ${++checkouts}` } = {}) {
      const clone = join(folder, name);
      mkdirSync(clone, { recursive: true });
      git(clone, 'init', '--quiet', '--initial-branch=main');
      git(clone, 'remote', 'add', 'origin', url);
      git(
        clone,
        'fetch',
        '--quiet',
        '--no-tags',
        '--depth=1',
        'origin',
        `+${ref}:refs/remotes/pull/checkout`,
      );
      git(clone, 'checkout', '--quiet', '--force', '--detach', 'refs/remotes/pull/checkout');
      return clone;
    },
    setUrl: (clone, url) => void git(clone, 'remote', 'set-url', 'origin', url),
    registryFiles() {
      if (git(bare, 'branch', '--list', 'quickserveml') === '') return [];
      return git(bare, 'ls-tree', '-r', '--name-only', 'quickserveml').split('\n');
    },
    registryFile: path => git(bare, 'show', `quickserveml:${path}`),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The part of a `pull_request` event that matters, shaped as GitHub sends it. */
export function pullRequestEvent(options: {
  readonly repository: string;
  readonly number: number;
  readonly headSha: string;
  readonly baseSha: string;
  readonly fork?: boolean;
}): object {
  const { repository, number, headSha, baseSha, fork = false } = options;
  return {
    action: 'synchronize',
    number,
    repository: {
      full_name: repository,
      default_branch: 'main',
      html_url: `https://github.example/${repository}`,
    },
    sender: { login: 'ada' },
    pull_request: {
      number,
      head: { sha: headSha, ref: 'change', repo: { full_name: fork ? 'mallory/models' : repository, fork } },
      base: { sha: baseSha, ref: 'main', repo: { full_name: repository, fork: false } },
      labels: [],
    },
  };
}
