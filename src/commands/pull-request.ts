import type { CiContext } from '../platforms/context.ts';
import { createGitHubClient, type GitHubClient } from '../platforms/github/client.ts';
import { DEFAULT_COMMENT_AUTHOR, gitHubThread } from '../platforms/github/comment.ts';
import { readMergedLabels, readPullRequestLabels } from '../platforms/github/labels.ts';
import { createGitLabClient, type GitLabClient, type GitLabToken } from '../platforms/gitlab/client.ts';
import { readMergedRequestLabels, readMergeRequestLabels } from '../platforms/gitlab/labels.ts';
import { gitLabThread, NOTE_TOKEN_HINT, readTokenUser } from '../platforms/gitlab/notes.ts';
import { readChangeHost } from '../platforms/jenkins/change-host.ts';
import type { LabelsOutcome } from '../platforms/labels.ts';
import { otherCiName } from '../platforms/other-ci.ts';
import { type CommentOutcome, type CommentThread, upsertStickyComment } from '../platforms/sticky-comment.ts';
import { renderComment } from '../report/comment.ts';
import { commentMarker } from '../report/comment-marker.ts';
import { GITHUB_COMMENT_MAX_CHARACTERS, GITLAB_NOTE_BYTES } from '../report/host-limits.ts';
import type { Report } from '../report/report.ts';
import type { Surroundings } from './surroundings.ts';

/** Where a comment can be put, or why it cannot. */
export type ThreadAccess =
  | { readonly kind: 'open'; readonly thread: CommentThread; readonly budgetBytes: number }
  /** The token may not comment. */
  | { readonly kind: 'not-permitted'; readonly reason: string; readonly hint: string };

/** The pull or merge request of a run, as far as the platform and a token let it be reached. */
export interface PullRequest {
  readonly number: number | null;
  /** null: nothing can be asked or said, and `whyNot` says why. */
  readonly reach: Reach | null;
  readonly whyNot: string;
  /** GitHub's client, for what only GitHub has. */
  readonly gitHub: GitHubClient | null;
  /** GitLab's client with the kind of its token, likewise. */
  readonly gitLab: GitLabAccess | null;
  /** Labels now, or of the pull request that a pushed commit merged; none where they cannot be read, which is logged. */
  labels(): Promise<readonly string[]>;
}

export interface GitLabAccess {
  readonly client: GitLabClient;
  readonly tokenKind: GitLabToken['kind'];
}

/** What a platform lets a token do with one pull request. */
interface Reach {
  /** @param author login under which the token comments; null: the platform's default, or what the token says. */
  thread(number: number, author: string | null): Promise<ThreadAccess>;
  labelsOf(number: number): Promise<LabelsOutcome>;
  mergedLabels(sha: string, branch: string): Promise<LabelsOutcome>;
}

const DEFAULT_GITHUB_API = 'https://api.github.com';
const DEFAULT_GITLAB_API = 'https://gitlab.com/api/v4';

/**
 * @param token null: GITHUB_TOKEN, or GITLAB_TOKEN and CI_JOB_TOKEN, of the environment, if there is one.
 */
export async function openPullRequest(
  context: CiContext,
  world: Surroundings,
  token: string | null,
): Promise<PullRequest> {
  const number = context.pullRequest?.number ?? null;
  const opened = await openReach(context, world, token);
  if ('whyNot' in opened)
    return { number, reach: null, gitHub: null, gitLab: null, whyNot: opened.whyNot, labels: async () => [] };
  const { reach, gitHub, gitLab } = opened;
  return { number, reach, gitHub, gitLab, whyNot: '', labels: () => readLabels(context, reach, world) };
}

type Opened =
  | {
      readonly reach: Reach;
      readonly gitHub: GitHubClient | null;
      readonly gitLab: GitLabAccess | null;
    }
  | { readonly whyNot: string };

