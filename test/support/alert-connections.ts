import { tellPlace } from '../../src/commands/watch/alert-places.ts';
import type { AlertPlace } from '../../src/config/alerts.ts';
import type { Environment } from '../../src/network/settings.ts';
import { readCiContext } from '../../src/platforms/detect.ts';
import { alertSurroundings, ISSUE, item, newsOf, PAGER_SECRET } from './alert-world.ts';
import { addressOf } from './closed-network.ts';
import { GitHubServer, TEST_TOKEN } from './github-server.ts';
import { WebhookServer } from './webhook-server.ts';

export type Scheme = 'http' | 'https';

/** One kind of connection that the tool opens: its server, and a use of it under an environment. */
export interface Kind extends AsyncDisposable {
  readonly server: string;
  use(scheme: Scheme, environment: Environment): Promise<unknown>;
}

/** One place that is told of an alert: where it is, and how it is asked. */
async function alertKind(
  server: AsyncDisposable & { readonly address: string },
  place: AlertPlace,
  where: (scheme: Scheme) => Readonly<Record<string, string>>,
): Promise<Kind> {
  return {
    server: server.address,
    async use(scheme, environment) {
      const env = { ...environment, ...where(scheme) };
      const context = readCiContext(env, () => '{}');
      const job = { context, remote: null };
      const told = await tellPlace(place, newsOf([item()]), [place], job, alertSurroundings(env));
      if (told.kind === 'failed') throw new Error(told.reason);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export const webhookKind = async (): Promise<Kind> => {
  const server = await WebhookServer.start();
  return alertKind(
    { address: server.urlOf('/'), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() },
    { name: 'pager', kind: 'webhook', urlEnv: 'PAGER', secretEnv: 'PAGER_SECRET' },
    scheme => ({ PAGER: `${addressOf('webhook', scheme)}/pager`, PAGER_SECRET }),
  );
};

export const alertIssueKind = async (): Promise<Kind> => {
  const server = await GitHubServer.start();
  return alertKind(
    { address: server.apiUrl, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() },
    ISSUE,
    scheme => ({
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'acme/models',
      GITHUB_API_URL: addressOf('issue', scheme),
      GITHUB_TOKEN: TEST_TOKEN,
    }),
  );
};
