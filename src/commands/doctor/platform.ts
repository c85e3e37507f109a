import type { Config } from '../../config/config.ts';
import type { CiContext } from '../../platforms/context.ts';
import type { GitHubClient } from '../../platforms/github/client.ts';
import { FOLLOW_UP_HINT } from '../../platforms/github/follow-up-hint.ts';
import { readBranchProtection, readRepositoryAccess } from '../../platforms/github/token-facts.ts';
import { NOTE_TOKEN_HINT } from '../../platforms/gitlab/notes.ts';
import {
  readBranchProtection as readGitLabProtection,
  readTokenFacts,
} from '../../platforms/gitlab/token-facts.ts';
import { protectionHint } from '../../registry/write-failures.ts';
import { type GitLabAccess, openPullRequest, type PullRequest } from '../pull-request.ts';
import type { Surroundings } from '../surroundings.ts';
import { type DoctorLine, ok, warning } from './line.ts';

/** A token that ends sooner is named. */
const SOON_MS = 14 * 24 * 3600 * 1000;

const protectedLine = (branch: string, whom: string): DoctorLine =>
  warning('registry', `The branch ${branch} is protected${whom}.`, protectionHint(branch));

/** Whether the pull request of this run can be read with the token, and what stands against a comment. */
async function commentLines(
  pullRequest: PullRequest,
  author: string | null,
  isFork: boolean,
): Promise<readonly DoctorLine[]> {
  const { reach, number } = pullRequest;
  if (reach === null) return [];
  const access = await reach.thread(number ?? 0, author);
  if (access.kind === 'not-permitted')
    return [warning('platform', `No comment: ${access.reason}.`, access.hint)];
  if (isFork) {
    return [
      warning('platform', 'The pull request comes from a fork: its token may not comment.', FOLLOW_UP_HINT),
    ];
  }
  if (number === null) return [ok('platform', 'Comments: tried when a pull request is there')];
  const first = await access.thread.list(1);
  return [
    first.kind === 'ok'
      ? ok(
          'platform',
          `The comments of #${number} can be read; writing one needs the permission, which no API tells`,
        )
      : warning(
          'platform',
          `The comments of #${number} cannot be read: ${first.reason}.`,
          access.thread.hint,
        ),
  ];
}

async function gitHubLines(client: GitHubClient, config: Config): Promise<readonly DoctorLine[]> {
  const access = await readRepositoryAccess(client);
  if (access.kind === 'unknown') {
    return [
      warning(
        'platform',
        `The token cannot read ${client.owner}/${client.repo}: ${access.reason}.`,
        'Check GITHUB_TOKEN: it must belong to this repository, with `contents: read` at least.',
      ),
    ];
  }
  const may =
    access.mayPush === null ? '' : access.mayPush ? ', may push by its role' : ', may not push by its role';
  const { branch } = config.registry;
  const isProtected = await readBranchProtection(client, branch);
  return [
    ok('platform', `The token reads ${client.owner}/${client.repo}${may}`),
    ...(isProtected === true ? [protectedLine(branch, '')] : []),
  ];
}

async function accessTokenLines({ client }: GitLabAccess, nowMs: number): Promise<readonly DoctorLine[]> {
  const facts = await readTokenFacts(client);
  // Tokens of other kinds (OAuth) have no such page; whether they can comment is tried elsewhere.
  if (facts.kind === 'unknown') return [ok('platform', 'GITLAB_TOKEN: its scopes cannot be asked for')];
  const scopes = facts.scopes.join(', ');
  const ends = facts.expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(facts.expiresAt);
  return [
    facts.scopes.includes('api')
      ? ok('platform', `GITLAB_TOKEN has the scopes ${scopes}`)
      : warning(
          'platform',
          `GITLAB_TOKEN has the scopes ${scopes}, not api: it cannot write notes.`,
          NOTE_TOKEN_HINT,
        ),
    ...(ends - nowMs < SOON_MS
      ? [
          warning(
            'platform',
            `GITLAB_TOKEN ends on ${facts.expiresAt}.`,
            'Rotate it (Settings, Access tokens) and put the new one into the variable.',
          ),
        ]
      : []),
  ];
}

async function gitLabLines(
  access: GitLabAccess,
  config: Config,
  nowMs: number,
): Promise<readonly DoctorLine[]> {
  const { branch } = config.registry;
  const allowed = await readGitLabProtection(access.client, branch);
  return [
    ...(access.tokenKind === 'access-token'
      ? await accessTokenLines(access, nowMs)
      : [ok('platform', 'CI_JOB_TOKEN is the only token: it reads, and never writes notes')]),
    ...(allowed === null
      ? []
      : [protectedLine(branch, `; allowed to push: ${allowed.join(', ') || 'nobody'}`)]),
  ];
}

/** Jenkins hands over tokens as variables, and tells which change it builds. */
function jenkinsLines(env: Surroundings['env']): readonly DoctorLine[] {
  const given = ['GITHUB_TOKEN', 'GITLAB_TOKEN'].filter(name => (env[name] ?? '') !== '');
  return [
    given.length > 0
      ? ok('platform', `Credentials: ${given.join(', ')} ${given.length === 1 ? 'is' : 'are'} set`)
      : warning(
          'platform',
          'Credentials: neither GITHUB_TOKEN nor GITLAB_TOKEN is set.',
          "Give the step a secret text: credentialsId: 'api-token' (docs/jenkins.md).",
        ),
    (env['CHANGE_URL'] ?? '') === ''
      ? ok('platform', 'CHANGE_URL is not set: this is no build of a pull request')
      : ok('platform', `Pull request: ${env['CHANGE_URL']}`),
  ];
}

const NAMES = { github: 'GitHub Actions', gitlab: 'GitLab CI', jenkins: 'Jenkins' } as const;

/** The CI, its token as far as its API tells, the comment, and the protection of the registry branch. */
export async function platformLines(
  config: Config,
  context: CiContext,
  author: string | null,
  world: Surroundings,
): Promise<readonly DoctorLine[]> {
  const pullRequest = await openPullRequest(context, world, null);
  if (context.platform === 'local') {
    return [ok('platform', `Comments: none here, since ${pullRequest.whyNot}`)];
  }
  const head = [
    ok('platform', NAMES[context.platform]),
    ...(context.platform === 'jenkins' ? jenkinsLines(world.env) : []),
  ];
  if (pullRequest.reach === null) {
    const hint =
      context.platform === 'gitlab'
        ? NOTE_TOKEN_HINT
        : 'Verdict and reports are the same without it; docs/comments.md says what a comment needs.';
    return [...head, warning('platform', `No comment: ${pullRequest.whyNot}.`, hint)];
  }
  const { gitHub, gitLab } = pullRequest;
  return [
    ...head,
    ...(gitHub === null ? [] : await gitHubLines(gitHub, config)),
    ...(gitLab === null ? [] : await gitLabLines(gitLab, config, world.now())),
    ...(config.comment.enabled
      ? await commentLines(pullRequest, author, context.pullRequest?.fromFork === true)
      : [ok('platform', 'Comments are switched off (comment.enabled)')]),
  ];
}
