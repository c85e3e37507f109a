import type { BaseHint, CiContext } from '../context.ts';
import { type Environment, variable, webAddress } from '../environment.ts';
import { commitId, parseId } from '../json-values.ts';

const none = (reason: string): BaseHint => ({ kind: 'none', reason });

/** The context of a GitLab CI job, from its predefined variables. Labels are read by API at run time. */
export function readGitLabContext(env: Environment): CiContext {
  const mergeRequest = readMergeRequest(env);
  const tag = variable(env, 'CI_COMMIT_TAG');
  const defaultBranch = variable(env, 'CI_DEFAULT_BRANCH');
  const branch =
    mergeRequest === null
      ? variable(env, 'CI_COMMIT_BRANCH')
      : variable(env, 'CI_MERGE_REQUEST_SOURCE_BRANCH_NAME');
  const headSha = mergeRequest?.headSha ?? commitId(variable(env, 'CI_COMMIT_SHA'));
  const home = webAddress(env, 'CI_PROJECT_URL');
  const source = variable(env, 'CI_PIPELINE_SOURCE') ?? '';
  return {
    platform: 'gitlab',
    event: eventKind(source, tag, mergeRequest),
    repository: variable(env, 'CI_PROJECT_PATH'),
    headSha,
    branch,
    defaultBranch,
    onDefaultBranch: mergeRequest === null && tag === null && branch !== null && branch === defaultBranch,
    base: baseHint(env, { mergeRequest, tag, branch, defaultBranch, source }),
    pullRequest: mergeRequest,
    actor: variable(env, 'GITLAB_USER_LOGIN'),
    runUrl: webAddress(env, 'CI_JOB_URL') ?? webAddress(env, 'CI_PIPELINE_URL'),
    filesUrl: home === null || headSha === null ? null : `${home}/-/blob/${headSha}`,
  };
}

function readMergeRequest(env: Environment): CiContext['pullRequest'] {
  const number = parseId(env['CI_MERGE_REQUEST_IID']);
  // In a merged-results pipeline CI_COMMIT_SHA is the temporary merge; the branch's own tip has its own variable.
  const headSha =
    commitId(variable(env, 'CI_MERGE_REQUEST_SOURCE_BRANCH_SHA')) ?? commitId(variable(env, 'CI_COMMIT_SHA'));
  const baseRef = variable(env, 'CI_MERGE_REQUEST_TARGET_BRANCH_NAME');
  if (number === null || headSha === null || baseRef === null) return null;
  const source = variable(env, 'CI_MERGE_REQUEST_SOURCE_PROJECT_ID');
  const target = variable(env, 'CI_MERGE_REQUEST_PROJECT_ID');
  return { number, headSha, baseRef, fromFork: source !== target, labels: [] };
}

function eventKind(
  source: string,
  tag: string | null,
  mergeRequest: CiContext['pullRequest'],
): CiContext['event'] {
  if (mergeRequest !== null) return 'pull-request';
  if (tag !== null) return 'tag';
  switch (source) {
    case 'push':
      return 'push';
    case 'schedule':
      return 'schedule';
    case 'web':
    case 'api':
    case 'trigger':
    case 'chat':
      return 'manual';
    default:
      return 'other';
  }
}

interface Facts {
  readonly mergeRequest: CiContext['pullRequest'];
  readonly tag: string | null;
  readonly branch: string | null;
  readonly defaultBranch: string | null;
  readonly source: string;
}

function baseHint(env: Environment, facts: Facts): BaseHint {
  if (facts.mergeRequest !== null) return mergeRequestBase(env, facts.mergeRequest.baseRef);
  if (facts.tag !== null) return none('a tag has no base to compare with');
  const before = commitId(variable(env, 'CI_COMMIT_BEFORE_SHA'));
  // GitLab sets all zeros for a new branch, a schedule and a pipeline that was started by hand.
  if (facts.source === 'push' && before !== null) {
    return { kind: 'commit', sha: before, role: `${facts.branch ?? 'the branch'} before the push` };
  }
  if (facts.branch !== null && facts.defaultBranch !== null && facts.branch !== facts.defaultBranch) {
    return { kind: 'merge-base', of: facts.defaultBranch, role: `merge base of ${facts.defaultBranch}` };
  }
  return none(facts.source === 'push' ? 'the branch is new' : 'this pipeline has no change to compare');
}

function mergeRequestBase(env: Environment, baseRef: string): BaseHint {
  const diffBase = commitId(variable(env, 'CI_MERGE_REQUEST_DIFF_BASE_SHA'));
  const role = `merge base of ${baseRef}`;
  const fallback: BaseHint =
    diffBase === null ? { kind: 'merge-base', of: baseRef, role } : { kind: 'commit', sha: diffBase, role };
  const type = variable(env, 'CI_MERGE_REQUEST_EVENT_TYPE');
  return type === 'merged_result' || type === 'merge_train' ? { kind: 'merge-commit', fallback } : fallback;
}
