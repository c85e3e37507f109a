import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiContract, type Operation } from './api-contract.ts';
import { type Answer, breakAnswer, type Fault, sendAnswer } from './http-faults.ts';

export type { Fault } from './http-faults.ts';

export interface TestComment {
  readonly id: number;
  readonly author: string;
  body: string;
}

export interface TestPull {
  readonly number: number;
  readonly state?: 'open' | 'closed';
  readonly labels?: readonly string[];
  readonly headSha: string;
  readonly headRef: string;
  /** `owner/name`; null: the fork was deleted. */
  readonly headRepository: string | null;
  readonly baseRef: string;
  readonly baseSha?: string;
  readonly mergedAt?: string;
  readonly mergeCommitSha?: string;
  /** Commits that `GET /commits/{sha}/pulls` finds it by, beside head and merge commit. */
  readonly commits?: readonly string[];
}

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly route: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface TestCheckRun {
  readonly id: number;
  readonly name: string;
  readonly headSha: string;
  readonly conclusion: string;
  readonly title: string;
  readonly summary: string;
  readonly annotations: readonly { readonly path: string; readonly message: string }[];
}

export interface TestIssue {
  readonly number: number;
  readonly author: string;
  readonly title: string;
  body: string;
  state: 'open' | 'closed';
  labels: readonly string[];
  /** OWNER, NONE, ... */
  readonly association?: string;
}

export interface TestToken {
  readonly login: string;
  readonly mayWrite: boolean;
  /** `checks: write`. */
  readonly mayCheck?: boolean;
  /** `statuses: write`. */
  readonly maySetStatus?: boolean;
}

export interface GitHubServerOptions {
  /** `owner/name` of the one repository; others are 404. */
  readonly repository?: string;
  /** `/api/v3` for an Enterprise Server. */
  readonly prefix?: string;
  readonly tokens?: Readonly<Record<string, TestToken>>;
  readonly defaultBranch?: string;
}

interface Request extends RecordedRequest {
  readonly operation: Operation;
  readonly parameters: Readonly<Record<string, string>>;
  readonly token: TestToken;
}

export const TEST_TOKEN = 'ghs_testTokenThatMayWrite000000000000';
export const CHECKS_TOKEN = 'ghs_testTokenThatMayCheck000000000000';
export const STATUS_TOKEN = 'ghs_testTokenThatSetsStatus0000000000';
export const READ_ONLY_TOKEN = 'ghs_testTokenThatOnlyReads0000000000';
const DEFAULT_TOKENS: Readonly<Record<string, TestToken>> = {
  [TEST_TOKEN]: { login: 'github-actions[bot]', mayWrite: true },
  [CHECKS_TOKEN]: { login: 'github-actions[bot]', mayWrite: true, mayCheck: true },
  [STATUS_TOKEN]: { login: 'github-actions[bot]', mayWrite: true, maySetStatus: true },
  [READ_ONLY_TOKEN]: { login: 'github-actions[bot]', mayWrite: false },
};
const ROUTES = {
  listComments: 'GET /repos/{owner}/{repo}/issues/{issue_number}/comments',
  createComment: 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
  getComment: 'GET /repos/{owner}/{repo}/issues/comments/{comment_id}',
  updateComment: 'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}',
  deleteComment: 'DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}',
  getPull: 'GET /repos/{owner}/{repo}/pulls/{pull_number}',
  listPulls: 'GET /repos/{owner}/{repo}/pulls',
  pullsOfCommit: 'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls',
  listIssues: 'GET /repos/{owner}/{repo}/issues',
  createIssue: 'POST /repos/{owner}/{repo}/issues',
  updateIssue: 'PATCH /repos/{owner}/{repo}/issues/{issue_number}',
  createCheckRun: 'POST /repos/{owner}/{repo}/check-runs',
  updateCheckRun: 'PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}',
  createStatus: 'POST /repos/{owner}/{repo}/statuses/{sha}',
  listStatuses: 'GET /repos/{owner}/{repo}/commits/{ref}/statuses',
  getRepository: 'GET /repos/{owner}/{repo}',
  getBranch: 'GET /repos/{owner}/{repo}/branches/{branch}',
} as const;

export { ROUTES as GITHUB_ROUTES };

function isAllowed({ operation, token }: Request): boolean {
  if (operation.route === ROUTES.createCheckRun || operation.route === ROUTES.updateCheckRun)
    return token.mayCheck === true;
  return operation.route === ROUTES.createStatus ? token.maySetStatus === true : token.mayWrite;
}

/**
 * GitHub's REST API for one repository, on loopback: keeps comments, pull requests and statuses, pages with `Link`, and
 * holds every request and its own answers against GitHub's OpenAPI description. What breaks it is in `violations`.
 */
