import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  findRuntime,
  installRuntime,
  type RuntimeOptions,
  resolveRuntime,
} from '../../src/runtime/installer.ts';
import { probeRuntime } from '../../src/runtime/launcher.ts';
import { isNeeded, PLATFORMS, pinnedRuntimeFor, pinsVersion } from '../../src/runtime/pinned-files.ts';
import { PINNED_RUNTIME_VERSION } from '../../src/runtime/runtime-location.ts';
import { startRegistry } from '../support/npm-registry.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { installedRuntime, workerOptions } from '../support/runtime.ts';
import { packOtherVersion, packRuntime, startRuntimeRegistry } from '../support/runtime-registry.ts';

const nodeModules = join(projectRoot, 'node_modules');
const names = ['onnxruntime-common', 'onnxruntime-node'] as const;
const tarballPath = (name: string, version = PINNED_RUNTIME_VERSION) => `/${name}/-/${name}-${version}.tgz`;

let folder: string;
let tarballs: ReadonlyMap<string, Buffer>;
let options: RuntimeOptions;
let count = 0;

const serve =
  (changes: Readonly<Record<string, Buffer>> = {}) =>
  (path: string, response: import('node:http').ServerResponse) => {
    const name = names.find(each => path === tarballPath(each));
    const body = changes[path] ?? (name === undefined ? undefined : tarballs.get(name));
    if (body === undefined) response.writeHead(404).end('{}');
    else response.writeHead(200, { 'content-length': body.length }).end(body);
  };

