import type { AlertPlace } from '../../config/alerts.ts';
import type { Remote } from '../../git/repository.ts';
import { type IssueTracker, updateAlertIssue } from '../../platforms/alerts/alert-issue.ts';
import type { CiContext } from '../../platforms/context.ts';
import { gitHubIssues } from '../../platforms/github/alert-issues.ts';
import { createGitHubClient } from '../../platforms/github/client.ts';
import { gitLabIssues } from '../../platforms/gitlab/alert-issues.ts';
import { createGitLabClient } from '../../platforms/gitlab/client.ts';
import { issueMarker, issueTitle, renderIssueBody, renderIssueComment } from '../../report/alerts/issue.ts';
import type { AlertNews } from '../../report/alerts/news.ts';
import type { Surroundings } from '../surroundings.ts';

type IssuePlace = Extract<AlertPlace, { kind: 'issue' }>;

/** Where issues are, from the CI that this is or else from the address of the clone's remote. */
interface Host {
  readonly kind: 'github' | 'gitlab';
  readonly apiUrl: string;
  /** `owner/name`, or the id or path of a project. */
  readonly repository: string;
}

export type PlaceOutcome =
  | { readonly kind: 'arrived'; readonly detail: string }
  | { readonly kind: 'failed'; readonly reason: string };

const withoutSuffix = (path: string): string => path.replace(/^\/+/u, '').replace(/\.git$/u, '');

/** `https://host/path`, `ssh://git@host/path` or `git@host:path`. */
function readRemote(remote: Remote | null): { readonly host: string; readonly path: string } | null {
  const url = remote?.url ?? '';
  const short = /^[^/@:]+@([^/:]+):(.+)$/u.exec(url);
  if (short !== null) return { host: short[1] ?? '', path: withoutSuffix(short[2] ?? '') };
  if (!URL.canParse(url)) return null;
  const { host, pathname, protocol } = new URL(url);
  return protocol === 'file:' ? null : { host, path: withoutSuffix(pathname) };
}

export function issueHost(context: CiContext, remote: Remote | null, env: Surroundings['env']): Host | null {
  if (context.platform === 'github' && context.repository !== null)
    return {
      kind: 'github',
      apiUrl: env['GITHUB_API_URL'] ?? 'https://api.github.com',
      repository: context.repository,
    };
  if (context.platform === 'gitlab') {
    const project = env['CI_PROJECT_ID'] ?? context.repository;
    const apiUrl = env['CI_API_V4_URL'] ?? 'https://gitlab.com/api/v4';
    return project === null ? null : { kind: 'gitlab', apiUrl, repository: project };
  }
  const place = readRemote(remote);
  const own = context.repository ?? place?.path ?? '';
  if (env['GITHUB_API_URL'] !== undefined)
    return { kind: 'github', apiUrl: env['GITHUB_API_URL'], repository: own };
  if (env['GITLAB_API_URL'] !== undefined)
    return { kind: 'gitlab', apiUrl: env['GITLAB_API_URL'], repository: own };
  if (place === null) return null;
  if (place.host === 'github.com')
    return { kind: 'github', apiUrl: 'https://api.github.com', repository: place.path };
  if (place.host.includes('github'))
    return { kind: 'github', apiUrl: `https://${place.host}/api/v3`, repository: place.path };
  return place.host.includes('gitlab')
    ? { kind: 'gitlab', apiUrl: `https://${place.host}/api/v4`, repository: place.path }
    : null;
}

async function openTracker(
  place: IssuePlace,
  host: Host,
  token: string,
  world: Surroundings,
): Promise<IssueTracker | null> {
  const repository = place.repository ?? host.repository;
  const shared = {
    apiUrl: host.apiUrl,
    userAgent: `quickserveml/${world.toolVersion}`,
    environment: world.env,
    ...world.patience,
  };
  if (host.kind === 'gitlab')
    return gitLabIssues(
      createGitLabClient({ ...shared, token: { kind: 'access-token', value: token }, project: repository }),
    );
  const [owner, repo] = repository.split('/');
  if (owner === undefined || repo === undefined) return null;
  return gitHubIssues(await createGitHubClient({ ...shared, token, owner, repo }));
}

const failed = (reason: string): PlaceOutcome => ({ kind: 'failed', reason });

/** Brings the issue up to date. Never throws for what the platform does. */
export async function tellIssue(
  place: IssuePlace,
  news: AlertNews,
  where: { readonly context: CiContext; readonly remote: Remote | null },
  world: Surroundings,
): Promise<PlaceOutcome> {
  const host = issueHost(where.context, where.remote, world.env);
  if (host === null)
    return failed(
      'it is not known whether the issue is on GitHub or GitLab (set GITHUB_API_URL or GITLAB_API_URL)',
    );
  const variable = place.tokenEnv ?? (host.kind === 'github' ? 'GITHUB_TOKEN' : 'GITLAB_TOKEN');
  const token = world.env[variable] ?? '';
  if (token === '') return failed(`there is no token (set ${variable})`);
  const tracker = await openTracker(place, host, token, world);
  if (tracker === null)
    return failed('the repository is not known (set its `repository` in quickserveml.yml)');
  const marker = issueMarker(news.kind);
  const isOpen = news.kind === 'test' || news.standing.length > 0;
  const labels = place.labels;
  const title = issueTitle(news.kind);
  const body = renderIssueBody(news);
  const opened = await updateAlertIssue(tracker, {
    marker,
    title,
    body,
    comment: news.items.length === 0 ? null : renderIssueComment(news),
    isOpen,
    labels,
  });
  if (opened.kind === 'failed' || news.kind !== 'test')
    return opened.kind === 'failed'
      ? opened
      : { kind: 'arrived', detail: `${opened.action} ${opened.url}`.trim() };
  // The sample is closed again at once.
  const closed = await updateAlertIssue(tracker, {
    marker,
    title,
    body,
    comment: null,
    isOpen: false,
    labels,
  });
  return closed.kind === 'failed' ? closed : { kind: 'arrived', detail: `opened and closed ${opened.url}` };
}
