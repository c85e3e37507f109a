import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../../src/runtime/cache-folder.ts';
import { type NpmSurroundings, readNpmConfig } from '../../../src/runtime/npm-config.ts';

/** How .npmrc refers to a variable. */
const reference = (variable: string): string => ['$', '{', variable, '}'].join('');

let root: string;
let project: string;
let home: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'npm-config-'));
  project = join(root, 'project');
  home = join(root, 'home');
  mkdirSync(join(project, 'sub'), { recursive: true });
  mkdirSync(home);
  writeFileSync(join(project, 'package.json'), '{}');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const surroundings = (environment: NpmSurroundings['environment'] = {}): NpmSurroundings => ({
  environment,
  cwd: join(project, 'sub'),
  home,
  platform: process.platform,
});

describe("npm's configuration", () => {
  it('comes from the environment, then the project, then the user', async () => {
    writeFileSync(join(home, '.npmrc'), 'registry=http://user.test\n');
    expect((await readNpmConfig(surroundings())).registry).toBe('http://user.test/');
    writeFileSync(join(project, '.npmrc'), 'registry=http://project.test/npm\n');
    expect((await readNpmConfig(surroundings())).registry).toBe('http://project.test/npm/');
    const environment = { NPM_CONFIG_REGISTRY: 'http://environment.test/' };
    expect((await readNpmConfig(surroundings(environment))).registry).toBe('http://environment.test/');
  });

  it('has no registry where none is configured and there is no npm to ask', async () => {
    expect((await readNpmConfig(surroundings({ PATH: join(root, 'nothing') }))).registry).toBeNull();
  });

  it('asks the npm command for what only that knows', async () => {
    const bin = join(root, 'bin');
    mkdirSync(bin);
    writeFileSync(
      join(bin, 'npm'),
      '#!/bin/sh\n[ "$*" = "config get registry" ] && echo http://global.test/x\n',
      {
        mode: 0o755,
      },
    );
    expect((await readNpmConfig(surroundings({ PATH: `${bin}:/bin:/usr/bin` }))).registry).toBe(
      'http://global.test/x/',
    );
  });

  it('does not take anything but http for a registry', async () => {
    writeFileSync(join(home, '.npmrc'), 'registry=file:///etc\n');
    expect((await readNpmConfig(surroundings({ PATH: '' }))).registry).toBeNull();
  });

  it('gives a token only to its own host and path, the longest path first', async () => {
    writeFileSync(
      join(home, '.npmrc'),
      [
        'registry=https://npm.test/team/',
        '//npm.test/:_authToken=outer',
        `//npm.test/team/:_authToken=${reference('TEAM_TOKEN')}`,
        '//basic.test/:_auth=dXNlcjpwYXNz',
        '//old.test/:username=user',
        `//old.test/:_password=${Buffer.from('pass').toString('base64')}`,
      ].join('\n'),
    );
    const { authorizationFor } = await readNpmConfig(surroundings({ TEAM_TOKEN: 'inner' }));
    const header = (url: string) => authorizationFor(new URL(url));
    expect(header('https://npm.test/team/onnxruntime-node')).toBe('Bearer inner');
    expect(header('https://npm.test/other/x')).toBe('Bearer outer');
    expect(header('https://npm.test:8443/team/x')).toBeNull();
    expect(header('https://cdn.test/team/x')).toBeNull();
    expect(header('https://basic.test/x')).toBe('Basic dXNlcjpwYXNz');
    expect(header('https://old.test/x')).toBe('Basic dXNlcjpwYXNz');
  });

  it("does not let the project's file send the job's token to a host of its choice", async () => {
    writeFileSync(
      join(project, '.npmrc'),
      `//evil.test/:_authToken=${reference('GITHUB_TOKEN')}\n//npm.test/:_authToken=${reference('NPM_TOKEN')}\n`,
    );
    const environment = {
      GITHUB_TOKEN: 'ghs_secret',
      NPM_TOKEN: 'npm_token',
      npm_config_registry: 'http://r.test',
    };
    const { authorizationFor } = await readNpmConfig(surroundings(environment));
    expect(authorizationFor(new URL('https://evil.test/x'))).not.toContain('ghs_secret');
    expect(authorizationFor(new URL('https://npm.test/x'))).toBe('Bearer npm_token');
  });

  it('knows certificates and proxies', async () => {
    writeFileSync(join(home, 'ca.pem'), 'PEM');
    writeFileSync(
      join(home, '.npmrc'),
      `registry=http://r.test\ncafile=${join(home, 'ca.pem')}\nstrict-ssl=false\nhttps-proxy=http://npm-proxy.test\n`,
    );
    const config = await readNpmConfig(
      surroundings({
        HTTPS_PROXY: 'http://other.test',
        http_proxy: 'http://plain.test',
        NO_PROXY: 'localhost',
      }),
    );
    expect(config).toMatchObject({
      certificates: ['PEM'],
      strictTls: false,
      httpsProxy: 'http://npm-proxy.test',
      httpProxy: 'http://plain.test',
      noProxy: 'localhost',
    });
  });
});

describe('the cache folder', () => {
  it("is the runner's tool cache, else that of the user", () => {
    expect(cacheFolder({ RUNNER_TOOL_CACHE: '/tools' }, 'linux', '/home/me')).toBe('/tools/quickserveml');
    expect(cacheFolder({ XDG_CACHE_HOME: '/xdg' }, 'linux', '/home/me')).toBe('/xdg/quickserveml');
    expect(cacheFolder({}, 'linux', '/home/me')).toBe('/home/me/.cache/quickserveml');
    expect(cacheFolder({}, 'darwin', '/Users/me')).toBe('/Users/me/Library/Caches/quickserveml');
    expect(cacheFolder({ LOCALAPPDATA: '/local' }, 'win32', '/home/me')).toBe('/local/quickserveml');
  });
});
