import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DoctorLine } from '../../src/commands/doctor/line.ts';
import { type DoctorOptions, doctorCommand } from '../../src/commands/doctor.ts';
import { registryUser, startContainerRegistry } from '../support/container-registries.ts';
import { startGitHttpServer } from '../support/git-http-server.ts';
import { GitHubServer, READ_ONLY_TOKEN, TEST_TOKEN } from '../support/github-server.ts';
import {
  CI_JOB_TOKEN,
  GITLAB_PROJECT,
  GITLAB_TOKEN,
  GitLabServer,
  READ_API_TOKEN,
} from '../support/gitlab-server.ts';
import { startLfsServer } from '../support/lfs-server.ts';
import { fixtureModel, git } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

const PASSWORD = 'planted-password-0451';

let folder: string;
let clone: string;
let bare: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'doctor '));
  clone = join(folder, 'clone');
  bare = join(folder, 'models.git');
  git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', bare);
  git(folder, 'init', '--quiet', '--initial-branch=main', clone);
  git(clone, 'remote', 'add', 'origin', bare);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
};
const commit = (files: Readonly<Record<string, string>> = {}): void => {
  mkdirSync(join(clone, 'models'), { recursive: true });
  cpSync(join(fixtureModel('digits'), 'model.onnx'), join(clone, 'models/digits.onnx'));
  for (const [path, text] of Object.entries(files)) write(path, text);
  git(clone, 'add', '--all');
  git(clone, 'commit', '--quiet', '-m', 'Models');
  git(clone, 'push', '--quiet', 'origin', 'HEAD:refs/heads/main');
};

const NEUTRAL = { PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };

async function doctor(env: Readonly<Record<string, string>> = {}, options: Partial<DoctorOptions> = {}) {
  const world = {
    ...testSurroundings(),
    env: { ...NEUTRAL, TMPDIR: folder, ...env },
    cacheFolder: join(folder, 'cache'),
    patience: { timeoutMs: 10_000, sleep: async () => undefined },
  };
  const result = await doctorCommand({ cwd: clone, insecure: [], ...options }, world);
  const { checks } = result.document as { readonly checks: readonly DoctorLine[] };
  const in_ = (area: DoctorLine['area']): readonly DoctorLine[] => checks.filter(line => line.area === area);
  const said = (area: DoctorLine['area'], state: DoctorLine['state']): string =>
    in_(area)
      .filter(line => line.state === state)
      .map(({ message, hint }) => `${message} ${hint ?? ''}`)
      .join('\n');
  return { ...result, checks, said };
}

/** What `git ls-remote` shows. */
const refs = (): string => git(clone, 'ls-remote', bare);

