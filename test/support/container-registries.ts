import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSign, randomUUID, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** How a registry of the tests is set up. */
export type RegistryFlavour =
  | 'plain'
  | 'basic'
  | 'tls'
  | 'token'
  | 'relative'
  /** As `basic`, and with relative locations, since it does not know the name that it is reached by. */
  | 'fronted';

/** A real docker-registry on a free port of the loopback interface, with its data in a folder of the test. */
export interface ContainerRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** The certificate authority of the flavour `tls` (a PEM file). */
  readonly certificateFile: string | null;
  /** The access log so far. */
  readonly log: () => string;
}

export const registryUser = { username: 'ci', password: 's3cret-password' };

async function waitForPort(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    const open = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error('docker-registry did not start');
}

/** A self-signed certificate and its key for the loopback interface. */
function makeCertificate(folder: string, name: string, kind: 'ec' | 'rsa') {
  const key = join(folder, `${name}.key`);
  const certificate = join(folder, `${name}.crt`);
  if (!existsSync(key)) {
    const algorithm = kind === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['rsa:2048'];
    execFileSync(
      'openssl',
      [
        ...[
          'req',
          '-x509',
          '-newkey',
          ...algorithm,
          '-nodes',
          '-days',
          '30',
          '-keyout',
          key,
          '-out',
          certificate,
        ],
        ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ],
      { stdio: 'ignore' },
    );
  }
  return { key, certificate };
}

interface TokenServer {
  readonly server: Server;
  readonly url: string;
}

export interface TokenServerOptions {
  /** Seconds that a token lives. */
  readonly lifetimeS?: number;
  /** Told to clients, where it is not the truth. */
  readonly claimedLifetimeS?: number;
}

/** docker/distribution's token server in small: the user may push and pull, anybody may pull. */
async function startTokenServer(
  files: { readonly key: string; readonly certificate: string },
  { lifetimeS = 300, claimedLifetimeS = lifetimeS }: TokenServerOptions,
): Promise<TokenServer> {
  const key = readFileSync(files.key);
  const chain = new X509Certificate(readFileSync(files.certificate)).raw.toString('base64');
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const sign = (subject: string, audience: string, access: readonly object[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const head = encode({ typ: 'JWT', alg: 'RS256', x5c: [chain] });
    const claims = {
      iss: 'test-issuer',
      sub: subject,
      aud: audience,
      iat: now,
      nbf: now - 5,
      exp: now + lifetimeS,
    };
    const body = `${head}.${encode({ ...claims, jti: randomUUID(), access })}`;
    return `${body}.${createSign('RSA-SHA256').update(body).sign(key).toString('base64url')}`;
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://x');
      const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
      const parameters = request.method === 'POST' ? form : url.searchParams;
      const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      const pair = basic === undefined ? '' : Buffer.from(basic, 'base64').toString();
      const known = pair === `${registryUser.username}:${registryUser.password}`;
      const refreshed = form.get('refresh_token') === 'refresh-token-of-ci';
      if ((basic !== undefined && !known) || (request.method === 'POST' && !refreshed)) {
        response.writeHead(401, { 'content-type': 'application/json' });
        response.end('{"errors":[{"code":"UNAUTHORIZED","message":"wrong user or password"}]}');
        return;
      }
      const mayPush = known || refreshed;
      const access = parameters
        .getAll('scope')
        .flatMap(scope => scope.split(' '))
        .map(scope => {
          const [type = '', ...rest] = scope.split(':');
          const actions = (rest.pop() ?? '').split(',');
          return {
            type,
            name: rest.join(':'),
            actions: mayPush ? actions : actions.filter(one => one === 'pull'),
          };
        });
      const token = sign(mayPush ? 'ci' : '', parameters.get('service') ?? '', access);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ token, expires_in: claimedLifetimeS }));
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token` };
}

/** Starts a registry; its data and configuration are written below `folder`. */
export async function startContainerRegistry(
  folder: string,
  flavour: RegistryFlavour = 'plain',
  options: TokenServerOptions & { readonly realm?: (tokenServer: string) => string } = {},
): Promise<ContainerRegistry> {
  const home = join(folder, `registry-${flavour}-${randomUUID().slice(0, 8)}`);
  mkdirSync(home, { recursive: true });
  const port = await freePort();
  const tls = flavour === 'tls' ? makeCertificate(home, 'tls', 'ec') : null;
  const lines = [
    'version: 0.1',
    'log: {level: error, formatter: text, accesslog: {disabled: false}}',
    'storage:',
    `  filesystem: {rootdirectory: ${join(home, 'data')}}`,
    '  delete: {enabled: true}',
    'http:',
    `  addr: 127.0.0.1:${port}`,
    '  secret: only-for-tests',
    ...(flavour === 'relative' || flavour === 'fronted' ? ['  relativeurls: true'] : []),
    ...(tls === null ? [] : [`  tls: {certificate: ${tls.certificate}, key: ${tls.key}}`]),
  ];
  let tokenServer: TokenServer | null = null;
  if (flavour === 'basic' || flavour === 'tls' || flavour === 'fronted') {
    const { username, password } = registryUser;
    const file = join(home, 'htpasswd');
    writeFileSync(file, execFileSync('htpasswd', ['-Bbn', username, password]));
    lines.push('auth:', `  htpasswd: {realm: test, path: ${file}}`);
  }
  if (flavour === 'token') {
    const files = makeCertificate(home, 'token', 'rsa');
    tokenServer = await startTokenServer(files, options);
    const realm = options.realm?.(tokenServer.url) ?? tokenServer.url;
    lines.push(
      'auth:',
      `  token: {realm: "${realm}", service: test-registry, issuer: test-issuer, rootcertbundle: ${files.certificate}}`,
    );
  }
  const configuration = join(home, 'config.yml');
  writeFileSync(configuration, `${lines.join('\n')}\n`);
  const child = spawn('docker-registry', ['serve', configuration], {
    env: { PATH: process.env['PATH'], OTEL_TRACES_EXPORTER: 'none' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString('utf8')));
  }
  await waitForPort(port, child);
  return {
    host: `127.0.0.1:${port}`,
    certificateFile: tls?.certificate ?? null,
    log: () => output.join(''),
    async [Symbol.asyncDispose]() {
      const ended = new Promise(resolve => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      tokenServer?.server.closeAllConnections();
      tokenServer?.server.close();
    },
  };
}
