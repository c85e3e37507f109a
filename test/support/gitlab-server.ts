import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Answer, breakAnswer, type Fault, sendAnswer } from './http-faults.ts';

type FieldType = 'integer' | 'string' | 'boolean' | readonly string[];

interface Operation {
  readonly query: Readonly<Record<string, FieldType>>;
  readonly body?: {
    readonly required: readonly string[];
    readonly properties: Readonly<Record<string, FieldType>>;
  };
}

const OPERATIONS = JSON.parse(
  readFileSync(join(import.meta.dirname, 'contracts/gitlab-operations.json'), 'utf8'),
) as Readonly<Record<string, Operation>>;

const PATTERNS = Object.keys(OPERATIONS).map(route => {
  const [method = '', template = ''] = route.split(' ');
  const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  return { route, method, names, pattern: new RegExp(`^${template.replace(/\{\w+\}/g, '([^/]+)')}$`) };
});

export interface TestNote {
  readonly id: number;
  readonly author: string;
  readonly system?: boolean;
  body: string;
}

export interface TestMergeRequest {
  readonly iid: number;
  readonly labels?: readonly string[];
  readonly state?: 'opened' | 'closed' | 'locked' | 'merged';
  readonly targetBranch?: string;
  readonly mergeCommitSha?: string;
  readonly squashCommitSha?: string;
  /** Commits that belong to it. */
  readonly commits?: readonly string[];
}

/** `scope`: what an access token may; a job token may only read. */
export type TestGitLabToken =
  | {
      readonly kind: 'access';
      readonly username: string;
      readonly scope: 'api' | 'read_api' | 'read_repository';
    }
  | { readonly kind: 'job' };

export const GITLAB_TOKEN = 'glpat-testTokenThatMayWrite00';
export const READ_API_TOKEN = 'glpat-testTokenThatOnlyReads0';
export const CI_JOB_TOKEN = 'glcbt-testTokenOfTheJob000000';
export const GITLAB_PROJECT = '42';
export const GITLAB_BOT = `project_${GITLAB_PROJECT}_bot_1a2b3c`;

const TOKENS: Readonly<Record<string, TestGitLabToken>> = {
  [GITLAB_TOKEN]: { kind: 'access', username: GITLAB_BOT, scope: 'api' },
  [READ_API_TOKEN]: { kind: 'access', username: GITLAB_BOT, scope: 'read_api' },
  [CI_JOB_TOKEN]: { kind: 'job' },
};

interface Request {
  readonly route: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly token: TestGitLabToken;
}

const NOT_FOUND: Answer = { status: 404, data: { message: '404 Not found' } };
const FORBIDDEN: Answer = { status: 403, data: { message: '403 Forbidden' } };

/**
 * GitLab's REST API for one project, on loopback: users, merge requests and their notes, paged with `Link`, by the rules
 * for tokens that the documentation states. What breaks contracts/gitlab-operations.json is in `violations`.
 */
