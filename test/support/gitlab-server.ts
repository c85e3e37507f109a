import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiContract } from './api-contract.ts';
import { type Answer, breakAnswer, type Fault, sendAnswer } from './http-faults.ts';

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

export interface TestIssue {
  readonly iid: number;
  readonly author: string;
  title: string;
  description: string;
  labels: readonly string[];
  state: 'opened' | 'closed';
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
  readonly body: unknown;
  readonly token: TestGitLabToken;
}

const UNAUTHORIZED: Answer = { status: 401, data: { message: '401 Unauthorized' } };
const NOT_FOUND: Answer = { status: 404, data: { message: '404 Not found' } };
const FORBIDDEN: Answer = { status: 403, data: { message: '403 Forbidden' } };

/**
 * GitLab's REST API for one project, on loopback: users, merge requests, issues and their notes, paged with `Link`, by the
 * rules for tokens that the documentation states. Every request and its own answers are held against GitLab's published
 * description (contracts/gitlab-openapi.json); what breaks it is in `violations`.
 */
export class GitLabServer implements AsyncDisposable {
  readonly violations: string[] = [];
  readonly requests: { readonly route: string; readonly url: string; readonly body: string }[] = [];
  /** Of merge requests, by their number. */
  readonly notes = new Map<number, TestNote[]>();
  readonly issues: TestIssue[] = [];
  /** Of issues, by their number. */
  readonly issueNotes = new Map<number, TestNote[]>();
  readonly mergeRequests = new Map<number, TestMergeRequest>();
  /** What GitLab says of a protected branch, by its name. */
  readonly protectedBranches = new Map<string, object>();
  readonly #faults = new Map<string, Fault[]>();
  readonly #contract = ApiContract.of('gitlab-openapi.json');
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
    return this.#addTo(this.notes, mergeRequest, { author, body, system });
  }

  #addTo(notes: Map<number, TestNote[]>, noteable: number, note: Omit<TestNote, 'id'>): TestNote {
    const added = { id: this.#nextId++, ...note };
    notes.set(noteable, [...(notes.get(noteable) ?? []), added]);
    return added;
  }

  notesOf(mergeRequest: number): readonly TestNote[] {
    return this.notes.get(mergeRequest) ?? [];
  }

  /** The next `times` requests of the route go wrong. */
  fail(route: string, fault: Fault, times = 1): void {
    if (!this.#contract.operations.some(operation => operation.route === route))
      throw new Error(`no such route: ${route}`);
    const faults = Array.from({ length: times }, () => fault);
    this.#faults.set(route, [...(this.#faults.get(route) ?? []), ...faults]);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const url = new URL(incoming.url ?? '/', this.apiUrl);
    const path = url.pathname.replace(/^\/api\/v4/, '');
    const found = this.#contract.find(incoming.method ?? '', path);
    const route = found?.operation.route ?? '';
    this.requests.push({ route, url: url.href, body: text });
    if (found === null) {
      this.violations.push(`GitLab has no ${incoming.method} ${path}`);
      return sendAnswer(response, NOT_FOUND);
    }
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const query = url.searchParams;
    this.violations.push(...this.#contract.checkRequest(found.operation, found.path, query, body));
    const fault = this.#faults.get(route)?.shift();
    if (fault !== undefined && fault.afterEffect !== true) return breakAnswer(response, fault, null);
    const token = this.#tokenOf(incoming);
    const answer =
      token === null ? UNAUTHORIZED : this.#answer({ route, parameters: found.path, query, body, token });
    this.violations.push(...this.#contract.checkAnswer(found.operation, answer.status, answer.data));
    if (fault !== undefined) return breakAnswer(response, fault, answer);
    sendAnswer(response, answer);
  }

  #tokenOf({ headers }: IncomingMessage): TestGitLabToken | null {
    const access = headers['private-token'];
    if (typeof access === 'string') return TOKENS[access]?.kind === 'access' ? TOKENS[access] : null;
    const job = headers['job-token'];
    return typeof job === 'string' && TOKENS[job]?.kind === 'job' ? TOKENS[job] : null;
  }

  #answer(request: Request): Answer {
    const { route, parameters, token } = request;
    if (route === 'GET /user')
      return token.kind === 'access' && token.scope !== 'read_repository'
        ? { status: 200, data: describeUser(token.username) }
        : UNAUTHORIZED;
    if (route === 'GET /personal_access_tokens/self')
      return token.kind === 'access'
        ? { status: 200, data: { id: 3, name: 'ci', revoked: false, active: true, scopes: [token.scope] } }
        : UNAUTHORIZED;
    if (parameters['id'] !== GITLAB_PROJECT && parameters['id'] !== 'acme/models') return NOT_FOUND;
    if (!route.startsWith('GET ')) {
      if (token.kind === 'job') return UNAUTHORIZED;
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
    const notes = route.includes('/issues/') ? this.issueNotes : this.notes;
    const noteable = Number(parameters['noteable_id']);
    switch (route) {
      case 'GET /projects/{id}/merge_requests/{merge_request_iid}': {
        const found = this.mergeRequests.get(Number(parameters['merge_request_iid']));
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
      case 'GET /projects/{id}/merge_requests/{noteable_id}/notes':
      case 'GET /projects/{id}/issues/{noteable_id}/notes': {
        const found = (notes.get(noteable) ?? []).map(one => describeNote(one));
        return this.#page(request, request.query.get('sort') === 'asc' ? found : found.toReversed());
      }
      case 'POST /projects/{id}/merge_requests/{noteable_id}/notes':
      case 'POST /projects/{id}/issues/{noteable_id}/notes': {
        const { body } = request.body as { readonly body: string };
        const added = this.#addTo(notes, noteable, { author: usernameOf(token), body });
        return { status: 201, data: describeNote(added) };
      }
      case 'PUT /projects/{id}/merge_requests/{noteable_id}/notes/{note_id}':
      case 'PUT /projects/{id}/issues/{noteable_id}/notes/{note_id}': {
        const note = (notes.get(noteable) ?? []).find(one => one.id === Number(parameters['note_id']));
        if (note === undefined) return NOT_FOUND;
        if (note.author !== usernameOf(token)) return FORBIDDEN;
        note.body = (request.body as { readonly body: string }).body;
        return { status: 200, data: describeNote(note) };
      }
      case 'GET /projects/{id}/protected_branches/{name}': {
        const found = this.protectedBranches.get(parameters['name'] ?? '');
        return found === undefined ? NOT_FOUND : { status: 200, data: found };
      }
      case 'GET /projects/{id}/issues':
        return this.#page(request, this.#listIssues(request.query).map(describeIssue));
      case 'POST /projects/{id}/issues':
        return { status: 201, data: describeIssue(this.#openIssue(request)) };
      case 'GET /projects/{id}/issues/{issue_iid}':
      case 'PUT /projects/{id}/issues/{issue_iid}': {
        const issue = this.issues.find(one => one.iid === Number(parameters['issue_iid']));
        if (issue === undefined) return NOT_FOUND;
        if (route.startsWith('PUT ')) editIssue(issue, request.body as IssueFields);
        return { status: 200, data: describeIssue(issue) };
      }
      default:
        this.violations.push(`the test server does not answer ${route}`);
        return { status: 501, data: { message: 'not implemented by the test server' } };
    }
  }

  #openIssue({ body, token }: Request): TestIssue {
    const { title = '', description = '', labels } = body as IssueFields;
    const iid = this.issues.length + 1;
    const issue: TestIssue = {
      iid,
      author: usernameOf(token),
      title,
      description,
      labels: labelNames(labels),
      state: 'opened',
    };
    this.issues.push(issue);
    return issue;
  }

  #listIssues(query: URLSearchParams): readonly TestIssue[] {
    const state = query.get('state') ?? 'all';
    const wanted = labelNames(query.get('labels') ?? undefined);
    const found = this.issues.filter(
      issue =>
        (state === 'all' || issue.state === state) && wanted.every(label => issue.labels.includes(label)),
    );
    return query.get('sort') === 'asc' ? found : found.toReversed();
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

interface IssueFields {
  readonly title?: string;
  readonly description?: string;
  readonly labels?: string | readonly string[];
  readonly state_event?: 'close' | 'reopen';
}

const labelNames = (labels: string | readonly string[] | undefined): readonly string[] =>
  (typeof labels === 'string' ? labels.split(',') : (labels ?? [])).filter(label => label !== '');

function editIssue(issue: TestIssue, { title, description, labels, state_event }: IssueFields): void {
  issue.title = title ?? issue.title;
  issue.description = description ?? issue.description;
  if (labels !== undefined) issue.labels = labelNames(labels);
  if (state_event !== undefined) issue.state = state_event === 'close' ? 'closed' : 'opened';
}

const usernameOf = (token: TestGitLabToken): string => (token.kind === 'access' ? token.username : 'job');

const MOMENT = '2026-11-23T12:00:00.000Z';

const describeUser = (username: string): object => ({
  id: 7,
  username,
  name: username,
  state: 'active',
  web_url: `https://gitlab.example/${username}`,
});

const describeNote = ({ id, author, body, system = false }: TestNote): object => ({
  id,
  body,
  system,
  author: describeUser(author),
  created_at: MOMENT,
  updated_at: MOMENT,
  internal: false,
});

const describeIssue = ({ iid, author, title, description, labels, state }: TestIssue): object => ({
  id: 7000 + iid,
  iid,
  title,
  description,
  labels,
  state,
  author: describeUser(author),
  created_at: MOMENT,
  updated_at: MOMENT,
  closed_at: state === 'closed' ? MOMENT : null,
  web_url: `https://gitlab.example/acme/models/-/issues/${iid}`,
});

const describe = (one: TestMergeRequest): object => ({
  id: 9000 + one.iid,
  iid: one.iid,
  state: one.state ?? 'opened',
  labels: one.labels ?? [],
  target_branch: one.targetBranch ?? 'main',
  merge_commit_sha: one.mergeCommitSha ?? null,
  squash_commit_sha: one.squashCommitSha ?? null,
});
