import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

/** What the proxy was asked for: `CONNECT name:443`, or `GET http://name/path`. */
export interface ClosedNetwork extends AsyncDisposable {
  /** The environment of a machine behind the proxy that trusts the private authority. */
  readonly environment: Readonly<Record<string, string>>;
  readonly requests: readonly string[];
  /**
   * Makes a server of loopback (`http://127.0.0.1:port/...`) known as `NAME.closed.example`, or as one of PUBLIC_NAMES, on
   * port 80, 443 or both.
   */
  name(name: string, upstream: string, schemes?: readonly ('http' | 'https')[]): Promise<void>;
}

/** Registries that the examples name. */
const PUBLIC_NAMES = ['ghcr.io', 'gcr.io'];
const CHALLENGE = 'Basic realm="proxy"';
const PROXY_USER = 'builder';
const PROXY_PASSWORD = 'p@ss/word';

/** The domain does not exist: whatever does not ask the proxy fails. */
export const addressOf = (name: string, scheme: 'http' | 'https'): string =>
  `${scheme}://${name}.closed.example`;

function makeAuthority(folder: string): { readonly key: string; readonly certificate: string } {
  const key = join(folder, 'authority.key');
  const certificate = join(folder, 'authority.pem');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...['-keyout', key, '-out', certificate, '-subj', '/CN=closed network'],
      ...[
        '-addext',
        `subjectAltName=${['*.closed.example', ...PUBLIC_NAMES].map(name => `DNS:${name}`).join(',')}`,
      ],
    ],
    { stdio: 'ignore' },
  );
  return { key, certificate };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function pipeBoth(one: Socket, other: Socket): void {
  one.on('error', () => other.destroy());
  other.on('error', () => one.destroy());
  one.pipe(other).pipe(one);
}

/**
 * A network as companies have it: no way out but a proxy that wants a password, which resolves the names, and servers whose
 * certificates only a private authority vouches for.
 */
export async function startClosedNetwork(folder: string): Promise<ClosedNetwork> {
  const { key, certificate } = makeAuthority(folder);
  const requests: string[] = [];
  const ports = new Map<string, number>();
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const expected = `Basic ${Buffer.from(`${PROXY_USER}:${PROXY_PASSWORD}`).toString('base64')}`;
  const mayPass = (request: IncomingMessage): boolean => request.headers['proxy-authorization'] === expected;
  const watch = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  };

  const forward = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(`${request.method} ${request.url}`);
    const url = new URL(request.url ?? '', 'http://none');
    const port = ports.get(`${url.hostname}:80`);
    if (!mayPass(request) || port === undefined) {
      if (mayPass(request)) response.writeHead(502).end();
      else response.writeHead(407, { 'proxy-authenticate': CHALLENGE }).end();
      return;
    }
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const upstream = httpRequest(
      { host: '127.0.0.1', port, method: request.method, path: url.pathname + url.search, headers },
      answer => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  };
  const proxy = createServer(forward);
  proxy.on('connection', watch);
  proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
    requests.push(`CONNECT ${request.url}`);
    const port = ports.get(request.url ?? '');
    if (!mayPass(request) || port === undefined) {
      socket.end(
        mayPass(request)
          ? 'HTTP/1.1 502 Bad Gateway\r\n\r\n'
          : `HTTP/1.1 407 Who are you\r\nProxy-Authenticate: ${CHALLENGE}\r\nConnection: close\r\n\r\n`,
      );
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      pipeBoth(socket, upstream);
    });
    watch(upstream);
    upstream.on('error', () => socket.destroy());
  });
  servers.push(proxy);
  const proxyPort = await listen(proxy);
  const proxyUrl = `http://${PROXY_USER}:${encodeURIComponent(PROXY_PASSWORD)}@127.0.0.1:${proxyPort}`;

  return {
    environment: {
      HTTP_PROXY: proxyUrl,
      HTTPS_PROXY: proxyUrl,
      NO_PROXY: '',
      NODE_EXTRA_CA_CERTS: certificate,
    },
    requests,
    async name(name, upstream, schemes = ['http', 'https']) {
      const port = Number(new URL(upstream).port);
      const front = createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) }, socket => {
        const inner = connect(port, '127.0.0.1', () => pipeBoth(socket, inner));
        watch(inner);
        inner.on('error', () => socket.destroy());
      });
      front.on('connection', watch);
      front.on('tlsClientError', () => undefined);
      servers.push(front);
      const securePort = await listen(front);
      for (const [scheme, known, at] of [
        ['http', 80, port],
        ['https', 443, securePort],
      ] as const) {
        const host = PUBLIC_NAMES.includes(name) ? name : `${name}.closed.example`;
        if (schemes.includes(scheme)) ports.set(`${host}:${known}`, at);
        else ports.delete(`${host}:${known}`);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
    },
  };
}