export class GitLabServer implements AsyncDisposable {
  readonly violations: string[] = [];
  readonly requests: { readonly route: string; readonly url: string; readonly body: string }[] = [];
  readonly notes = new Map<number, TestNote[]>();
  readonly mergeRequests = new Map<number, TestMergeRequest>();
  readonly #faults = new Map<string, Fault[]>();
  readonly #server: Server;
  #nextId = 5001;
  #port = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        this.violations.push(`the test server failed: ${String(error)}`);
        response.destroy();
      });
    });
  }

  static async start(): Promise<GitLabServer> {
    const server = new GitLabServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    server.#port = (server.#server.address() as AddressInfo).port;
    return server;
  }

  /** For CI_API_V4_URL. */
  get apiUrl(): string {
    return `http://127.0.0.1:${this.#port}/api/v4`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  addNote(mergeRequest: number, author: string, body: string, system = false): TestNote {
    const note = { id: this.#nextId++, author, body, system };
    this.notes.set(mergeRequest, [...this.notesOf(mergeRequest), note]);
    return note;
  }

  notesOf(mergeRequest: number): readonly TestNote[] {
    return this.notes.get(mergeRequest) ?? [];
  }

  /** The next `times` requests of the route go wrong. */
  fail(route: string, fault: Fault, times = 1): void {
    if (!(route in OPERATIONS)) throw new Error(`no such route: ${route}`);
    const faults = Array.from({ length: times }, () => fault);
    this.#faults.set(route, [...(this.#faults.get(route) ?? []), ...faults]);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const url = new URL(incoming.url ?? '/', this.apiUrl);
    const path = url.pathname.replace(/^\/api\/v4/, '');
    const found = PATTERNS.find(one => one.method === incoming.method && one.pattern.test(path));
    this.requests.push({ route: found?.route ?? '', url: url.href, body: text });
    if (found === undefined) {
      this.violations.push(`GitLab has no ${incoming.method} ${path}`);
      return sendAnswer(response, NOT_FOUND);
    }
    const values = found.pattern.exec(path)?.slice(1).map(decodeURIComponent) ?? [];
    const body = (text === '' ? {} : JSON.parse(text)) as Readonly<Record<string, unknown>>;
    this.#check(found.route, url.searchParams, body);
    const fault = this.#faults.get(found.route)?.shift();
    if (fault !== undefined && fault.afterEffect !== true) return breakAnswer(response, fault, null);
    const token = this.#tokenOf(incoming);
    const answer =
      token === null
        ? { status: 401, data: { message: '401 Unauthorized' } }
        : this.#answer({
            route: found.route,
            parameters: Object.fromEntries(found.names.map((name, index) => [name, values[index] ?? ''])),
            query: url.searchParams,
            body,
            token,
          });
    if (fault !== undefined) return breakAnswer(response, fault, answer);
    sendAnswer(response, answer);
  }

  #tokenOf({ headers }: IncomingMessage): TestGitLabToken | null {
    const access = headers['private-token'];
    if (typeof access === 'string') return TOKENS[access]?.kind === 'access' ? TOKENS[access] : null;
    const job = headers['job-token'];
    return typeof job === 'string' && TOKENS[job]?.kind === 'job' ? TOKENS[job] : null;
  }

  #check(route: string, query: URLSearchParams, body: Readonly<Record<string, unknown>>): void {
    const operation = OPERATIONS[route];
    const misfit = (type: FieldType | undefined, value: unknown): boolean => {
      if (type === undefined) return true;
      if (type === 'integer') return !/^\d+$/.test(String(value));
      return typeof type === 'string' ? typeof value !== type : !type.includes(String(value));
    };
    for (const [name, value] of query)
      if (misfit(operation?.query[name], value)) this.violations.push(`${route}: query ${name}=${value}`);
    for (const [name, value] of Object.entries(body))
      if (misfit(operation?.body?.properties[name], value))
        this.violations.push(`${route}: field ${name} in the body`);
    for (const name of operation?.body?.required ?? [])
      if (body[name] === undefined) this.violations.push(`${route}: no ${name} in the body`);
  }

  #answer(request: Request): Answer {
    const { route, parameters, token } = request;
    if (route === 'GET /user')
      return token.kind === 'access' && token.scope !== 'read_repository'
        ? { status: 200, data: { id: 7, username: token.username, name: 'Bot', state: 'active' } }
        : { status: 401, data: { message: '401 Unauthorized' } };
    if (parameters['id'] !== GITLAB_PROJECT && parameters['id'] !== 'acme/models') return NOT_FOUND;
    if (!route.startsWith('GET ')) {
      if (token.kind === 'job') return { status: 401, data: { message: '401 Unauthorized' } };
      if (token.scope !== 'api')
        return {
          status: 403,
          data: {
            error: 'insufficient_scope',
            error_description: 'The request requires higher privileges than provided by the access token.',
            scope: 'api',
          },
        };
    }
    const iid = Number(parameters['noteable_id'] ?? parameters['merge_request_iid']);
    switch (route) {
      case 'GET /projects/{id}/merge_requests/{merge_request_iid}': {
        const found = this.mergeRequests.get(iid);
        return found === undefined ? NOT_FOUND : { status: 200, data: describe(found) };
      }
      case 'GET /projects/{id}/repository/commits/{sha}/merge_requests': {
        const state = request.query.get('state');
        const found = [...this.mergeRequests.values()].filter(
          one =>
            one.commits?.includes(parameters['sha'] ?? '') === true &&
            (state === null || one.state === state),
        );
        return this.#page(request, found.map(describe));
      }
      case 'GET /projects/{id}/merge_requests/{noteable_id}/notes': {
        const notes = this.notesOf(iid).map(one => this.#note(one));
        return this.#page(request, request.query.get('sort') === 'asc' ? notes : notes.toReversed());
      }
      case 'POST /projects/{id}/merge_requests/{noteable_id}/notes':
        return {
          status: 201,
          data: this.#note(this.addNote(iid, usernameOf(token), String(request.body['body']))),
        };
      case 'PUT /projects/{id}/merge_requests/{noteable_id}/notes/{note_id}': {
        const note = this.notesOf(iid).find(one => one.id === Number(parameters['note_id']));
        if (note === undefined) return NOT_FOUND;
        if (note.author !== usernameOf(token)) return FORBIDDEN;
        note.body = String(request.body['body']);
        return { status: 200, data: this.#note(note) };
      }
      default:
        this.violations.push(`the test server does not answer ${route}`);
        return { status: 501, data: { message: 'not implemented by the test server' } };
    }
  }

  #note({ id, author, body, system = false }: TestNote): object {
    return {
      id,
      body,
      system,
      author: {
        id: 7,
        username: author,
        name: author,
        state: 'active',
        web_url: `https://gitlab.example/${author}`,
      },
      created_at: '2026-11-23T12:00:00.000Z',
      updated_at: '2026-11-23T12:00:00.000Z',
      noteable_type: 'MergeRequest',
      internal: false,
    };
  }

  #page({ query, route }: Request, items: readonly object[]): Answer {
    const size = Math.min(Number(query.get('per_page') ?? 20), 100);
    const page = Number(query.get('page') ?? 1);
    const hasNext = page * size < items.length;
    const link = `<${this.apiUrl}/${encodeURIComponent(route)}?page=${page + 1}>; rel="next"`;
    return {
      status: 200,
      data: items.slice((page - 1) * size, page * size),
      headers: { 'x-next-page': hasNext ? String(page + 1) : '', ...(hasNext ? { link } : {}) },
    };
  }
}

const usernameOf = (token: TestGitLabToken): string => (token.kind === 'access' ? token.username : 'job');

const describe = (one: TestMergeRequest): object => ({
  id: 9000 + one.iid,
  iid: one.iid,
  state: one.state ?? 'opened',
  labels: one.labels ?? [],
  target_branch: one.targetBranch ?? 'main',
  merge_commit_sha: one.mergeCommitSha ?? null,
  squash_commit_sha: one.squashCommitSha ?? null,
});
