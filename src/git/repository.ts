import { existsSync } from 'node:fs';
import { QuickServeError } from '../shared/errors.ts';
import {
  combineCredentials,
  type RemoteCredentials,
  separateUrlCredentials,
  storedCredentials,
  tokenCredentials,
} from './credentials.ts';
import type { GitEnvironment } from './git-environment.ts';
import { type GitCommand, type GitOutput, runGit } from './git-process.ts';

/** A remote repository and what it takes to reach it. */
export interface Remote {
  /** `origin`, or the address where there is no name. */
  readonly name: string;
  /** Without user and password. */
  readonly url: string;
  readonly credentials: RemoteCredentials;
}

/** The user's clone, as it was when it was opened. Nothing in src/git writes to it. */
export interface Repository {
  /** Absolute path of the work tree. */
  readonly root: string;
  /** Absolute path of the git folder that all work trees share. */
  readonly gitDir: string;
  readonly objectFormat: 'sha1' | 'sha256';
  /** null before the first commit. */
  readonly headSha: string | null;
  /** null where HEAD is detached. */
  readonly branch: string | null;
  readonly isShallow: boolean;
  /** The clone itself lacks objects, so it may not be trusted when it says what it has. */
  readonly isPartial: boolean;
  /** The remote of the current branch, else `origin`, else the only one; null where there is none. */
  readonly remote: Remote | null;
  readonly environment: GitEnvironment;
}

/** Runs git in the user's clone. Only commands that read may be given. */
export function readGit(
  repository: Pick<Repository, 'root' | 'environment'>,
  args: readonly string[],
  options: Partial<Pick<GitCommand, 'accept' | 'config' | 'stdin' | 'timeoutMs'>> = {},
): Promise<GitOutput> {
  return runGit({
    args,
    cwd: repository.root,
    environment: repository.environment,
    // A missing object is an answer here; git must not fetch it into the user's clone.
    variables: { GIT_NO_LAZY_FETCH: '1' },
    ...options,
  });
}

const lineOf = (output: GitOutput): string => output.stdout.toString('utf8').replace(/\r?\n$/, '');

async function configOf(
  root: string,
  environment: GitEnvironment,
  pattern: string,
): Promise<Map<string, string>> {
  const output = await readGit({ root, environment }, ['config', '-z', '--get-regexp', pattern], {
    accept: [0, 1],
  });
  const values = new Map<string, string>();
  for (const entry of output.stdout.toString('utf8').split('\0')) {
    const end = entry.indexOf('\n');
    if (end > 0) values.set(entry.slice(0, end), entry.slice(end + 1));
  }
  return values;
}

async function remoteOf(
  root: string,
  environment: GitEnvironment,
  branch: string | null,
  config: ReadonlyMap<string, string>,
): Promise<Remote | null> {
  const names = lineOf(await readGit({ root, environment }, ['remote']))
    .split('\n')
    .filter(name => name !== '');
  const wanted = branch === null ? undefined : config.get(`branch.${branch}.remote`);
  const name =
    names.find(candidate => candidate === wanted) ??
    names.find(candidate => candidate === 'origin') ??
    (names.length === 1 ? names[0] : undefined);
  if (name === undefined) return null;
  // get-url applies url.*.insteadOf, which a throw-away store would not know of.
  const address =
    lineOf(await readGit({ root, environment }, ['remote', 'get-url', '--', name])).split('\n')[0] ?? '';
  const { url, credentials } = separateUrlCredentials(address);
  const stored = await storedCredentials(root, environment);
  return { name, url: absoluteUrl(root, url), credentials: combineCredentials(stored, credentials) };
}

/** A remote may be a path relative to the clone; a throw-away store lies elsewhere. */
function absoluteUrl(root: string, url: string): string {
  return url.startsWith('./') || url.startsWith('../') ? `${root}/${url}` : url;
}

/**
 * Opens the clone that `folder` lies in, for reading. `token` authenticates at an HTTP remote, in place of what the
 * clone stores; `user` is the name that goes with it.
 * @throws QuickServeError NOT_A_REPOSITORY, GIT_NOT_FOUND, GIT_FAILED.
 */
export async function openRepository(
  folder: string,
  options: { readonly environment: GitEnvironment; readonly token?: string; readonly user?: string },
): Promise<Repository> {
  const { environment } = options;
  if (!existsSync(folder)) {
    throw new QuickServeError({
      code: 'NOT_A_REPOSITORY',
      message: `There is no folder ${folder}.`,
      hint: 'Correct --cwd, or `working-directory` where the check runs in CI.',
    });
  }
  const at = { root: folder, environment };
  const facts = lineOf(
    await readGit(at, [
      'rev-parse',
      '--path-format=absolute',
      '--show-toplevel',
      '--git-common-dir',
      '--is-shallow-repository',
      '--show-object-format',
    ]),
  ).split('\n');
  const [root, gitDir, shallow, objectFormat] = facts;
  if (root === undefined || gitDir === undefined || facts.length !== 4) {
    throw new QuickServeError({
      code: 'NOT_A_REPOSITORY',
      message: `${folder} is not inside a git repository with a work tree that can be read.`,
      hint: 'Run inside a clone whose path has no line break, or name one with --cwd.',
    });
  }
  const head = await readGit({ root, environment }, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], {
    accept: [0, 1, 128],
  });
  const symbolic = await readGit({ root, environment }, ['symbolic-ref', '--quiet', '--short', 'HEAD'], {
    accept: [0, 1],
  });
  const branch = symbolic.exitCode === 0 ? lineOf(symbolic) : null;
  const config = await configOf(
    root,
    environment,
    '^branch\\.|^extensions\\.partialclone$|^remote\\..*\\.promisor$',
  );
  const remote = await remoteOf(root, environment, branch, config);
  const withToken =
    remote === null || options.token === undefined || options.token === ''
      ? remote
      : withTokenFor(remote, options.token, options.user);
  return {
    root,
    gitDir,
    objectFormat: objectFormat === 'sha256' ? 'sha256' : 'sha1',
    headSha: head.exitCode === 0 ? lineOf(head) : null,
    branch,
    isShallow: shallow === 'true',
    isPartial: [...config].some(
      ([key, value]) => key === 'extensions.partialclone' || (key.endsWith('.promisor') && value !== 'false'),
    ),
    remote: withToken,
    environment,
  };
}

/** The same remote, reached with a token. */
export function withTokenFor(remote: Remote, token: string, user?: string): Remote {
  return {
    ...remote,
    credentials: combineCredentials(remote.credentials, tokenCredentials(remote.url, token, user)),
  };
}