async function openReach(context: CiContext, world: Surroundings, token: string | null): Promise<Opened> {
  const { env } = world;
  switch (context.platform) {
    case 'local': {
      const name = otherCiName(env);
      return {
        whyNot:
          name === null ? 'this is not a CI run' : `${name} is not commented on; the reports are written`,
      };
    }
    case 'github': {
      // It speaks GitHub's protocol to its jobs, and an API of its own.
      if (env['GITEA_ACTIONS'] === 'true')
        return { whyNot: 'Gitea Actions is not commented on; the reports are written' };
      const [owner, repo] = context.repository?.split('/') ?? [];
      if (owner === undefined || repo === undefined) return { whyNot: 'the repository is not known' };
      return openGitHub(
        { apiUrl: env['GITHUB_API_URL'] ?? DEFAULT_GITHUB_API, owner, repo, author: DEFAULT_COMMENT_AUTHOR },
        world,
        token,
      );
    }
    case 'gitlab': {
      const project = env['CI_MERGE_REQUEST_PROJECT_ID'] ?? env['CI_PROJECT_ID'] ?? context.repository;
      if (project === null) return { whyNot: 'the project is not known' };
      const iid = context.pullRequest?.number;
      const home = env['CI_MERGE_REQUEST_PROJECT_URL'] ?? env['CI_PROJECT_URL'];
      const pageUrl = home === undefined || iid === undefined ? null : `${home}/-/merge_requests/${iid}`;
      return openGitLab(
        { apiUrl: env['CI_API_V4_URL'] ?? DEFAULT_GITLAB_API, project, pageUrl },
        world,
        token,
      );
    }
    case 'jenkins': {
      const host = readChangeHost(env);
      if (host === null)
        return { whyNot: 'CHANGE_URL names no pull request of GitHub and no merge request of GitLab' };
      return host.kind === 'github'
        ? openGitHub({ ...host, apiUrl: env['GITHUB_API_URL'] ?? host.apiUrl, author: null }, world, token)
        : openGitLab({ ...host, apiUrl: env['GITLAB_API_URL'] ?? host.apiUrl }, world, token);
    }
  }
}

interface GitHubPlace {
  readonly apiUrl: string;
  readonly owner: string;
  readonly repo: string;
  /** Who comments unless told otherwise; null: nobody can know. */
  readonly author: string | null;
}

async function openGitHub(place: GitHubPlace, world: Surroundings, given: string | null): Promise<Opened> {
  const token = given ?? world.env['GITHUB_TOKEN'] ?? '';
  if (token === '')
    return { whyNot: 'there is no token (set GITHUB_TOKEN; in a Jenkinsfile by `credentialsId`)' };
  const client = await createGitHubClient({
    token,
    apiUrl: place.apiUrl,
    owner: place.owner,
    repo: place.repo,
    userAgent: `quickserveml/${world.toolVersion}`,
    environment: world.env,
    ...world.patience,
  });
  const reach: Reach = {
    async thread(number, author) {
      const login = author ?? place.author;
      // The token may not ask who it is; without the login every run would leave another comment.
      if (login === null)
        return {
          kind: 'not-permitted',
          reason: 'it is not known as whom the token comments',
          hint: 'Name the login with --comment-author, in a Jenkinsfile with `commentAuthor`, for example `my-app[bot]`.',
        };
      return {
        kind: 'open',
        thread: gitHubThread(client, number, [login]),
        budgetBytes: GITHUB_COMMENT_MAX_CHARACTERS,
      };
    },
    labelsOf: number => readPullRequestLabels(client, number),
    mergedLabels: (sha, branch) => readMergedLabels(client, sha, branch),
  };
  return { reach, gitHub: client, gitLab: null };
}

interface GitLabPlace {
  readonly apiUrl: string;
  readonly project: string;
  readonly pageUrl: string | null;
}

function gitLabToken(world: Surroundings, given: string | null): GitLabToken | null {
  const access = given ?? world.env['GITLAB_TOKEN'] ?? '';
  if (access !== '') return { kind: 'access-token', value: access };
  const job = world.env['CI_JOB_TOKEN'] ?? '';
  return job === '' ? null : { kind: 'job-token', value: job };
}

