import { describe, expect, it } from 'vitest';
import type { CiContext } from '../../../src/platforms/context.ts';
import { readCiContext } from '../../../src/platforms/detect.ts';

const HEAD = 'a'.repeat(40);
const BASE = 'b'.repeat(40);
const MERGE = 'c'.repeat(40);
const ZEROS = '0'.repeat(40);

const noFile = (): string => {
  throw new Error('there is no event file');
};

function github(eventName: string, event: unknown, env: Readonly<Record<string, string>> = {}): CiContext {
  return readCiContext(
    {
      GITHUB_ACTIONS: 'true',
      GITHUB_EVENT_NAME: eventName,
      GITHUB_EVENT_PATH: '/event.json',
      GITHUB_REPOSITORY: 'acme/models',
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_RUN_ID: '4711',
      GITHUB_SHA: MERGE,
      GITHUB_REF: 'refs/heads/main',
      GITHUB_ACTOR: 'ada',
      ...env,
    },
    () => JSON.stringify(event),
  );
}

const repository = { default_branch: 'main' };
const pullRequest = (headRepository: string | null): unknown => ({
  repository,
  pull_request: {
    number: 12,
    labels: [{ name: 'of-the-event' }],
    head: { ref: 'topic', sha: HEAD, repo: headRepository === null ? null : { full_name: headRepository } },
    base: { ref: 'main', sha: BASE, repo: { full_name: 'acme/models' } },
  },
});

describe('GitHub: a pull request', () => {
  it('has the merge commit checked out: its first parent is the base, else the merge base', () => {
    const context = github('pull_request', pullRequest('acme/models'), { GITHUB_REF: 'refs/pull/12/merge' });
    expect(context).toEqual({
      platform: 'github',
      event: 'pull-request',
      repository: 'acme/models',
      headSha: HEAD,
      branch: 'topic',
      defaultBranch: 'main',
      onDefaultBranch: false,
      base: { kind: 'merge-commit', fallback: { kind: 'merge-base', of: BASE, role: 'merge base of main' } },
      pullRequest: { number: 12, headSha: HEAD, baseRef: 'main', fromFork: false, labels: [] },
      actor: 'ada',
      runUrl: 'https://github.example/acme/models/actions/runs/4711',
      filesUrl: `https://github.example/acme/models/blob/${HEAD}`,
    });
  });

  it('from a fork is told by its head repository, also when that is gone', () => {
    expect(github('pull_request', pullRequest('eve/models')).pullRequest?.fromFork).toBe(true);
    expect(github('pull_request', pullRequest(null)).pullRequest?.fromFork).toBe(true);
  });

  it('never takes labels from the event: they may have changed since', () => {
    expect(github('pull_request', pullRequest('acme/models')).pullRequest?.labels).toEqual([]);
  });

  it('under pull_request_target does not have the merge commit', () => {
    expect(github('pull_request_target', pullRequest('eve/models')).base).toMatchObject({
      kind: 'merge-base',
      of: BASE,
    });
  });

  it('whose branch is called like the default branch is not on it', () => {
    const event = pullRequest('eve/models') as { pull_request: { head: { ref: string } } };
    event.pull_request.head.ref = 'main';
    expect(github('pull_request', event).onDefaultBranch).toBe(false);
  });
});

describe('GitHub: a push', () => {
  it('is compared with the commit before it', () => {
    const context = github('push', { repository, before: BASE });
    expect(context).toMatchObject({
      event: 'push',
      onDefaultBranch: true,
      headSha: MERGE,
      pullRequest: null,
      base: { kind: 'commit', sha: BASE, role: 'main before the push' },
    });
  });

  it('of a new branch is compared with the merge base of the default branch', () => {
    const context = github('push', { repository, before: ZEROS }, { GITHUB_REF: 'refs/heads/topic' });
    expect(context.base).toEqual({ kind: 'merge-base', of: 'main', role: 'merge base of main' });
    expect(context.onDefaultBranch).toBe(false);
  });

  it('that makes the default branch, or deletes one, has no base', () => {
    expect(github('push', { repository, before: ZEROS }).base).toMatchObject({
      kind: 'none',
      reason: 'the branch is new',
    });
    expect(github('push', { repository, before: BASE, deleted: true }).base).toMatchObject({ kind: 'none' });
  });

  it('of a tag is a tag and has no base', () => {
    const context = github('push', { repository, before: ZEROS }, { GITHUB_REF: 'refs/tags/v1' });
    expect(context).toMatchObject({
      event: 'tag',
      branch: null,
      onDefaultBranch: false,
      base: { kind: 'none' },
    });
  });

  it('goes on without an event file, and says so', () => {
    const context = readCiContext(
      {
        GITHUB_ACTIONS: 'true',
        GITHUB_EVENT_NAME: 'push',
        GITHUB_EVENT_PATH: '/gone',
        GITHUB_REF: 'refs/heads/main',
      },
      noFile,
    );
    expect(context.base).toEqual({ kind: 'none', reason: 'the event file cannot be read' });
    expect(context.onDefaultBranch).toBe(false);
  });
});