describe('doctor', () => {
  it('finds nothing to mend in a repository that is in place, and changes nothing on the remote', async () => {
    commit({ 'quickserveml.yml': 'version: 1\nmodels:\n  digits: { path: models/digits.onnx }\n' });
    const before = refs();
    const { exitCode, text, checks, said } = await doctor();
    expect(checks.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(text).toContain('Everything is in place.');
    expect(said('configuration', 'ok')).toContain('quickserveml.yml is valid');
    expect(said('models', 'ok')).toContain('1 found: digits');
    expect(said('registry', 'ok')).toMatch(/does not exist yet.*\n.*A push is let in/);
    expect(refs()).toBe(before);
    expect(git(clone, 'status', '--porcelain')).toBe('');
  });

  it('says what is wrong with the configuration, and goes on', async () => {
    commit({ 'quickserveml.yml': 'version: 1\nmodels:\n  digits: { pth: models/digits.onnx }\n' });
    const { exitCode, said } = await doctor();
    expect(said('configuration', 'problem')).toContain('pth');
    expect(said('models', 'ok')).toContain('1 found');
    expect(exitCode).toBe(2);
  });

  it('names models that are configured and not there', async () => {
    commit({ 'quickserveml.yml': 'version: 1\nmodels:\n  digits: { path: models/digit.onnx }\n' });
    const { exitCode, said } = await doctor();
    expect(said('models', 'problem')).toContain('models/digit.onnx');
    expect(exitCode).toBe(2);
  });

  it('outside of a repository looks at what there is', async () => {
    const { exitCode, checks, said } = await doctor({}, { cwd: folder });
    expect(said('repository', 'problem')).toContain('not');
    expect(checks.some(({ area }) => area === 'machine')).toBe(true);
    expect(exitCode).toBe(2);
  });

  it('knows a detached, shallow clone, as CI makes it', async () => {
    commit();
    commit({ 'more.txt': 'more' });
    const shallow = join(folder, 'shallow');
    git(folder, 'clone', '--quiet', '--depth=1', `file://${bare}`, shallow);
    git(shallow, 'checkout', '--quiet', '--detach');
    const { said } = await doctor({}, { cwd: shallow });
    expect(said('repository', 'ok')).toMatch(/Detached at .*\n.*shallow/);
  });

  it('shows proxies without their passwords, and refuses those that are none', async () => {
    commit();
    const proxied = await doctor({
      HTTPS_PROXY: `http://me:${PASSWORD}@proxy.example:3128`,
      no_proxy: 'corp',
    });
    expect(proxied.said('network', 'ok')).toContain('Proxy for https: proxy.example:3128 (HTTPS_PROXY)');
    expect(proxied.said('network', 'warning')).toContain('https addresses only');
    expect(JSON.stringify(proxied.document) + proxied.text).not.toContain(PASSWORD);
    const broken = await doctor({ HTTPS_PROXY: 'ftp://proxy', NODE_EXTRA_CA_CERTS: '/does/not/exist.pem' });
    expect(broken.said('network', 'problem')).toContain('HTTPS_PROXY names no proxy');
    expect(broken.exitCode).toBe(2);
  });

  it.skipIf(lacks('runtime'))('tells a runtime that loads from one that would be fetched', async () => {
    commit();
    const here = await doctor();
    expect(here.said('runtime', 'ok')).toMatch(/onnxruntime 1\.\d+\.\d+, an installed package, loads \(cpu/);
    write('quickserveml.yml', 'version: 1\nruntime: { version: 1.22.0 }\n');
    const missing = await doctor({ npm_config_registry: 'https://npm.closed.example/' });
    expect(missing.said('runtime', 'warning')).toContain('https://npm.closed.example');
    expect(missing.exitCode).toBe(0);
  });
});

describe('doctor and the registry branch', () => {
  const withServer = async (
    options: Parameters<typeof startGitHttpServer>[1],
    look: (url: string) => Promise<void>,
  ): Promise<void> => {
    await using server = await startGitHttpServer(folder, options);
    git(clone, 'remote', 'set-url', 'origin', `${server.url}/models.git`);
    await look(server.url);
  };
  const always = { 'quickserveml.yml': 'version: 1\nregistry: { record: always }\n' };

  it('says that the remote lets nobody push, as a problem only where this run would record', async () => {
    commit(always);
    await withServer({ basicAuth: `ci:${PASSWORD}`, publicRead: true }, async () => {
      const before = refs();
      const recording = await doctor();
      expect(recording.said('registry', 'problem')).not.toBe('');
      expect(recording.exitCode).toBe(3);
      write('quickserveml.yml', 'version: 1\n');
      const reading = await doctor();
      expect(reading.said('registry', 'warning')).toContain('This run does not record');
      expect(reading.exitCode).toBe(0);
      expect(refs()).toBe(before);
    });
  });

  it('rehearses the push with the credentials of the clone, which show nowhere', async () => {
    commit(always);
    await withServer({ basicAuth: `ci:${PASSWORD}` }, async url => {
      git(clone, 'remote', 'set-url', 'origin', `${url.replace('://', `://ci:${PASSWORD}@`)}/models.git`);
      const before = refs();
      const { said, document, text, exitCode } = await doctor();
      expect(said('registry', 'ok')).toContain('A push is let in');
      expect(exitCode).toBe(0);
      expect(JSON.stringify(document) + text).not.toContain(PASSWORD);
      expect(refs()).toBe(before);
    });
  });

  it('names a branch of a format that it does not know', async () => {
    commit(always);
    const other = join(folder, 'other');
    git(folder, 'init', '--quiet', '--initial-branch=quickserveml', other);
    writeFileSync(join(other, 'registry.json'), '{"formatVersion": 99, "format": 99}');
    git(other, 'add', '--all');
    git(other, 'commit', '--quiet', '-m', 'From the future');
    git(other, 'push', '--quiet', bare, 'HEAD:refs/heads/quickserveml');
    const { checks, exitCode } = await doctor();
    const [line] = checks.filter(({ area, state }) => area === 'registry' && state === 'problem');
    expect(line?.code).toMatch(/REGISTRY_(FORMAT_UNKNOWN|MALFORMED)/);
    expect(exitCode).toBe(3);
  });
});

describe('doctor and the platforms', () => {
  it('on GitHub tells what the token may and that the branch is protected', async () => {
    commit();
    await using server = await GitHubServer.start();
    server.protectedBranches.add('quickserveml');
    const event = join(folder, 'event.json');
    const pull = (headRepository: string) => ({
      number: 12,
      head: { sha: 'a'.repeat(40), ref: 'topic', repo: { full_name: headRepository } },
      base: { ref: 'main', sha: 'b'.repeat(40), repo: { full_name: 'acme/models' } },
    });
    const env = {
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'acme/models',
      GITHUB_EVENT_NAME: 'pull_request',
      GITHUB_EVENT_PATH: event,
      GITHUB_API_URL: server.apiUrl,
    };
    writeFileSync(event, JSON.stringify({ pull_request: pull('acme/models') }));
    const mine = await doctor({ ...env, GITHUB_TOKEN: TEST_TOKEN });
    expect(mine.said('platform', 'ok')).toMatch(
      /reads acme\/models, may push[\s\S]*comments of #12 can be read/,
    );
    expect(mine.said('registry', 'warning')).toContain('The branch quickserveml is protected');
    const reader = await doctor({ ...env, GITHUB_TOKEN: READ_ONLY_TOKEN });
    expect(reader.said('platform', 'ok')).toContain('may not push');
    writeFileSync(event, JSON.stringify({ pull_request: pull('stranger/models') }));
    const fork = await doctor({ ...env, GITHUB_TOKEN: READ_ONLY_TOKEN });
    expect(fork.said('platform', 'warning')).toMatch(/fork[\s\S]*workflow_run/);
    const wrong = await doctor({ ...env, GITHUB_TOKEN: 'ghs_planted00000000000000000000000000' });
    expect(wrong.said('platform', 'warning')).toContain('cannot read acme/models');
    const none = await doctor(env);
    expect(none.said('platform', 'warning')).toContain('set GITHUB_TOKEN');
    for (const { document, text } of [mine, reader, fork, wrong, none]) {
      expect(JSON.stringify(document) + text).not.toMatch(/ghs_/);
    }
    expect(server.violations).toEqual([]);
    expect(server.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  it('on GitLab tells the kind of the token, its scopes, and who may push', async () => {
    commit();
    await using server = await GitLabServer.start();
    server.protectedBranches.set('quickserveml', {
      push_access_levels: [{ access_level_description: 'Maintainers' }],
    });
    const env = {
      GITLAB_CI: 'true',
      CI_API_V4_URL: server.apiUrl,
      CI_PROJECT_ID: GITLAB_PROJECT,
      CI_PIPELINE_SOURCE: 'merge_request_event',
      CI_MERGE_REQUEST_IID: '7',
    };
    const job = await doctor({ ...env, CI_JOB_TOKEN });
    expect(job.said('platform', 'warning')).toMatch(/CI_JOB_TOKEN may not write notes[\s\S]*scope `api`/);
    const reader = await doctor({ ...env, CI_JOB_TOKEN, GITLAB_TOKEN: READ_API_TOKEN });
    expect(reader.said('platform', 'warning')).toContain('read_api, not api');
    const writer = await doctor({ ...env, CI_JOB_TOKEN, GITLAB_TOKEN });
    expect(writer.said('platform', 'ok')).toContain('GITLAB_TOKEN has the scopes api');
    expect(writer.said('platform', 'warning')).toBe('');
    expect(writer.said('registry', 'warning')).toContain('allowed to push: Maintainers');
    for (const { document, text } of [job, reader, writer]) {
      expect(JSON.stringify(document) + text).not.toMatch(/glpat-|glcbt-/);
    }
    expect(server.violations).toEqual([]);
  });

  it('on Jenkins tells which credentials are there and whether a change is built', async () => {
    commit();
    const none = await doctor({ JENKINS_URL: 'https://jenkins.example/' });
    expect(none.said('platform', 'warning')).toMatch(
      /neither GITHUB_TOKEN nor GITLAB_TOKEN[\s\S]*CHANGE_URL/,
    );
    expect(none.exitCode).toBe(0);
  });
});

describe('doctor and Git LFS', () => {
  const bytes = Buffer.from('weights');
  const oid = createHash('sha256').update(bytes).digest('hex');
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${bytes.length}\n`;

  it('asks the server for the object of a pointer, and fetches nothing', async () => {
    await using server = await startLfsServer();
    commit({ 'models/digits.onnx': pointer, '.lfsconfig': `[lfs]\n\turl = ${server.url}/info/lfs\n` });
    const lacking = await doctor();
    expect(lacking.said('lfs', 'problem')).toMatch(/models\/digits\.onnx cannot be had.*does not have it/);
    expect(lacking.exitCode).toBe(3);
    server.objects.set(oid, bytes);
    const having = await doctor();
    expect(having.said('lfs', 'ok')).toMatch(/1 of 1 models are pointers.*from 127\.0\.0\.1/);
    expect(server.requests.some(({ path }) => path.startsWith('/storage/'))).toBe(false);
  });
});

describe.skipIf(lacks('docker-registry') || lacks('htpasswd'))('doctor and the container registry', () => {
  it('tries the login and an upload, which it gives up', async () => {
    await using registry = await startContainerRegistry(folder, 'basic');
    commit({
      'quickserveml.yml': [
        'version: 1',
        `defaults: { publish: { base-image: "${registry.host}/base/node:24" } }`,
        'models:',
        '  digits:',
        '    path: models/digits.onnx',
        `    publish: { image: "${registry.host}/acme/digits" }`,
        '',
      ].join('\n'),
    });
    const options = { insecure: [registry.host] };
    const right = await doctor(
      {
        QUICKSERVEML_REGISTRY_USERNAME: registryUser.username,
        QUICKSERVEML_REGISTRY_PASSWORD: registryUser.password,
      },
      options,
    );
    expect(right.said('images', 'ok')).toContain('acme/digits: login works');
    expect(right.said('images', 'problem')).toMatch(/base image .*base\/node:24 does not exist/i);
    const wrong = await doctor(
      { QUICKSERVEML_REGISTRY_USERNAME: 'ci', QUICKSERVEML_REGISTRY_PASSWORD: PASSWORD },
      options,
    );
    expect(wrong.said('images', 'problem')).toContain('acme/digits');
    expect(JSON.stringify(wrong.document) + wrong.text + right.text).not.toMatch(
      new RegExp(`${PASSWORD}|${registryUser.password}`),
    );
    // docker-registry keeps an empty hash of an upload that is cancelled; its time and bytes are what would count.
    const uploads = [
      '-path',
      '*acme/digits/_uploads/*',
      '(',
      '-name',
      'startedat',
      '-o',
      '-name',
      'data',
      ')',
    ];
    const left = execFileSync('find', [folder, ...uploads], { encoding: 'utf8' });
    expect(left).toBe('');
  });
});
