import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { installPython, type PythonEnvironment } from '../support/python.ts';
import { lacks, modelsFolder, projectRoot } from '../support/requirements.ts';
import { fixtureModel, startTestServer } from '../support/serving.ts';

// Not execFileSync: the server answers in this process.
const run = promisify(execFile);

const environment: PythonEnvironment | null =
  lacks('python') || lacks('runtime') ? null : installPython(['tritonclient[http]', 'schemathesis']);
afterAll(() => environment?.[Symbol.dispose]());

const shared = (name: string) => ({ name, version: '1', path: join(modelsFolder, name, 'model.onnx') });

interface Found {
  readonly live: boolean;
  readonly ready: boolean;
  readonly models: readonly string[];
  readonly unknown: readonly [string, string];
  readonly kinds: Readonly<
    Record<
      string,
      {
        readonly inputs: readonly string[];
        readonly fed: Readonly<Record<string, readonly (readonly number[])[] & readonly string[]>>;
        readonly outputs: Readonly<Record<string, readonly (readonly number[])[] & readonly string[]>>;
      }
    >
  >;
}

describe.skipIf(environment === null)("other people's clients", () => {
  it.skipIf(lacks('models'))(
    "Triton's client gets the same answers in JSON and in bytes, whatever the type",
    async () => {
      const names = ['digits', 'digits-fp16', 'encoder', 'node_not_2d', 'node_string_concat_utf8'];
      await using server = await startTestServer({
        models: names.map(name => (name.startsWith('node') ? shared(name) : fixtureModel(name))),
      });
      const script = join(projectRoot, 'test/support/python/triton-client.py');
      const { stdout } = await run(environment!.python, [script, `127.0.0.1:${server.port}`, ...names]);
      const found = JSON.parse(stdout) as Found;
      expect(found).toMatchObject({ live: true, ready: true, models: names });
      expect(found.unknown[0]).toBe('404');
      expect(names.map(name => found.kinds[name]!.inputs[0])).toEqual([
        'FP32',
        'FP16',
        'INT64',
        'BOOL',
        'BYTES',
      ]);
      const not = found.kinds['node_not_2d']!;
      expect(not.outputs['not']).toEqual(not.fed['x']!.map(row => row.map(value => 1 - value)));
      const strings = found.kinds['node_string_concat_utf8']!;
      expect(strings.outputs['result']).toEqual(
        strings.fed['x']!.map((text, index) => `${text}${strings.fed['y']![index]}`),
      );
    },
  );

  it('schemathesis finds nothing that the OpenAPI document does not say', async () => {
    await using server = await startTestServer({
      models: [fixtureModel('encoder'), fixtureModel('digits')],
      settings: { limits: { bodyBytes: 1_000_000 } },
    });
    const command = join(dirname(environment!.python), 'schemathesis');
    const support = join(projectRoot, 'test/support/python');
    const result = await run(
      command,
      [
        ...['--config-file', join(support, 'schemathesis.toml')],
        ...['run', `${server.url}/openapi.json`, '--seed', '1', '--no-color'],
        ...['--phases', 'coverage,fuzzing', '--max-examples', '15', '--generation-database', 'none'],
        // JSON Schema cannot say that data fits its shape, nor that symbols agree: such requests get 400.
        ...['--exclude-checks', 'positive_data_acceptance'],
      ],
      {
        cwd: environment === null ? projectRoot : dirname(environment.python),
        timeout: 120_000,
        // It knows lines of JSON from these only.
        env: { ...process.env, SCHEMATHESIS_HOOKS: join(support, 'record_stream_hooks.py') },
      },
    ).catch((error: { stdout?: string }) => ({ stdout: `failed\n${error.stdout}` }));
    expect(result.stdout).not.toMatch(/^failed/);
    expect(result.stdout).toMatch(/No issues found/);
    expect(result.stdout).not.toMatch(/Selected: (\d+)\/(?!\1\n)/);
  });
});