describe('GitHub: other events', () => {
  it('a merge group is compared with its base and never records', () => {
    const context = github(
      'merge_group',
      { repository, merge_group: { head_sha: HEAD, base_sha: BASE } },
      { GITHUB_REF: 'refs/heads/gh-readonly-queue/main/pr-12' },
    );
    expect(context).toMatchObject({
      event: 'other',
      headSha: HEAD,
      onDefaultBranch: false,
      base: { kind: 'commit', sha: BASE },
    });
  });

  it('a schedule or a start by hand compares a branch with the default branch, and that with nothing', () => {
    expect(github('schedule', { repository }).base).toMatchObject({ kind: 'none' });
    expect(github('schedule', { repository })).toMatchObject({ event: 'schedule', onDefaultBranch: true });
    expect(github('workflow_dispatch', { repository }, { GITHUB_REF: 'refs/heads/topic' })).toMatchObject({
      event: 'manual',
      base: { kind: 'merge-base', of: 'main' },
    });
  });

  it('a release is a tag', () => {
    expect(github('release', { repository }, { GITHUB_REF: 'refs/tags/v2' }).event).toBe('tag');
  });

  it('a followed run is of the commit that was measured, and on no branch', () => {
    const event = { repository, workflow_run: { head_sha: HEAD } };
    expect(github('workflow_run', event)).toMatchObject({
      event: 'other',
      headSha: HEAD,
      onDefaultBranch: false,
      base: { kind: 'none' },
    });
  });

  it.each([null, 'text', [], { pull_request: 7 }, { pull_request: { number: '12' } }])(
    'a misshapen event (%j) is no exception',
    event => {
      expect(github('pull_request', event)).toMatchObject({ pullRequest: null, base: { kind: 'none' } });
    },
  );
});

function gitlab(env: Readonly<Record<string, string>>): CiContext {
  return readCiContext(
    {
      GITLAB_CI: 'true',
      CI_PROJECT_PATH: 'group/models',
      CI_PROJECT_URL: 'https://gitlab.example/group/models',
      CI_JOB_URL: 'https://gitlab.example/group/models/-/jobs/9',
      CI_DEFAULT_BRANCH: 'main',
      CI_COMMIT_SHA: HEAD,
      GITLAB_USER_LOGIN: 'ada',
      ...env,
    },
    noFile,
  );
}

const mergeRequest = {
  CI_PIPELINE_SOURCE: 'merge_request_event',
  CI_MERGE_REQUEST_IID: '12',
  CI_MERGE_REQUEST_ID: '999',
  CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'topic',
  CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
  CI_MERGE_REQUEST_PROJECT_ID: '1',
  CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '1',
  CI_MERGE_REQUEST_DIFF_BASE_SHA: BASE,
};