export class GitHubServer implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  readonly violations: string[] = [];
  readonly comments = new Map<number, TestComment[]>();
  readonly pulls = new Map<number, TestPull>();
  readonly issues: TestIssue[] = [];
  readonly checkRuns: TestCheckRun[] = [];
  readonly protectedBranches = new Set<string>();
  readonly statuses: {
    readonly sha: string;
    readonly state: string;
    readonly context: string;
    readonly description: string | null;
  }[] = [];
  readonly #faults = new Map<string, Fault[]>();
  readonly #contract = ApiContract.of('github-openapi.json');
  readonly #options: Required<GitHubServerOptions>;
  readonly #server: Server;
  #nextId = 1001;
  #port = 0;

  private constructor(options: GitHubServerOptions) {
    this.#options = {
      repository: 'acme/models',
      prefix: '',
      tokens: DEFAULT_TOKENS,
      defaultBranch: 'main',
      ...options,
    };
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        this.violations.push(`the test server failed: ${String(error)}`);
        response.destroy();
      });
    });
  }

  static async start(options: GitHubServerOptions = {}): Promise<GitHubServer> {
    const server = new GitHubServer(options);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    server.#port = (server.#server.address() as AddressInfo).port;
    return server;
  }

  /** For GITHUB_API_URL. */
  get apiUrl(): string {
    return `http://127.0.0.1:${this.#port}${this.#options.prefix}`;
  }

  get repository(): string {
    return this.#options.repository;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  addPull(pull: TestPull): void {
    this.pulls.set(pull.number, pull);
  }

  addComment(pull: number, author: string, body: string): TestComment {
    const comment = { id: this.#nextId++, author, body };
    this.comments.set(pull, [...(this.comments.get(pull) ?? []), comment]);
    return comment;
  }

  commentsOf(pull: number): readonly TestComment[] {
    return this.comments.get(pull) ?? [];
  }

  addIssue(issue: Omit<TestIssue, 'number' | 'state'> & { readonly state?: 'open' | 'closed' }): TestIssue {
    const added: TestIssue = { state: 'open', ...issue, number: 100 + this.issues.length };
    this.issues.push(added);
    return added;
  }

  /** The next `times` requests of the route (as in GITHUB_ROUTES) go wrong. */
  fail(route: string, fault: Fault, times = 1): void {
    if (!this.#contract.operations.some(operation => operation.route === route))
      throw new Error(`no such route: ${route}`);
    this.#faults.set(route, [
      ...(this.#faults.get(route) ?? []),
      ...Array.from({ length: times }, () => fault),
    ]);
  }

  requestsOf(route: string): readonly RecordedRequest[] {
    return this.requests.filter(request => request.route === route);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const url = new URL(incoming.url ?? '/', this.apiUrl);
    const method = incoming.method ?? 'GET';
    const text = Buffer.concat(chunks).toString('utf8');
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const path = url.pathname.startsWith(this.#options.prefix)
      ? url.pathname.slice(this.#options.prefix.length)
      : '';
    const found = this.#contract.find(method, path);
    const recorded = {
      method,
      path,
      route: found?.operation.route ?? '',
      query: Object.fromEntries(url.searchParams),
      body,
      headers: incoming.headers,
    };
    this.requests.push(recorded);
    if (found === null) {
      this.violations.push(`GitHub has no ${method} ${url.pathname}`);
      return sendAnswer(response, { status: 404, data: { message: 'Not Found' } });
    }
    this.violations.push(...this.#contract.checkRequest(found.operation, found.path, url.searchParams, body));
    const fault = this.#faults.get(found.operation.route)?.shift();
    if (fault !== undefined && fault.afterEffect !== true) return breakAnswer(response, fault, null);
    const token = this.#tokenOf(incoming);
    const answer =
      token === null
        ? { status: 401, data: { message: 'Bad credentials' } }
        : this.#answer({ ...recorded, operation: found.operation, parameters: found.path, token });
    this.violations.push(...this.#contract.checkAnswer(found.operation, answer.status, answer.data));
    if (fault !== undefined) return breakAnswer(response, fault, answer);
    sendAnswer(response, answer);
  }

  #tokenOf(incoming: IncomingMessage): TestToken | null {
    const [, value] = /^(?:token|bearer) (.+)$/i.exec(incoming.headers.authorization ?? '') ?? [];
    return value === undefined ? null : (this.#options.tokens[value] ?? null);
  }

  #answer(request: Request): Answer {
    const { owner, repo } = request.parameters;
    if (`${owner}/${repo}` !== this.#options.repository)
      return { status: 404, data: { message: 'Not Found' } };
    if (request.method !== 'GET' && !isAllowed(request)) {
      return { status: 403, data: { message: 'Resource not accessible by integration' } };
    }
    switch (request.operation.route) {
      case ROUTES.listComments:
        return this.#paged(
          request,
          this.commentsOf(Number(request.parameters['issue_number'])).map(comment => this.#comment(comment)),
        );
      case ROUTES.createComment: {
        const { body } = request.body as { body: string };
        if (body.length > 65_536)
          return {
            status: 422,
            data: { message: 'Validation Failed', errors: [], documentation_url: 'https://x' },
          };
        const comment = this.addComment(
          Number(request.parameters['issue_number']),
          request.token.login,
          body,
        );
        return { status: 201, data: this.#comment(comment) };
      }
      case ROUTES.getComment:
      case ROUTES.updateComment:
      case ROUTES.deleteComment:
        return this.#oneComment(request);
      case ROUTES.getPull: {
        const pull = this.pulls.get(Number(request.parameters['pull_number']));
        return pull === undefined
          ? { status: 404, data: { message: 'Not Found' } }
          : { status: 200, data: this.#pull(pull, 'pull-request') };
      }
      case ROUTES.listPulls:
        return this.#paged(
          request,
          this.#listPulls(request.query).map(pull => this.#pull(pull, 'pull-request-simple')),
        );
      case ROUTES.pullsOfCommit: {
        const sha = request.parameters['commit_sha'] ?? '';
        const pulls = [...this.pulls.values()].filter(pull =>
          [pull.headSha, pull.mergeCommitSha, ...(pull.commits ?? [])].includes(sha),
        );
        return this.#paged(
          request,
          pulls.map(pull => this.#pull(pull, 'pull-request-simple')),
        );
      }
      case ROUTES.getRepository: {
        const { mayWrite } = request.token;
        const permissions = { admin: false, maintain: false, push: mayWrite, triage: mayWrite, pull: true };
        return { status: 200, data: this.#contract.complete('full-repository', { permissions }) };
      }
      case ROUTES.getBranch: {
        const name = request.parameters['branch'] ?? '';
        if (!this.protectedBranches.has(name)) return { status: 404, data: { message: 'Branch not found' } };
        return {
          status: 200,
          data: this.#contract.complete('branch-with-protection', { name, protected: true }),
        };
      }
      case ROUTES.listIssues: {
        const { labels, state = 'open' } = request.query;
        const wanted = labels?.split(',') ?? [];
        const found = this.issues
          .filter(issue => state === 'all' || issue.state === state)
          .filter(issue => wanted.every(label => issue.labels.includes(label)));
        const pulls = wanted.length > 0 ? [] : [...this.pulls.values()];
        return this.#paged(request, [
          ...found.toReversed().map(issue => this.#issue(issue)),
          ...pulls.map(({ number }) => this.#issueOfPull(number)),
        ]);
      }
      case ROUTES.createIssue: {
        const body = request.body as { title: string; body: string; labels?: string[] };
        const issue = this.addIssue({ ...body, author: request.token.login, labels: body.labels ?? [] });
        return { status: 201, data: this.#issue(issue) };
      }
      case ROUTES.updateIssue: {
        const issue = this.issues.find(one => one.number === Number(request.parameters['issue_number']));
        if (issue === undefined) return { status: 404, data: { message: 'Not Found' } };
        const change = request.body as { body?: string; state?: 'open' | 'closed' };
        issue.body = change.body ?? issue.body;
        issue.state = change.state ?? issue.state;
        return { status: 200, data: this.#issue(issue) };
      }
      case ROUTES.createCheckRun:
      case ROUTES.updateCheckRun:
        return this.#checkRun(request);
      case ROUTES.createStatus: {
        const body = request.body as { state: string; context?: string; description?: string };
        const status = {
          sha: request.parameters['sha'] ?? '',
          state: body.state,
          context: body.context ?? 'default',
          description: body.description ?? null,
        };
        this.statuses.push(status);
        return { status: 201, data: this.#contract.complete('status', status) };
      }
      case ROUTES.listStatuses:
        return this.#paged(
          request,
          this.statuses
            .filter(({ sha }) => sha === request.parameters['ref'])
            .map(status => this.#contract.complete('status', status)),
        );
      default:
        this.violations.push(`the test server does not answer ${request.operation.route}`);
        return { status: 501, data: { message: 'not implemented by the test server' } };
    }
  }

  #oneComment(request: Request): Answer {
    const id = Number(request.parameters['comment_id']);
    const entry = [...this.comments].find(([, comments]) => comments.some(comment => comment.id === id));
    const comment = entry?.[1].find(one => one.id === id);
    if (entry === undefined || comment === undefined) return { status: 404, data: { message: 'Not Found' } };
    if (request.method === 'DELETE') {
      this.comments.set(
        entry[0],
        entry[1].filter(one => one.id !== id),
      );
      return { status: 204 };
    }
    if (request.method === 'PATCH') {
      if (comment.author !== request.token.login)
        return { status: 403, data: { message: 'Resource not accessible by integration' } };
      comment.body = (request.body as { body: string }).body;
    }
    return { status: 200, data: this.#comment(comment) };
  }

  #checkRun(request: Request): Answer {
    const body = request.body as {
      name?: string;
      head_sha?: string;
      conclusion: string;
      output: { title: string; summary: string; annotations?: { path: string; message: string }[] };
    };
    const id = Number(request.parameters['check_run_id'] ?? 0);
    const index = this.checkRuns.findIndex(run => run.id === id);
    const before = this.checkRuns[index];
    if (id !== 0 && before === undefined) return { status: 404, data: { message: 'Not Found' } };
    const annotations = body.output.annotations ?? [];
    const run: TestCheckRun = {
      id: before?.id ?? this.#nextId++,
      name: body.name ?? before?.name ?? '',
      headSha: body.head_sha ?? before?.headSha ?? '',
      conclusion: body.conclusion,
      title: body.output.title,
      summary: body.output.summary,
      // GitHub adds the annotations of an update to those that are there.
      annotations: [...(before?.annotations ?? []), ...annotations],
    };
    if (before === undefined) this.checkRuns.push(run);
    else this.checkRuns[index] = run;
    const data = this.#contract.complete('check-run', {
      id: run.id,
      name: run.name,
      head_sha: run.headSha,
      status: 'completed',
      conclusion: run.conclusion,
      html_url: `https://github.example/${this.#options.repository}/runs/${run.id}`,
      pull_requests: [],
    });
    return { status: before === undefined ? 201 : 200, data };
  }

  #listPulls(query: Readonly<Record<string, string>>): readonly TestPull[] {
    const state = query['state'] ?? 'open';
    return [...this.pulls.values()].filter(pull => {
      const [owner] = (pull.headRepository ?? 'unknown/').split('/');
      return (
        (state === 'all' || (pull.state ?? 'open') === state) &&
        (query['head'] === undefined || query['head'] === `${owner}:${pull.headRef}`) &&
        (query['base'] === undefined || query['base'] === pull.baseRef)
      );
    });
  }

  #paged(request: Request, items: readonly unknown[]): Answer {
    const size = Math.min(100, Number(request.query['per_page'] ?? 30));
    const page = Number(request.query['page'] ?? 1);
    const url = new URL(`${this.apiUrl}${request.path}`);
    for (const [name, value] of Object.entries(request.query)) url.searchParams.set(name, value);
    url.searchParams.set('page', String(page + 1));
    const hasNext = page * size < items.length;
    return {
      status: 200,
      data: items.slice((page - 1) * size, page * size),
      ...(hasNext ? { headers: { link: `<${url.href}>; rel="next"` } } : {}),
    };
  }

  #comment(comment: TestComment): unknown {
    return this.#contract.complete('issue-comment', {
      id: comment.id,
      body: comment.body,
      html_url: `https://github.example/${this.#options.repository}/pull/1#issuecomment-${comment.id}`,
      user: { login: comment.author, type: comment.author.endsWith('[bot]') ? 'Bot' : 'User' },
    });
  }

  #issue(issue: TestIssue): unknown {
    return this.#contract.complete('issue', {
      number: issue.number,
      title: issue.title,
      body: issue.body,
      state: issue.state,
      labels: issue.labels,
      html_url: `https://github.example/${this.#options.repository}/issues/${issue.number}`,
      user: { login: issue.author, type: issue.author.endsWith('[bot]') ? 'Bot' : 'User' },
      author_association: issue.association ?? 'NONE',
    });
  }

  #issueOfPull(number: number): unknown {
    const url = `https://api.github.example/pulls/${number}`;
    const pullRequest = { url, html_url: url, diff_url: url, patch_url: url };
    return this.#contract.complete('issue', {
      number,
      pull_request: pullRequest,
      author_association: 'NONE',
    });
  }

  #pull(pull: TestPull, component: 'pull-request' | 'pull-request-simple'): unknown {
    const data = this.#contract.complete(component, {
      number: pull.number,
      state: pull.state ?? 'open',
      labels: (pull.labels ?? []).map((name, index) => ({
        id: index + 1,
        name,
        description: '',
        color: 'ededed',
        default: false,
      })),
      merged_at: pull.mergedAt ?? null,
      merge_commit_sha: pull.mergeCommitSha ?? null,
      head: { ref: pull.headRef, sha: pull.headSha, repo: { full_name: pull.headRepository ?? 'gone/gone' } },
      base: {
        ref: pull.baseRef,
        sha: pull.baseSha ?? '0'.repeat(40),
        repo: { full_name: this.#options.repository, default_branch: this.#options.defaultBranch },
      },
    });
    return data;
  }
}
