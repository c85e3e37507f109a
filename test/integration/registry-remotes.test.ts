import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { builtCli } from '../../bench/process-sample.ts';
import { freePort } from '../support/free-port.ts';
import { startGitHttpServer } from '../support/git-http-server.ts';
import {
  commitFiles,
  createBare,
  createClone,
  git,
  sha256,
  snapshot,
  type TemporaryFolder,
  temporaryFolder,
} from '../support/git-repositories.ts';

/** The whole command set from the command line, on every kind of remote and clone. */

const cli = builtCli();
/** Some thirty processes a life: without it each would compile everything again. */
const compiled = temporaryFolder();
afterAll(() => compiled[Symbol.asyncDispose]());
const models = resolve(import.meta.dirname, '../../fixtures/models');
const digits = readFileSync(join(models, 'digits/model.onnx'));
const smaller = readFileSync(join(models, 'digits-fp16/model.onnx'));

interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Not in step: the HTTP server lives in this process. */
function run(cwd: string, env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ran> {
  return new Promise(done => {
    const child = spawn(process.execPath, [cli, 'registry', ...args], {
      cwd,
      env: {
        PATH: process.env['PATH'],
        GIT_CONFIG_NOSYSTEM: '1',
        NODE_COMPILE_CACHE: compiled.path,
        ...env,
      },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', chunk => {
      stdout += chunk;
    });
    child.stderr.on('data', chunk => {
      stderr += chunk;
    });
    child.on('close', exitCode => done({ exitCode, stdout, stderr }));
  });
}

/** What github-action-benchmark keeps. */
const benchmarkData = `window.BENCHMARK_DATA = ${JSON.stringify({
  lastUpdate: 1,
  repoUrl: 'https://example.com/x',
  entries: {
    Suite: [
      {
        commit: {
          id: 'a'.repeat(40),
          message: 'm',
          timestamp: '2026-01-01T00:00:00Z',
          url: 'u',
          author: { name: 'Ada' },
        },
        date: 1_767_225_600_000,
        tool: 'customSmallerIsBetter',
        benches: [{ name: 'latency', value: 1.5, unit: 'ms' }],
      },
    ],
  },
})}`;

/** A source repository with two models, pushed to the bare one. */
function fill(folder: string, bare: string): void {
  const work = createClone(folder, 'source', `file://${bare}`);
  commitFiles(work, { 'digits.onnx': digits, 'smaller.onnx': smaller }, 'models');
  git(work, 'push', '--quiet', 'origin', 'main');
}

async function wholeLife(clone: string, env: NodeJS.ProcessEnv): Promise<void> {
  writeFileSync(
    join(clone, 'quickserveml.yml'),
    'version: 1\nregistry:\n  blob-limit: 200KB\n  promotion:\n    production:\n      from: [staging]\n',
  );
  const ok = async <T>(...args: string[]): Promise<T> => {
    const { exitCode, stdout, stderr } = await run(clone, env, ...args, '--json');
    expect(`${args.join(' ')}: ${exitCode} ${exitCode === 0 ? '' : stdout + stderr}`).toBe(
      `${args.join(' ')}: 0 `,
    );
    return JSON.parse(stdout) as T;
  };
  expect(await ok('init')).toMatchObject({ created: true });
  expect(await ok('add', 'digits', 'digits.onnx', '--tag', 'vision')).toMatchObject({
    version: '1.0.0',
    new: true,
  });
  const { version } = await ok<{ version: string }>('add', 'digits', 'smaller.onnx');
  expect(version).not.toBe('1.0.0');
  await ok('update', 'digits@1.0.0', '--metric', 'accuracy=0.9', '--note', 'measured by hand');
  expect((await run(clone, env, 'promote', 'digits@1.0.0')).exitCode).toBe(1);
  await ok('promote', 'digits@1.0.0', '--to', 'staging');
  await ok('promote', 'digits@1.0.0', '--reason', 'it is time');
  const newer = `digits@${version}`;
  await ok('promote', newer, '--to', 'staging');
  expect(await ok('promote', newer)).toMatchObject({ kind: 'written' });
  expect(await ok('promote', 'digits', '--rollback')).toMatchObject({ kind: 'written', version: '1.0.0' });
  writeFileSync(join(clone, 'data.js'), benchmarkData);
  expect(await ok('import', 'data.js', '--as', 'digits')).toMatchObject({ measurements: 1 });
  expect(
    await ok('list', '--status', 'production', '--where', 'accuracy>=0.9', '--tag', 'vision'),
  ).toMatchObject({
    models: [{ name: 'digits', production: '1.0.0' }],
  });
  expect(await ok('list', '--search', 'nothing like it')).toEqual({ models: [] });
  expect(await ok<{ versions: unknown[] }>('versions', 'digits')).toMatchObject({ production: '1.0.0' });
  // One is over the limit: its bytes come from the source commit; the other from the branch.
  for (const [wanted, bytes] of [
    ['digits@1.0.0', digits],
    [`digits@${version}`, smaller],
  ] as const) {
    await ok('export', wanted, '-o', 'out.onnx');
    expect(sha256(readFileSync(join(clone, 'out.onnx')))).toBe(sha256(bytes));
  }
  await ok('get', 'digits@production', '-o', 'fetched');
  expect(sha256(readFileSync(join(clone, 'fetched/digits.onnx')))).toBe(sha256(digits));
  expect(await ok<{ fields: unknown[] }>('compare', 'digits@1.0.0', 'digits@latest')).toHaveProperty(
    'fields',
  );
  expect(await ok<{ events: unknown[] }>('history', 'digits')).toMatchObject({
    production: [
      { version: '1.0.0', until: expect.any(String) },
      { version, until: expect.any(String) },
      { version: '1.0.0', until: null },
    ],
  });
  await ok('delete', `digits@${version}`, '--reason', 'too coarse');
  await ok('backup', 'saved');
  await ok('compact');
  await ok('compact', '--rewrite');
  expect(await ok('verify')).toMatchObject({ defects: [] });
  expect((await ok<{ commits: unknown[] }>('audit')).commits).toHaveLength(13);
  expect((await run(clone, env, 'restore', 'saved')).exitCode).toBe(3);
  await ok('restore', 'saved', '--force');
  expect(await ok('verify')).toMatchObject({ defects: [] });
}

/** A plain, a shallow, a partial and a detached clone, as jobs have them. */
const CLONES = {
  plain: [],
  'shallow and detached': ['--depth=1'],
  partial: ['--filter=blob:none'],
} as const;

async function gitLater(cwd: string, ...args: readonly string[]): Promise<void> {
  const child = spawn('git', [...args], {
    cwd,
    env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', chunk => {
    said += chunk;
  });
  const code = await new Promise(done => child.on('close', done));
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${said}`);
}

async function cloneOf(
  folder: TemporaryFolder,
  url: string,
  kind: keyof typeof CLONES,
  config: readonly string[] = [],
): Promise<string> {
  const clone = join(folder.path, 'clone');
  await gitLater(folder.path, ...config, 'clone', '--quiet', ...CLONES[kind], url, clone);
  git(clone, 'config', 'user.name', 'Ada');
  git(clone, 'config', 'user.email', 'ada@example.com');
  if (kind.includes('detached')) git(clone, 'checkout', '--quiet', '--detach');
  return clone;
}

const homeOf = (folder: TemporaryFolder): NodeJS.ProcessEnv => {
  const home = join(folder.path, 'home');
  mkdirSync(home, { recursive: true });
  return { HOME: home, TMPDIR: home };
};

const slow = { timeout: 420_000 };
const sshd = '/usr/sbin/sshd';
const hasSshd = existsSync(sshd);

describe('every registry command works', () => {
  // Each kind of remote and each kind of clone once; the plain clone comes over ssh where that can be had.
  test.each(hasSshd ? (['partial'] as const) : (['plain', 'partial'] as const))(
    'on a file remote, from a %s clone, whose own files stay as they were',
    slow,
    async kind => {
      await using folder = temporaryFolder();
      const bare = createBare(folder.path);
      fill(folder.path, bare);
      const clone = await cloneOf(folder, `file://${bare}`, kind);
      const before = snapshot(join(clone, '.git'));
      await wholeLife(clone, homeOf(folder));
      expect(snapshot(join(clone, '.git'))).toEqual(before);
    },
  );

  test('over HTTP with a password, from a shallow clone with a detached HEAD', slow, async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    fill(folder.path, bare);
    await using server = await startGitHttpServer(folder.path, { basicAuth: 'x-access-token:s3cret-token' });
    const header = `Authorization: Basic ${Buffer.from('x-access-token:s3cret-token').toString('base64')}`;
    const key = `http.${server.url}/.extraHeader`;
    const clone = await cloneOf(folder, `${server.url}/remote.git`, 'shallow and detached', [
      '-c',
      `${key}=${header}`,
    ]);
    const env = {
      ...homeOf(folder),
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: key,
      GIT_CONFIG_VALUE_0: header,
    };
    await wholeLife(clone, env);
    expect(server.requests.every(({ url }) => !url.includes('s3cret'))).toBe(true);
  });

  test.skipIf(!hasSshd)(
    'over ssh (needs sshd), from a plain clone whose own files stay as they were',
    slow,
    async () => {
      await using folder = temporaryFolder();
      const bare = createBare(folder.path);
      fill(folder.path, bare);
      const at = (name: string): string => join(folder.path, name);
      for (const name of ['host', 'user'])
        spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
      writeFileSync(at('authorized'), readFileSync(at('user.pub')));
      const port = await freePort();
      const { username } = userInfo();
      // The shell that sshd starts would read this machine's own start files, which take long and may print.
      writeFileSync(
        at('sshd_config'),
        `SetEnv HOME=${folder.path}\nPort ${port}\nListenAddress 127.0.0.1\nHostKey ${at('host')}\nAuthorizedKeysFile ${at('authorized')}\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n`,
      );
      if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
      const server = spawn(sshd, ['-D', '-e', '-f', at('sshd_config')], { stdio: 'ignore' });
      try {
        await answers(port);
        const ssh = `ssh -p ${port} -i ${at('user')} -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -F /dev/null -o ControlMaster=auto -o ControlPath=${at('c')} -o ControlPersist=5`;
        const clone = await cloneOf(folder, `ssh://${username}@127.0.0.1${bare}`, 'plain', [
          '-c',
          `core.sshCommand=${ssh}`,
        ]);
        const before = snapshot(join(clone, '.git'));
        await wholeLife(clone, { ...homeOf(folder), GIT_SSH_COMMAND: ssh });
        expect(snapshot(join(clone, '.git'))).toEqual(before);
      } finally {
        server.kill('SIGKILL');
      }
    },
  );
});

async function answers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const open = await new Promise<boolean>(done => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        done(true);
      });
      socket.on('error', () => done(false));
    });
    if (open) return;
    await new Promise(done => setTimeout(done, 50));
  }
  throw new Error('sshd does not answer');
}
