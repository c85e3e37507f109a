import type { Surroundings } from '../../src/commands/surroundings.ts';
import { type PlannedNews, type Told, tellPlaces } from '../../src/commands/watch/tell-places.ts';
import type { AlertPlace } from '../../src/config/alerts.ts';
import { readCiContext } from '../../src/platforms/detect.ts';
import type { AlertItem, AlertNews } from '../../src/report/alerts/news.ts';
import { GitHubServer, TEST_TOKEN } from './github-server.ts';
import { GITLAB_TOKEN, GitLabServer } from './gitlab-server.ts';
import { testSurroundings } from './surroundings.ts';
import { WebhookServer } from './webhook-server.ts';

export const PAGER_SECRET = 'a secret of at least some length';
export const SLACK_PATH = '/services/T00000000/verySecretPath';
export const HOSTILE =
  '<!channel> <https://evil.example|ok> @everyone [x](https://evil.example) *b* `c` \u202Eabc';

export const ISSUE: AlertPlace = {
  name: 'tracker',
  kind: 'issue',
  tokenEnv: null,
  repository: null,
  labels: [],
};
export const PLACES: readonly AlertPlace[] = [
  ISSUE,
  { name: 'team', kind: 'slack', urlEnv: 'SLACK' },
  { name: 'office', kind: 'teams', urlEnv: 'TEAMS' },
  { name: 'pager', kind: 'webhook', urlEnv: 'PAGER', secretEnv: 'PAGER_SECRET' },
];

export const item = (model = 'digits', change: AlertItem['change'] = 'degraded'): AlertItem => ({
  model,
  version: '1.3.0',
  change,
  health: {
    state: change === 'recovered' ? 'healthy' : 'degraded',
    version: '1.3.0',
    since: change === 'recovered' ? null : '2026-11-26T03:10:00.000Z',
    problems:
      change === 'recovered'
        ? []
        : [
            {
              kind: 'worse',
              metric: 'latency',
              now: 2.42,
              reference: { typical: 2, low: 1.9, high: 2.1, points: 20 },
            },
          ],
  },
  machine: 'A CPU, 2 cores',
  onset: null,
});

const FACTS = {
  at: '2026-11-26T03:10:00.000Z',
  repository: 'acme/models',
  runUrl: 'https://github.example/acme/models/actions/runs/7',
};
export const newsOf = (items: readonly AlertItem[], more: Partial<AlertNews> = {}): AlertNews => ({
  id: `msg_${items.map(({ model, change }) => `${model}${change}`).join('')}`,
  kind: 'change',
  createdAt: FACTS.at,
  repository: FACTS.repository,
  runUrl: FACTS.runUrl,
  items,
  standing: items.filter(({ health }) => health.state === 'degraded'),
  ...more,
});

type Environment = Surroundings['env'];

/** For answers that come: a busy machine may need some of it. */
const TIMEOUT_MS = 10_000;

/** GitHub, GitLab and a receiver of webhooks on loopback, and how places that are there are told. */
export class AlertWorld implements AsyncDisposable {
  readonly github: GitHubServer;
  readonly gitlab: GitLabServer;
  readonly hooks: WebhookServer;
  /** How long an answer is waited for. */
  timeoutMs = TIMEOUT_MS;

  private constructor(github: GitHubServer, gitlab: GitLabServer, hooks: WebhookServer) {
    this.github = github;
    this.gitlab = gitlab;
    this.hooks = hooks;
  }

  static async start(): Promise<AlertWorld> {
    return new AlertWorld(
      await GitHubServer.start(),
      await GitLabServer.start(),
      await WebhookServer.start(),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.github, this.gitlab, this.hooks]) await server[Symbol.asyncDispose]();
  }

  get violations(): readonly string[] {
    return [...this.github.violations, ...this.gitlab.violations];
  }

  environment(platform: 'github' | 'gitlab' = 'github'): Environment {
    return {
      PATH: process.env['PATH'],
      SLACK: this.hooks.urlOf(SLACK_PATH),
      TEAMS: this.hooks.urlOf('/workflows/1?sig=secretOfTeams'),
      PAGER: this.hooks.urlOf('/pager'),
      PAGER_SECRET,
      ...(platform === 'github'
        ? {
            GITHUB_ACTIONS: 'true',
            GITHUB_REPOSITORY: 'acme/models',
            GITHUB_API_URL: this.github.apiUrl,
            GITHUB_TOKEN: TEST_TOKEN,
          }
        : { GITLAB_CI: 'true', CI_PROJECT_ID: '42', CI_API_V4_URL: this.gitlab.apiUrl, GITLAB_TOKEN }),
    };
  }

  tell(
    news: AlertNews,
    places: readonly AlertPlace[] = PLACES,
    env = this.environment(),
  ): Promise<readonly Told[]> {
    const planned: readonly PlannedNews[] = places.map(place => ({ place, news, cases: [] }));
    const context = readCiContext(env, () => '{}');
    return tellPlaces(planned, PLACES, { context, remote: null }, alertSurroundings(env, this.timeoutMs));
  }
}

export const alertSurroundings = (env: Environment, timeoutMs = TIMEOUT_MS): Surroundings => ({
  ...testSurroundings(),
  env,
  patience: { timeoutMs, maxBodyBytes: 300_000, backoffMs: 1, sleep: async () => undefined },
});

export const kindsOf = (told: readonly Told[]): readonly string[] => told.map(({ outcome }) => outcome.kind);
