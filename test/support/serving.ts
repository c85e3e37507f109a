import { join } from 'node:path';
import { type RunningServer, type ServerOptions, startServer } from '../../src/serving/server.ts';
import { readSettings } from '../../src/serving/settings-file.ts';
import { projectRoot } from './requirements.ts';
import { installedRuntime } from './runtime.ts';

/** A fixture under a name and version. */
export const fixtureModel = (name: string, version = '1.0.0', as = name) => ({
  name: as,
  version,
  path: join(projectRoot, 'fixtures/models', name, 'model.onnx'),
});

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly running: RunningServer;
  readonly log: readonly string[];
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

export interface TestServerOptions {
  readonly models: readonly { readonly name: string; readonly version: string; readonly path: string }[];
  /** As in a settings file. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly parts?: ServerOptions['parts'];
  /** What the settings see of the environment. Default: nothing. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A server of the sources on a free port of the loopback interface, with one worker; stopped when disposed. */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const log: string[] = [];
  const parts = options.parts ?? {};
  const settings = readSettings(
    { workers: 1, ...options.settings },
    { host: '127.0.0.1', port: 0, models: options.models },
    { env: options.env ?? {}, folder: projectRoot, processors: 1, sections: Object.keys(parts) },
  );
  const running = await startServer({
    settings,
    world: {
      env: process.env,
      now: Date.now,
      monotonicMs: () => performance.now(),
      random: Math.random,
      writeLog: line => void log.push(line),
      folder: projectRoot,
      toolVersion: '0.0.0',
    },
    launch: {
      workerPath: join(projectRoot, 'src/serving/worker/serving-worker.ts'),
      packageFolder: installedRuntime.packageFolder,
    },
    parts,
  });
  const { port } = running.address;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    running,
    log,
    get: (path, headers = {}) => fetch(url + path, { headers }),
    post: (path, body, headers = {}) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: () => running.stop(),
  };
}