function openGitLab(place: GitLabPlace, world: Surroundings, given: string | null): Opened {
  const token = gitLabToken(world, given);
  if (token === null) {
    return {
      whyNot:
        'there is no token (GITLAB_TOKEN: a project access token with the role Reporter and the scope `api`, docs/gitlab.md)',
    };
  }
  const client = createGitLabClient({
    token,
    apiUrl: place.apiUrl,
    project: place.project,
    userAgent: `quickserveml/${world.toolVersion}`,
    environment: world.env,
    ...world.patience,
  });
  const reach: Reach = {
    thread: (number, author) => openNotes(client, token, number, author, place.pageUrl),
    labelsOf: number => readMergeRequestLabels(client, number),
    mergedLabels: (sha, branch) => readMergedRequestLabels(client, sha, branch),
  };
  return { reach, gitHub: null, gitLab: { client, tokenKind: token.kind } };
}

/** Asks before anything is posted whether the token can: a job token never may, and a scope too small is named. */
async function openNotes(
  client: GitLabClient,
  token: GitLabToken,
  number: number,
  author: string | null,
  pageUrl: string | null,
): Promise<ThreadAccess> {
  if (token.kind === 'job-token') {
    return {
      kind: 'not-permitted',
      reason: 'CI_JOB_TOKEN may not write notes, and GITLAB_TOKEN is not set',
      hint: NOTE_TOKEN_HINT,
    };
  }
  const user = await readTokenUser(client);
  if (user.kind === 'unknown')
    return {
      kind: 'not-permitted',
      reason: `GITLAB_TOKEN cannot be used: ${user.reason}`,
      hint: NOTE_TOKEN_HINT,
    };
  return {
    kind: 'open',
    thread: gitLabThread(client, number, author ?? user.username, pageUrl),
    budgetBytes: GITLAB_NOTE_BYTES,
  };
}

async function readLabels(context: CiContext, reach: Reach, world: Surroundings): Promise<readonly string[]> {
  let outcome: LabelsOutcome;
  if (context.pullRequest !== null) outcome = await reach.labelsOf(context.pullRequest.number);
  else if (context.event === 'push' && context.headSha !== null && context.branch !== null) {
    outcome = await reach.mergedLabels(context.headSha, context.branch);
  } else return [];
  if (outcome.kind === 'read') return outcome.labels;
  world.progress.step(`No label counts: ${outcome.reason}`);
  return [];
}

export interface PostOutcome {
  readonly comment: CommentOutcome | null;
  /** One line for the log. */
  readonly message: string;
}

/** Posts the comment of a report. Never throws for what the platform does: a comment decides nothing. */
export async function postReport(
  report: Report,
  pullRequest: PullRequest,
  options: { readonly key: string; readonly author?: string; readonly reportUrl?: string | null },
): Promise<PostOutcome> {
  const { reach, number } = pullRequest;
  if (reach === null) return { comment: null, message: `No comment: ${pullRequest.whyNot}.` };
  if (number === null) return { comment: null, message: 'No comment: this run belongs to no pull request.' };
  const access = await reach.thread(number, options.author ?? null);
  const comment =
    access.kind === 'open'
      ? await upsertStickyComment(access.thread, {
          marker: commentMarker(options.key),
          body: renderComment(report, {
            key: options.key,
            budgetBytes: access.budgetBytes,
            reportUrl: options.reportUrl ?? null,
          }),
        })
      : access;
  return { comment, message: describeOutcome(comment) };
}

function describeOutcome(comment: CommentOutcome): string {
  switch (comment.kind) {
    case 'posted': {
      const left =
        comment.leftBehind === undefined
          ? ''
          : ` An older comment by ${comment.leftBehind} may not be edited and stays.`;
      return `Comment ${comment.action}${comment.url === '' ? '.' : `: ${comment.url}`}${left}`;
    }
    case 'not-permitted':
      return `No comment: ${comment.reason}. ${comment.hint}`;
    case 'failed':
      return `No comment: ${comment.reason}. The report is saved all the same.`;
  }
}