describe('GitLab', () => {
  it('a merge request is compared with its diff base', () => {
    expect(gitlab(mergeRequest)).toMatchObject({
      platform: 'gitlab',
      event: 'pull-request',
      repository: 'group/models',
      branch: 'topic',
      onDefaultBranch: false,
      base: { kind: 'commit', sha: BASE, role: 'merge base of main' },
      pullRequest: { number: 12, headSha: HEAD, baseRef: 'main', fromFork: false },
      runUrl: 'https://gitlab.example/group/models/-/jobs/9',
      filesUrl: `https://gitlab.example/group/models/-/blob/${HEAD}`,
    });
  });

  it('a merged-results pipeline has a merge commit checked out, and the tip of the branch in its own variable', () => {
    const context = gitlab({
      ...mergeRequest,
      CI_MERGE_REQUEST_EVENT_TYPE: 'merged_result',
      CI_COMMIT_SHA: MERGE,
      CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: HEAD,
    });
    expect(context.base).toEqual({
      kind: 'merge-commit',
      fallback: { kind: 'commit', sha: BASE, role: 'merge base of main' },
    });
    expect(context.headSha).toBe(HEAD);
  });

  it('a fork is told by its project', () => {
    expect(gitlab({ ...mergeRequest, CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '2' }).pullRequest?.fromFork).toBe(
      true,
    );
  });

  it('a push is compared with the commit before it, a new branch with the default branch', () => {
    expect(
      gitlab({ CI_PIPELINE_SOURCE: 'push', CI_COMMIT_BRANCH: 'main', CI_COMMIT_BEFORE_SHA: BASE }),
    ).toMatchObject({
      event: 'push',
      onDefaultBranch: true,
      base: { kind: 'commit', sha: BASE },
    });
    expect(
      gitlab({ CI_PIPELINE_SOURCE: 'push', CI_COMMIT_BRANCH: 'topic', CI_COMMIT_BEFORE_SHA: ZEROS }).base,
    ).toMatchObject({ kind: 'merge-base', of: 'main' });
  });

  it('a schedule and a tag have no base', () => {
    expect(
      gitlab({ CI_PIPELINE_SOURCE: 'schedule', CI_COMMIT_BRANCH: 'main', CI_COMMIT_BEFORE_SHA: ZEROS }),
    ).toMatchObject({ event: 'schedule', base: { kind: 'none' } });
    expect(gitlab({ CI_PIPELINE_SOURCE: 'push', CI_COMMIT_TAG: 'v1' })).toMatchObject({
      event: 'tag',
      onDefaultBranch: false,
      base: { kind: 'none' },
    });
  });
});

function jenkins(env: Readonly<Record<string, string>>): CiContext {
  return readCiContext(
    {
      JENKINS_URL: 'https://jenkins.example/',
      BUILD_URL: 'https://jenkins.example/job/models/7/',
      GIT_COMMIT: HEAD,
      ...env,
    },
    noFile,
  );
}

describe('Jenkins', () => {
  it('a change request is compared with the merge base of its target', () => {
    const context = jenkins({
      CHANGE_ID: '12',
      CHANGE_TARGET: 'main',
      CHANGE_BRANCH: 'topic',
      BRANCH_NAME: 'PR-12',
      CHANGE_URL: 'https://github.example/acme/models/pull/12',
    });
    expect(context).toMatchObject({
      platform: 'jenkins',
      event: 'pull-request',
      repository: 'acme/models',
      branch: 'topic',
      base: { kind: 'merge-base', of: 'main' },
      pullRequest: { number: 12, baseRef: 'main', fromFork: false },
      filesUrl: `https://github.example/acme/models/blob/${HEAD}`,
    });
    expect(
      jenkins({ CHANGE_ID: '12', CHANGE_TARGET: 'main', CHANGE_FORK: 'eve' }).pullRequest?.fromFork,
    ).toBe(true);
  });

  it('a branch is compared with its previous build, and is the default one where Jenkins says so', () => {
    expect(
      jenkins({ BRANCH_NAME: 'main', BRANCH_IS_PRIMARY: 'true', GIT_PREVIOUS_COMMIT: BASE }),
    ).toMatchObject({
      event: 'push',
      onDefaultBranch: true,
      base: { kind: 'commit', sha: BASE },
    });
    expect(jenkins({ BRANCH_NAME: 'main', GIT_PREVIOUS_COMMIT: BASE }).onDefaultBranch).toBe(false);
    expect(jenkins({ BRANCH_NAME: 'main', GIT_PREVIOUS_COMMIT: HEAD }).base.kind).toBe('none');
    expect(jenkins({ BRANCH_NAME: 'main' }).base).toMatchObject({
      kind: 'none',
      reason: 'this is the first build of the branch',
    });
  });

  it('never shows credentials of the clone address', () => {
    const context = jenkins({
      BRANCH_NAME: 'main',
      GIT_URL: 'https://ada:secret@github.example/acme/models.git',
    });
    expect(context.repository).toBe('acme/models');
    expect(JSON.stringify(context)).not.toContain('secret');
    expect(
      jenkins({ BRANCH_NAME: 'main', GIT_URL: 'git@gitlab.example:group/sub/models.git' }).filesUrl,
    ).toBe(`https://gitlab.example/group/sub/models/-/blob/${HEAD}`);
  });
});

describe('anywhere else', () => {
  it('is a laptop', () => {
    expect(readCiContext({ CI: 'true', GITHUB_SHA: HEAD }, noFile)).toMatchObject({
      platform: 'local',
      base: { kind: 'local' },
      pullRequest: null,
    });
  });
});
