import { openDispatcher } from '../../network/dispatcher.ts';
import { fetch } from '../../network/fetch.ts';
import { type Environment, networkSettings } from '../../network/settings.ts';
import {
  type ApiAnswer,
  type Attempt,
  type Dialect,
  linksToNext,
  numberIn,
  type Patience,
  patienceOf,
  type RawAnswer,
  sendPatiently,
} from '../api-answer.ts';
import { boundedFetch, type Fetch, TransportFailure } from '../bounded-fetch.ts';
import { stringAt } from '../json-values.ts';

export interface GitHubClientOptions extends Patience {
  /** Not empty. */
  readonly token: string;
  /** `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server (GITHUB_API_URL). */
  readonly apiUrl: string;
  readonly owner: string;
  readonly repo: string;
  readonly userAgent: string;
  /** Says how to reach others, see networkSettings. */
  readonly environment: Environment;
}

export interface GitHubClient {
  readonly owner: string;
  readonly repo: string;
  /** `route` as GitHub documents it (`GET /repos/{owner}/{repo}/pulls/{pull_number}`); owner and repo are filled in. */
  request(route: string, parameters?: Readonly<Record<string, unknown>>): Promise<ApiAnswer>;
}

/**
 * A client for one repository of GitHub or a GitHub Enterprise Server. Loads the toolkit when it is made, not before.
 * No answer and no error carries the token.
 */
export async function createGitHubClient(options: GitHubClientOptions): Promise<GitHubClient> {
  const { GitHub, getOctokitOptions } = await import('@actions/github/lib/utils');
  // A secret that was pasted with a line break would make an invalid header.
  const token = options.token.trim();
  const settings = patienceOf(options);
  const dispatcher = openDispatcher(networkSettings(options.environment));
  const direct = ((input, init) => fetch(input, { ...(init as object), dispatcher })) as Fetch;
  const silent = (): void => {};
  const octokit = new GitHub(
    getOctokitOptions(token, {
      baseUrl: options.apiUrl.replace(/\/+$/u, ''),
      userAgent: options.userAgent,
      log: { debug: silent, info: silent, warn: silent, error: silent },
    }),
  );
  const send = async (route: string, parameters: Readonly<Record<string, unknown>>): Promise<Attempt> => {
    let transport: string | null = null;
    const bounded = boundedFetch(direct, settings);
    const watched: Fetch = async (input, init) => {
      try {
        return await bounded(input, init);
      } catch (thrown) {
        transport = thrown instanceof TransportFailure ? thrown.reason : 'the connection failed';
        throw thrown;
      }
    };
    try {
      const answer = await octokit.request(route, {
        owner: options.owner,
        repo: options.repo,
        ...parameters,
        request: { fetch: watched },
      });
      return {
        kind: 'answer',
        answer: { status: answer.status, headers: answer.headers, data: answer.data },
      };
    } catch (thrown) {
      return transport === null ? readThrown(thrown) : { kind: 'broken', reason: transport };
    }
  };
  const dialect: Dialect = {
    isRateLimit,
    resetSeconds: headers =>
      headers['x-ratelimit-remaining'] === '0' ? numberIn(headers, 'x-ratelimit-reset') : null,
    messageOf: data => stringAt(data, 'message'),
    hasNextPage: linksToNext,
    // A server may quote what it was sent; another's token looks like one too.
    redact: text => text.replaceAll(token, '***').replace(/\b(?:gh[oprsu]_|github_pat_)\w{8,}/gu, '***'),
  };
  return {
    owner: options.owner,
    repo: options.repo,
    request: (route, parameters = {}) =>
      sendPatiently(() => send(route, parameters), !route.startsWith('POST '), dialect, options),
  };
}

/** Octokit throws for every status from 400 up; the answer hangs on the error. */
function readThrown(thrown: unknown): Attempt {
  if (!(thrown instanceof Error) || !('response' in thrown))
    return { kind: 'broken', reason: 'the request could not be made' };
  const response = thrown.response;
  if (
    typeof response !== 'object' ||
    response === null ||
    !('status' in response) ||
    !('headers' in response)
  ) {
    return { kind: 'broken', reason: 'the request could not be made' };
  }
  const data = 'data' in response ? response.data : null;
  return {
    kind: 'answer',
    answer: { status: Number(response.status), headers: response.headers as RawAnswer['headers'], data },
  };
}

function isRateLimit({ status, headers, data }: RawAnswer): boolean {
  if (status === 429) return true;
  if (status !== 403) return false;
  const message = stringAt(data, 'message') ?? '';
  return (
    headers['retry-after'] !== undefined ||
    headers['x-ratelimit-remaining'] === '0' ||
    /rate limit/iu.test(message)
  );
}
