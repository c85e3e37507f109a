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
  sendPatiently,
} from '../api-answer.ts';
import { boundedFetch, type Fetch, TransportFailure } from '../bounded-fetch.ts';
import { stringAt, valueAt } from '../json-values.ts';

/** What a request is signed with. A job token may read little and write no note. */
export type GitLabToken =
  | { readonly kind: 'access-token'; readonly value: string }
  | { readonly kind: 'job-token'; readonly value: string };

export interface GitLabClientOptions extends Patience {
  readonly token: GitLabToken;
  /** `https://HOST/api/v4` (CI_API_V4_URL). */
  readonly apiUrl: string;
  /** Id or path of the project that the merge request is in (CI_MERGE_REQUEST_PROJECT_ID). */
  readonly project: string;
  readonly userAgent: string;
  /** Says how to reach others, see networkSettings. */
  readonly environment: Environment;
}

export interface GitLabClient {
  readonly project: string;
  /**
   * `route` as GitLab documents it (`GET /projects/{id}/merge_requests/{noteable_id}/notes`); `{id}` is the project.
   * What `parameters` has beyond the path goes into the query of a GET and into the body of everything else.
   */
  request(route: string, parameters?: Readonly<Record<string, string | number>>): Promise<ApiAnswer>;
}

/** A client for one project of gitlab.com or an own GitLab. No answer and no error carries the token. */
export function createGitLabClient(options: GitLabClientOptions): GitLabClient {
  // A secret that was pasted with a line break would make an invalid header.
  const value = options.token.value.trim();
  const credentials =
    options.token.kind === 'job-token' ? { 'job-token': value } : { 'private-token': value };
  const dispatcher = openDispatcher(networkSettings(options.environment));
  const direct = ((input, init) =>
    fetch(input, { ...(init as object), dispatcher, redirect: 'manual' })) as Fetch;
  const bounded = boundedFetch(direct, patienceOf(options));
  const send = async (method: string, url: string, body: object | null): Promise<Attempt> => {
    try {
      const answer = await bounded(url, {
        method,
        headers: {
          ...credentials,
          accept: 'application/json',
          'user-agent': options.userAgent,
          ...(body === null ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === null ? {} : { body: JSON.stringify(body) }),
      });
      return {
        kind: 'answer',
        answer: {
          status: answer.status,
          headers: Object.fromEntries(answer.headers),
          data: parseJson(await answer.text()),
        },
      };
    } catch (thrown) {
      if (thrown instanceof TransportFailure) return { kind: 'broken', reason: thrown.reason };
      return { kind: 'broken', reason: 'the answer is no JSON' };
    }
  };
  const dialect: Dialect = {
    isRateLimit: ({ status }) => status === 429,
    resetSeconds: headers => numberIn(headers, 'ratelimit-reset'),
    messageOf,
    hasNextPage: headers => linksToNext(headers) || (headers['x-next-page'] ?? '') !== '',
    redact: text => text.replaceAll(value, '***').replace(/\bgl(?:pat|cbt|ptt|dt|rt)-[\w.-]{8,}/gu, '***'),
  };
  const base = options.apiUrl.replace(/\/+$/u, '');
  return {
    project: options.project,
    request(route, parameters = {}) {
      const [method = 'GET', template = ''] = route.split(' ', 2);
      const { path, rest } = fillPath(template, { id: options.project, ...parameters });
      const isRead = method === 'GET';
      const query = new URLSearchParams();
      if (isRead) for (const [name, one] of Object.entries(rest)) query.set(name, String(one));
      const url = `${base}${path}${query.size === 0 ? '' : `?${query}`}`;
      return sendPatiently(
        () => send(method, url, isRead ? null : rest),
        method !== 'POST',
        dialect,
        options,
      );
    },
  };
}

function fillPath(
  template: string,
  parameters: Readonly<Record<string, string | number>>,
): { readonly path: string; readonly rest: Readonly<Record<string, string | number>> } {
  const used = new Set(['id']);
  const path = template.replace(/\{(\w+)\}/gu, (_, name: string) => {
    used.add(name);
    return encodeURIComponent(String(parameters[name] ?? ''));
  });
  return { path, rest: Object.fromEntries(Object.entries(parameters).filter(([name]) => !used.has(name))) };
}

const parseJson = (text: string): unknown => (text === '' ? null : JSON.parse(text));

/** `message` (a text, or lists of texts by field), or `error` and `error_description` of OAuth's kind. */
function messageOf(data: unknown): string | null {
  const message = valueAt(data, 'message');
  if (typeof message === 'string') return message;
  if (typeof message === 'object' && message !== null) return JSON.stringify(message);
  const error = stringAt(data, 'error');
  const description = stringAt(data, 'error_description');
  return error !== null && description !== null ? `${error}: ${description}` : (error ?? description);
}
