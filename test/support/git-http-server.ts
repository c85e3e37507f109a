import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LoggedRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly status: number;
  /** Size of the answer's body. */
  readonly sentBytes: number;
}

export interface GitHttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`; repositories are below it: `/remote.git`. */
  readonly url: string;
  readonly requests: readonly LoggedRequest[];
}

export interface GitHttpOptions {
  /** `user:password`; without it everyone may read and write. */
  readonly basicAuth?: string;
  /** Whoever has no password may read, as in a public repository. */
  readonly publicRead?: boolean;
  /** A status to answer instead of serving, or null. */
  readonly intercept?: (request: { readonly method: string; readonly url: string }) => number | null;
  /** Drops the connection after git has done its work, as a lost network does. */
  readonly dropAnswer?: (request: { readonly method: string; readonly url: string }) => boolean;
}

function cgiVariables(request: IncomingMessage, root: string): NodeJS.ProcessEnv {
  const url = new URL(request.url ?? '/', 'http://localhost');
  return {
    PATH: process.env['PATH'],
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method,
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    REMOTE_USER: 'tester',
    REMOTE_ADDR: '127.0.0.1',
    ...(request.headers['content-length'] === undefined
      ? {}
      : { CONTENT_LENGTH: request.headers['content-length'] }),
  };
}

function parseHead(head: string): { readonly status: number; readonly headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  let status = 200;
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (name.toLowerCase() === 'status') status = Number(value.split(' ')[0]);
    else headers[name] = value;
  }
  return { status, headers };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  root: string,
  drop: boolean,
): Promise<{ readonly status: number; readonly sentBytes: number }> {
  const child = spawn('git', ['http-backend'], {
    env: cgiVariables(request, root),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  const output = Buffer.concat(chunks);
  if (drop) {
    response.destroy();
    return { status: 0, sentBytes: 0 };
  }
  const end = output.indexOf('\r\n\r\n');
  const { status, headers } = parseHead(output.toString('latin1', 0, end));
  response.writeHead(status, headers).end(output.subarray(end + 4));
  return { status, sentBytes: output.length - end - 4 };
}

/** The real `git http-backend` behind a node server on loopback: smart HTTP over the repositories below `root`. */
export async function startGitHttpServer(root: string, options: GitHttpOptions = {}): Promise<GitHttpServer> {
  const requests: LoggedRequest[] = [];
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/' } = request;
    const { authorization } = request.headers;
    const log = (status: number, sentBytes = 0): void => {
      requests.push({ method, url, authorization, status, sentBytes });
    };
    const expected =
      options.basicAuth === undefined
        ? undefined
        : `Basic ${Buffer.from(options.basicAuth).toString('base64')}`;
    // The name of the scheme has no case (RFC 9110, 11.1): actions/checkout writes it in lower case.
    const given = authorization?.replace(/^basic /i, 'Basic ');
    const isOpen = options.publicRead === true && !url.includes('git-receive-pack');
    const isRefused = expected !== undefined && given !== expected && !isOpen;
    const status = options.intercept?.({ method, url }) ?? (isRefused ? 401 : null);
    if (status !== null) {
      log(status);
      request.resume();
      response
        .writeHead(status, status === 401 ? { 'WWW-Authenticate': 'Basic realm="git"' } : {})
        .end('refused');
      return;
    }
    serve(request, response, root, options.dropAnswer?.({ method, url }) ?? false).then(
      ({ status: answered, sentBytes }) => log(answered, sentBytes),
      () => {
        log(500);
        response.destroy();
      },
    );
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
