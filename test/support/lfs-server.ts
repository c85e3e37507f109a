import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LfsRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  /** First byte of the answer to a download. */
  start: number;
}

export interface LfsServer extends AsyncDisposable {
  /** The address of the repository: `/info/lfs` is below it. */
  readonly url: string;
  /** Objects by oid; the bytes need not be what the oid says. */
  readonly objects: Map<string, Buffer>;
  readonly requests: LfsRequest[];
}

export interface LfsServerOptions {
  readonly basicAuth?: string;
  /** Answers instead of serving, or undefined: a status, or `drop` to cut the download in the middle. */
  readonly fault?: (path: string, count: number) => number | 'drop' | undefined;
  /** Whether parts of an object are sent. Default: true. */
  readonly ranges?: boolean;
  /** The storage host that downloads come from; default: the server itself. */
  readonly storageUrl?: string;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** The batch API of Git LFS (git-lfs docs/api/batch.md), transfer `basic`, download only, on loopback. */
export async function startLfsServer(options: LfsServerOptions = {}): Promise<LfsServer> {
  const objects = new Map<string, Buffer>();
  const requests: LfsRequest[] = [];
  let base = '';
  const send = (response: ServerResponse, status: number, value: unknown): void => {
    response.writeHead(status, { 'Content-Type': 'application/vnd.git-lfs+json' }).end(JSON.stringify(value));
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '/';
    const { authorization } = request.headers;
    const logged: LfsRequest = { method: request.method ?? '', path, authorization, start: 0 };
    requests.push(logged);
    const asked = await bodyOf(request);
    const fault = options.fault?.(path, requests.filter(other => other.path === path).length);
    if (typeof fault === 'number') return send(response, fault, { message: 'fault' });
    if (path === '/team/models.git/info/lfs/objects/batch') {
      const expected =
        options.basicAuth === undefined
          ? undefined
          : `Basic ${Buffer.from(options.basicAuth).toString('base64')}`;
      if (expected !== undefined && authorization !== expected) {
        return send(response, 401, { message: 'credentials needed' });
      }
      // git-lfs itself names a character set too.
      if (request.headers['content-type']?.split(';')[0] !== 'application/vnd.git-lfs+json') {
        return send(response, 422, { message: 'wrong media type' });
      }
      const wanted = (JSON.parse(asked) as { objects: { oid: string; size: number }[] }).objects;
      return send(response, 200, {
        transfer: 'basic',
        objects: wanted.map(({ oid, size }) =>
          objects.has(oid)
            ? {
                oid,
                size,
                actions: {
                  download: {
                    href: `${options.storageUrl ?? base}/storage/${oid}`,
                    header: { 'X-Grant': 'yes' },
                  },
                },
              }
            : { oid, size, error: { code: 404, message: 'Object does not exist' } },
        ),
      });
    }
    const content = objects.get(path.replace('/storage/', ''));
    if (content === undefined || request.headers['x-grant'] !== 'yes')
      return send(response, 404, { message: 'no' });
    const start =
      options.ranges === false ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (start >= content.length) return send(response, 416, { message: 'no such range' });
    const body = content.subarray(start);
    logged.start = start;
    response.writeHead(start === 0 ? 200 : 206, {
      'Content-Length': body.length,
      ...(start === 0 ? {} : { 'Content-Range': `bytes ${start}-${content.length - 1}/${content.length}` }),
    });
    if (fault === 'drop') {
      response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
      return;
    }
    response.end(body);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${base}/team/models.git`,
    objects,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
