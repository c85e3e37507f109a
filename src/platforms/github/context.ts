import type { BaseHint, CiContext } from '../context.ts';
import { type Environment, variable, webAddress } from '../environment.ts';
import { commitId, idAt, stringAt, valueAt } from '../json-values.ts';

const none = (reason: string): BaseHint => ({ kind: 'none', reason });

/**
 * The context of a GitHub Actions run, from its variables and the event's JSON (null where it could not be read).
 * Labels are left empty: the event has those of the moment when it was sent, and a label that is added later must count.
 */
export function readGitHubContext(env: Environment, event: unknown): CiContext {
  const eventName = variable(env, 'GITHUB_EVENT_NAME') ?? '';
  const ref = variable(env, 'GITHUB_REF') ?? '';
  const repository = variable(env, 'GITHUB_REPOSITORY');
  const server = webAddress(env, 'GITHUB_SERVER_URL');
  const runId = variable(env, 'GITHUB_RUN_ID');
  const pullRequest = readPullRequest(eventName, event);
  const headSha = headCommit(env, eventName, event, pullRequest);
  const branch = pullRequest === null ? branchOf(ref) : stringAt(event, 'pull_request', 'head', 'ref');
  const defaultBranch = stringAt(event, 'repository', 'default_branch');
  const home = server === null || repository === null ? null : `${server}/${repository}`;
  const kind = eventKind(eventName, ref, pullRequest);
  return {
    platform: 'github',
    event: kind,
    repository,
    headSha,
    branch,
    defaultBranch,
    // A schedule runs on the default branch only, and its event may not say which one that is.
    onDefaultBranch:
      kind === 'schedule' ||
      (pullRequest === null && branch !== null && branch === defaultBranch && kind !== 'other'),
    base: baseHint(eventName, event, { branch, defaultBranch, isTag: ref.startsWith('refs/tags/') }),
    pullRequest,
    actor: variable(env, 'GITHUB_ACTOR'),
    runUrl: home === null || runId === null ? null : `${home}/actions/runs/${encodeURIComponent(runId)}`,
    filesUrl: home === null || headSha === null ? null : `${home}/blob/${headSha}`,
  };
}

const branchOf = (ref: string): string | null =>
  ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : null;

const PULL_REQUEST_EVENTS: ReadonlySet<string> = new Set([
  'pull_request',
  'pull_request_target',
  'pull_request_review',
]);

function readPullRequest(eventName: string, event: unknown): CiContext['pullRequest'] {
  if (!PULL_REQUEST_EVENTS.has(eventName)) return null;
  const number = idAt(event, 'pull_request', 'number');
  const headSha = commitId(stringAt(event, 'pull_request', 'head', 'sha'));
  const baseRef = stringAt(event, 'pull_request', 'base', 'ref');
  if (number === null || headSha === null || baseRef === null) return null;
  const headRepository = stringAt(event, 'pull_request', 'head', 'repo', 'full_name');
  const baseRepository = stringAt(event, 'pull_request', 'base', 'repo', 'full_name');
  // A head repository that is gone (null) was a fork: one's own cannot be deleted under the pull request.
  return {
    number,
    headSha,
    baseRef,
    fromFork: headRepository === null || headRepository !== baseRepository,
    labels: [],
  };
}

function headCommit(
  env: Environment,
  eventName: string,
  event: unknown,
  pullRequest: CiContext['pullRequest'],
): string | null {
  if (pullRequest !== null) return pullRequest.headSha;
  if (eventName === 'merge_group')
    return commitId(stringAt(event, 'merge_group', 'head_sha')) ?? commitId(variable(env, 'GITHUB_SHA'));
  if (eventName === 'workflow_run') return commitId(stringAt(event, 'workflow_run', 'head_sha'));
  return commitId(variable(env, 'GITHUB_SHA'));
}

function eventKind(
  eventName: string,
  ref: string,
  pullRequest: CiContext['pullRequest'],
): CiContext['event'] {
  if (pullRequest !== null) return 'pull-request';
  switch (eventName) {
    case 'push':
      return ref.startsWith('refs/tags/') ? 'tag' : 'push';
    case 'release':
    case 'create':
      return ref.startsWith('refs/tags/') ? 'tag' : 'other';
    case 'schedule':
      return 'schedule';
    case 'workflow_dispatch':
    case 'repository_dispatch':
      return 'manual';
    default:
      return 'other';
  }
}

interface RefFacts {
  readonly branch: string | null;
  readonly defaultBranch: string | null;
  readonly isTag: boolean;
}

/** The merge base with the default branch, for runs on another branch that name no base themselves. */
function againstDefaultBranch(facts: RefFacts, otherwise: string): BaseHint {
  if (facts.branch === null || facts.defaultBranch === null || facts.branch === facts.defaultBranch)
    return none(otherwise);
  return { kind: 'merge-base', of: facts.defaultBranch, role: `merge base of ${facts.defaultBranch}` };
}

function baseHint(eventName: string, event: unknown, facts: RefFacts): BaseHint {
  if (PULL_REQUEST_EVENTS.has(eventName)) return pullRequestBase(eventName, event);
  if (facts.isTag) return none('a tag has no base to compare with');
  switch (eventName) {
    case 'push': {
      if (valueAt(event, 'deleted') === true) return none('the branch was deleted');
      const before = commitId(stringAt(event, 'before'));
      if (before !== null)
        return { kind: 'commit', sha: before, role: `${facts.branch ?? 'the branch'} before the push` };
      return againstDefaultBranch(
        facts,
        event === null ? 'the event file cannot be read' : 'the branch is new',
      );
    }
    case 'merge_group': {
      const base = commitId(stringAt(event, 'merge_group', 'base_sha'));
      return base === null
        ? none('the merge queue named no base')
        : { kind: 'commit', sha: base, role: 'base of the merge group' };
    }
    case 'schedule':
      return againstDefaultBranch(facts, 'a scheduled run has no change to compare');
    case 'workflow_dispatch':
    case 'repository_dispatch':
      return againstDefaultBranch(
        facts,
        'a run started by hand on the default branch has no change to compare; name one with --base',
      );
    default:
      return none(`the event ${eventName === '' ? 'of this run' : eventName} names no base`);
  }
}

function pullRequestBase(eventName: string, event: unknown): BaseHint {
  const baseSha = commitId(stringAt(event, 'pull_request', 'base', 'sha'));
  const baseRef = stringAt(event, 'pull_request', 'base', 'ref');
  if (baseSha === null) return none('the event of the pull request names no base');
  const mergeBase: BaseHint = {
    kind: 'merge-base',
    of: baseSha,
    role: `merge base of ${baseRef ?? 'the target branch'}`,
  };
  // Only `pull_request` checks out the merge commit; `pull_request_target` has the target branch, or what the workflow chose.
  return eventName === 'pull_request' ? { kind: 'merge-commit', fallback: mergeBase } : mergeBase;
}