describe.skipIf(lacks('runtime'))('installing the runtime', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'installer-test-'));
    tarballs = new Map(await Promise.all(names.map(async name => [name, await packRuntime(name)] as const)));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach(() => {
    count += 1;
    const own = join(folder, String(count));
    mkdirSync(join(own, 'home'), { recursive: true });
    options = {
      runtimePath: null,
      version: PINNED_RUNTIME_VERSION,
      searchFolders: [],
      cacheFolder: join(own, 'cache'),
      platform: process.platform,
      arch: process.arch,
      environment: { PATH: '' },
      cwd: own,
      home: join(own, 'home'),
    };
  });
  const from = (url: string, more: Partial<RuntimeOptions> = {}): RuntimeOptions => ({
    ...options,
    ...more,
    environment: { PATH: '', npm_config_registry: url, ...more.environment },
  });
  const finished = `onnxruntime-${PINNED_RUNTIME_VERSION}-${process.platform}-${process.arch}`;
  const leftovers = () => {
    const runtime = join(options.cacheFolder, 'runtime');
    return existsSync(runtime) ? readdirSync(runtime).filter(name => name !== finished) : [];
  };

  it('takes the platform’s files out of the tarball, and the result runs', async () => {
    await using registry = await startRegistry(serve());
    const seen: number[] = [];
    const location = await resolveRuntime(from(registry.url), ({ receivedBytes }) =>
      seen.push(receivedBytes),
    );
    expect(location).toMatchObject({ origin: 'downloaded', pinned: true, version: PINNED_RUNTIME_VERSION });
    const { version } = await probeRuntime({ ...workerOptions, runtime: location });
    expect(version).toBe(PINNED_RUNTIME_VERSION);
    expect(existsSync(join(location.packageFolder, 'README.md'))).toBe(false);
    expect(existsSync(join(location.packageFolder, 'bin/napi-v6/other'))).toBe(false);
    expect(seen.length).toBeGreaterThan(2);
    expect(leftovers()).toEqual([]);
    expect(existsSync(join(options.cacheFolder, 'runtime/escaped.js'))).toBe(false);
  });

  it('downloads once: the cache is used from then on', async () => {
    await using registry = await startRegistry(serve());
    await resolveRuntime(from(registry.url));
    const asked = registry.requests.length;
    expect((await resolveRuntime(from(registry.url))).origin).toBe('cache');
    expect(registry.requests).toHaveLength(asked);
  });

  it('installs again what was changed in the cache', async () => {
    await using registry = await startRegistry(serve());
    const { packageFolder } = await resolveRuntime(from(registry.url));
    appendFileSync(join(packageFolder, 'dist/index.js'), '\nglobalThis.changed = true;');
    expect(await findRuntime(from(registry.url))).toBeNull();
    expect((await resolveRuntime(from(registry.url))).origin).toBe('downloaded');
    expect((await findRuntime(from(registry.url)))?.origin).toBe('cache');
    expect(leftovers()).toEqual([]);
  });

  it('lets several processes install at once', async () => {
    await using registry = await startRegistry(serve());
    const locations = await Promise.all([1, 2, 3].map(() => installRuntime(from(registry.url))));
    expect(new Set(locations.map(({ packageFolder }) => packageFolder)).size).toBe(1);
    expect((await findRuntime(from(registry.url)))?.pinned).toBe(true);
    expect(leftovers()).toEqual([]);
  });

  it('refuses a file that is not the pinned one, even of the same size', async () => {
    const changed = await packRuntime('onnxruntime-node', (path, bytes) =>
      path === 'dist/index.js'
        ? Buffer.from(bytes.toString('latin1').replace('use strict', 'use STRICT'), 'latin1')
        : bytes,
    );
    await using registry = await startRegistry(serve({ [tarballPath('onnxruntime-node')]: changed }));
    await expect(installRuntime(from(registry.url))).rejects.toMatchObject({
      code: 'RUNTIME_HASH_MISMATCH',
      message: expect.stringContaining('dist/index.js'),
    });
    expect(leftovers()).toEqual([]);
    expect(await findRuntime(from(registry.url))).toBeNull();
  });

  it('refuses a tarball in which a needed file is missing', async () => {
    const other = tarballs.get('onnxruntime-common') ?? Buffer.alloc(0);
    await using registry = await startRegistry(serve({ [tarballPath('onnxruntime-node')]: other }));
    await expect(installRuntime(from(registry.url))).rejects.toMatchObject({ code: 'RUNTIME_HASH_MISMATCH' });
  });

  it('tries again when a download breaks off, and installs when it gets through', async () => {
    let broken = 0;
    await using registry = await startRegistry((path, response) => {
      const whole = tarballs.get('onnxruntime-node') ?? Buffer.alloc(0);
      if (path !== tarballPath('onnxruntime-node') || broken === 1) return serve()(path, response);
      broken += 1;
      response.writeHead(200, { 'content-length': whole.length });
      response.write(whole.subarray(0, whole.length / 2), () => response.destroy());
    });
    expect((await installRuntime(from(registry.url))).origin).toBe('downloaded');
    expect(broken).toBe(1);
  });

  it('gives up on downloads that always break off, and on a body that is no gzip', async () => {
    for (const body of [
      tarballs.get('onnxruntime-common')?.subarray(0, 3000),
      Buffer.from('<html>login</html>'),
    ]) {
      await using registry = await startRegistry(
        serve({ [tarballPath('onnxruntime-common')]: body ?? Buffer.alloc(0) }),
      );
      await expect(installRuntime(from(registry.url))).rejects.toMatchObject({
        code: 'RUNTIME_DOWNLOAD_FAILED',
      });
      expect(leftovers()).toEqual([]);
    }
  });

  it('says what the registry answered', async () => {
    for (const status of [404, 401, 500]) {
      await using registry = await startRegistry((_path, response) => response.writeHead(status).end());
      await expect(installRuntime(from(registry.url))).rejects.toMatchObject({
        code: 'RUNTIME_DOWNLOAD_FAILED',
        message: expect.stringContaining(String(status)),
      });
    }
  });

  it('says that nobody answers', async () => {
    const registry = await startRegistry(serve());
    await registry[Symbol.asyncDispose]();
    await expect(installRuntime(from(registry.url))).rejects.toMatchObject({
      code: 'RUNTIME_DOWNLOAD_FAILED',
    });
  });

  it('asks the metadata where the tarball has another address', async () => {
    await using registry = await startRegistry((path, response, request) => {
      const name = names.find(each => path === `/npm/${each}/${PINNED_RUNTIME_VERSION}`);
      const host = `http://${request.headers.host}`;
      if (name !== undefined)
        response.end(JSON.stringify({ dist: { tarball: `${host}/files${tarballPath(name)}` } }));
      else if (path.startsWith('/files/')) serve()(path.slice('/files'.length), response);
      else response.writeHead(404).end();
    });
    expect((await installRuntime(from(`${registry.url}npm`))).pinned).toBe(true);
  });

  it('sends the token to the registry, and not to the host that it redirects to', async () => {
    await using storage = await startRegistry(serve());
    await using registry = await startRegistry((path, response) =>
      response.writeHead(302, { location: `${storage.url.slice(0, -1)}${path}` }).end(),
    );
    const { host } = new URL(registry.url);
    writeFileSync(join(options.home, '.npmrc'), `registry=${registry.url}\n//${host}/:_authToken=secret\n`);
    await installRuntime(options);
    expect(registry.requests.map(({ authorization }) => authorization)).toEqual([
      'Bearer secret',
      'Bearer secret',
    ]);
    expect(storage.requests.map(({ authorization }) => authorization)).toEqual([null, null]);
  });

  it('goes through the proxy that is configured, unless the host is excepted', async () => {
    await using registry = await startRegistry(serve());
    await using proxy = await startRegistry((_path, response) => response.writeHead(502).end());
    const environment = { HTTP_PROXY: proxy.url, npm_config_registry: registry.url };
    await expect(installRuntime({ ...options, environment })).rejects.toThrow();
    expect(registry.requests).toHaveLength(0);
    expect(proxy.requests[0]?.path).toBe(`${registry.url.slice(0, -1)}${tarballPath('onnxruntime-common')}`);
    const excepted = { ...environment, NO_PROXY: '127.0.0.1' };
    expect((await installRuntime({ ...options, environment: excepted })).origin).toBe('downloaded');
  });

  it('follows no circle of redirects', async () => {
    await using registry = await startRegistry((path, response) =>
      response.writeHead(302, { location: path }).end(),
    );
    await expect(installRuntime(from(registry.url))).rejects.toThrow(/redirects/);
  });

  it('installs another version on request, checked by the integrity that the registry gives, and marks it', async () => {
    const other = '1.29.9';
    const bodies = {
      'onnxruntime-common': tarballs.get('onnxruntime-common') ?? Buffer.alloc(0),
      'onnxruntime-node': await packOtherVersion(other),
    };
    {
      await using registry = await startRuntimeRegistry(other, bodies);
      const wanted = from(registry.url, { version: other });
      expect(await resolveRuntime(wanted)).toMatchObject({
        version: other,
        pinned: false,
        origin: 'downloaded',
      });
      expect(await resolveRuntime(wanted)).toMatchObject({ version: other, pinned: false, origin: 'cache' });
    }
    await using registry = await startRuntimeRegistry(other, bodies, () => 'sha512-AAAA');
    const wanted = from(registry.url, { version: other, cacheFolder: join(options.cwd, 'other-cache') });
    await expect(installRuntime(wanted)).rejects.toMatchObject({ code: 'RUNTIME_HASH_MISMATCH' });
  });

  it('needs no registry where the pinned version is installed', async () => {
    const location = await resolveRuntime({ ...options, searchFolders: [options.cwd, projectRoot] });
    expect(location).toEqual(installedRuntime);
  });

  it('does not run an installed package that only looks like the pinned version', async () => {
    const planted = join(options.cwd, 'node_modules');
    for (const name of names) {
      for (const path of pinnedRuntimeFor(process.platform, process.arch)[name].keys()) {
        cpSync(join(nodeModules, name, path), join(planted, name, path));
      }
    }
    const wanted = { ...options, searchFolders: [options.cwd] };
    expect((await findRuntime(wanted))?.origin).toBe('package');
    appendFileSync(join(planted, 'onnxruntime-common/dist/cjs/index.js'), '// changed');
    expect(await findRuntime(wanted)).toBeNull();
  });

  it('takes an explicit path before all else', async () => {
    const direct = { ...options, runtimePath: installedRuntime.packageFolder };
    expect(await resolveRuntime(direct)).toEqual({ ...installedRuntime, origin: 'explicit' });
    expect(await resolveRuntime({ ...options, runtimePath: projectRoot })).toMatchObject({ pinned: true });
    await expect(resolveRuntime({ ...options, runtimePath: options.cwd })).rejects.toMatchObject({
      code: 'RUNTIME_NOT_FOUND',
    });
  });

  it('says that there is no build for the platform before it asks anyone', async () => {
    await expect(installRuntime({ ...options, platform: 'darwin', arch: 'x64' })).rejects.toMatchObject({
      code: 'RUNTIME_UNSUPPORTED_PLATFORM',
      message: expect.stringContaining('darwin/x64'),
    });
  });

  it('says that no registry is configured', async () => {
    await expect(installRuntime(options)).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
  });
});

describe('the pinned files', () => {
  it('are those of the pinned version, for every platform that it has', () => {
    expect(pinsVersion).toBe(PINNED_RUNTIME_VERSION);
    expect([...PLATFORMS].sort()).toEqual([
      'darwin/arm64',
      'linux/arm64',
      'linux/x64',
      'win32/arm64',
      'win32/x64',
    ]);
    for (const platform of PLATFORMS) {
      const [os = '', arch = ''] = platform.split('/');
      const files = pinnedRuntimeFor(os, arch)['onnxruntime-node'];
      expect(files.has('package.json')).toBe(true);
      expect(files.has(`bin/napi-v6/${platform}/onnxruntime_binding.node`)).toBe(true);
      expect([...files.keys()].every(path => isNeeded(path, os, arch))).toBe(true);
    }
  });
});
