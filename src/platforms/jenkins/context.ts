import type { BaseHint, CiContext } from '../context.ts';
import { cleanAddress, type Environment, variable, webAddress } from '../environment.ts';
import { commitId, parseId } from '../json-values.ts';

/** The context of a Jenkins build, from the variables of its git and branch-source plugins. */
export function readJenkinsContext(env: Environment): CiContext {
  const pullRequest = readPullRequest(env);
  const branch = pullRequest === null ? branchName(env) : (variable(env, 'CHANGE_BRANCH') ?? null);
  const isPrimary = env['BRANCH_IS_PRIMARY'] === 'true';
  const tag = variable(env, 'TAG_NAME');
  const headSha = pullRequest?.headSha ?? commitId(variable(env, 'GIT_COMMIT'));
  const home = repositoryAddress(env);
  return {
    platform: 'jenkins',
    event: pullRequest !== null ? 'pull-request' : tag !== null ? 'tag' : 'push',
    repository: home === null ? null : new URL(home).pathname.replace(/^\/+/u, ''),
    headSha,
    branch,
    // Jenkins says of a branch whether it is the primary one, not which one that is.
    defaultBranch: isPrimary ? branch : null,
    onDefaultBranch: isPrimary && pullRequest === null && tag === null && branch !== null,
    base: baseHint(env, pullRequest, branch, tag),
    pullRequest,
    actor: variable(env, 'CHANGE_AUTHOR'),
    runUrl: webAddress(env, 'BUILD_URL'),
    filesUrl:
      home === null || headSha === null ? null : `${home}${isGitLab(env, home) ? '/-' : ''}/blob/${headSha}`,
  };
}

/** Plain jobs of the git plugin have `origin/main` in GIT_BRANCH; multibranch jobs have BRANCH_NAME. */
function branchName(env: Environment): string | null {
  const branch = variable(env, 'BRANCH_NAME');
  if (branch !== null) return branch;
  const remote = variable(env, 'GIT_BRANCH');
  return remote === null ? null : remote.replace(/^origin\//u, '');
}

function readPullRequest(env: Environment): CiContext['pullRequest'] {
  const number = parseId(env['CHANGE_ID']);
  const baseRef = variable(env, 'CHANGE_TARGET');
  const headSha = commitId(variable(env, 'GIT_COMMIT'));
  if (number === null || baseRef === null || headSha === null) return null;
  return { number, headSha, baseRef, fromFork: variable(env, 'CHANGE_FORK') !== null, labels: [] };
}

function baseHint(
  env: Environment,
  pullRequest: CiContext['pullRequest'],
  branch: string | null,
  tag: string | null,
): BaseHint {
  // Whether HEAD is the source's tip or a merge made by Jenkins depends on the job's strategy; the merge base is right for both.
  if (pullRequest !== null) {
    return { kind: 'merge-base', of: pullRequest.baseRef, role: `merge base of ${pullRequest.baseRef}` };
  }
  if (tag !== null) return { kind: 'none', reason: 'a tag has no base to compare with' };
  const previous = commitId(variable(env, 'GIT_PREVIOUS_COMMIT'));
  const current = commitId(variable(env, 'GIT_COMMIT'));
  if (previous === null) return { kind: 'none', reason: 'this is the first build of the branch' };
  if (previous === current) return { kind: 'none', reason: 'the previous build was of the same commit' };
  return { kind: 'commit', sha: previous, role: `previous build of ${branch ?? 'the branch'}` };
}

/** The repository's page, from the pull request's (`.../pull/12`, `.../-/merge_requests/12`) or the clone address. */
function repositoryAddress(env: Environment): string | null {
  const change = webAddress(env, 'CHANGE_URL');
  const fromChange =
    change === null ? null : /^(.+?)\/(?:pull|-\/merge_requests|merge_requests)\/\d+$/u.exec(change)?.[1];
  if (fromChange !== undefined && fromChange !== null) return fromChange;
  const clone = variable(env, 'GIT_URL');
  const ssh = clone === null ? null : /^(?:ssh:\/\/)?git@([^:/]+)(?::\d+)?[:/](.+)$/u.exec(clone);
  const address = ssh === null ? clone : `https://${ssh[1] ?? ''}/${ssh[2] ?? ''}`;
  return cleanAddress(address)?.replace(/\.git$/u, '') ?? null;
}

const isGitLab = (env: Environment, home: string): boolean =>
  /\/-\/merge_requests\//u.test(variable(env, 'CHANGE_URL') ?? '') ||
  new URL(home).hostname.startsWith('gitlab.');
