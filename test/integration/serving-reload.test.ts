import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { fixtureModel, startTestServer } from '../support/serving.ts';
import { askSteadily, ENCODER_PAYLOAD, until } from '../support/serving-load.ts';

const post = (url: string, body: string) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });

describe.skipIf(lacks('runtime'))('the models of a server that runs', () => {
  let folder: string;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'quickserveml-reload-'));
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const settingsFile = (): string => join(folder, 'settings.json');
  const writeVersions = (...versions: readonly string[]): void =>
    writeFileSync(
      settingsFile(),
      JSON.stringify({
        workers: 1,
        models: versions.map(version => fixtureModel('encoder', version)),
      }),
    );
  const startProcess = async (): Promise<{ readonly url: string; readonly child: ChildProcess }> => {
    const port = await freePort();
    const args = ['--host', '127.0.0.1', '--port', String(port), '--settings', settingsFile()];
    const child = spawn(process.execPath, [join(projectRoot, 'src/serving/serve.ts'), ...args], {
      stdio: 'ignore',
    });
    children.push(child);
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${url}/v2/health/ready`).catch(() => null))?.status === 200);
    return { url, child };
  };
  const versionsOf = async (url: string): Promise<unknown> => {
    const answer = await fetch(`${url}/v2/models/encoder`);
    return ((await answer.json()) as { versions: unknown }).versions;
  };
  const reasonsOf = async (url: string): Promise<string> =>
    ((await (await fetch(`${url}/health`)).json()) as { reasons: readonly string[] }).reasons.join('; ');

  it('are read anew at SIGHUP while requests flow: the new version answers and no request is lost', async () => {
    writeVersions('1.0.0');
    const { url, child } = await startProcess();
    let over = false;
    const asking = askSteadily(16, Number(new URL(url).port), () => over);
    writeVersions('1.1.0');
    child.kill('SIGHUP');
    await until(async () => String(await versionsOf(url)) === '1.1.0');
    const answer = await post(`${url}/v2/models/encoder/infer`, v2Payload());
    expect(await answer.json()).toMatchObject({ model_version: '1.1.0' });
    over = true;
    const { statuses, lost } = await asking;
    expect(lost).toEqual([]);
    expect([...statuses.keys()]).toEqual([200]);
  });

  it('stay as they were where the settings cannot be read or a model is refused, and /health says why', async () => {
    writeVersions('1.0.0');
    const { url, child } = await startProcess();
    writeFileSync(settingsFile(), '{"models": [');
    child.kill('SIGHUP');
    await until(async () => (await reasonsOf(url)).includes('settings file'));
    writeFileSync(
      settingsFile(),
      JSON.stringify({
        models: [{ name: 'encoder', version: '2', path: join(projectRoot, 'package.json') }],
      }),
    );
    child.kill('SIGHUP');
    await until(async () => !(await reasonsOf(url)).includes('settings file'));
    expect(await reasonsOf(url)).toContain('the last change of models failed');
    expect(await versionsOf(url)).toEqual(['1.0.0']);
    expect((await post(`${url}/predict`, ENCODER_PAYLOAD)).status).toBe(200);
    writeVersions('1.0.0', '1.2.0');
    child.kill('SIGHUP');
    await until(async () => String(await versionsOf(url)) === '1.0.0,1.2.0');
    await until(async () => (await reasonsOf(url)) === '');
  });

  it('still answer a stream that began with a version that is taken away, to its end', async () => {
    await using server = await startTestServer({ models: [fixtureModel('encoder', '1.0.0')] });
    const answers = { text: '' };
    const headers = { 'content-type': 'application/x-ndjson' };
    const request = httpRequest({ port: server.port, path: '/model/batch', method: 'POST', headers });
    const ended = new Promise<void>((resolve, reject) => {
      request.once('error', reject);
      request.once('response', response => {
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          answers.text += piece;
        });
        response.once('error', reject).once('end', resolve);
      });
    });
    request.write(`${ENCODER_PAYLOAD}\n`.repeat(100));
    // Answers leave when as many wait as may: the stream is open, and everything before was answered.
    await until(() => answers.text.includes('"outputs"'));
    await server.running.replaceModels(() => [fixtureModel('encoder', '1.1.0')]);
    await until(() =>
      server.running.view.snapshot().queues.every(({ waiting, running }) => waiting + running === 0),
    );
    request.end(`${ENCODER_PAYLOAD}\n`.repeat(100));
    await ended;
    const lines = answers.text.trimEnd().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ records: 200, failed: 0 });
    await until(() => server.running.view.snapshot().queues.every(({ version }) => version === '1.1.0'));
    await until(() => server.running.view.snapshot().workers.length === 1);
  });

  it('still answer what waits for a version that is taken away', async () => {
    await using server = await startTestServer({ models: [fixtureModel('encoder', '1.0.0')] });
    const [worker] = server.running.view.snapshot().workers;
    process.kill(worker!.pid, 'SIGSTOP');
    const asked = Array.from({ length: 20 }, () => server.post('/predict', ENCODER_PAYLOAD));
    await until(() => server.running.view.snapshot().inFlight === 20);
    await server.running.replaceModels(() => [fixtureModel('encoder', '1.1.0')]);
    expect(server.running.view.snapshot().workers).toHaveLength(2);
    process.kill(worker!.pid, 'SIGCONT');
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect([...new Set(statuses)]).toEqual([200]);
    await until(() => server.running.view.snapshot().workers.length === 1);
    expect(server.running.view.snapshot().queues.map(({ version }) => version)).toEqual(['1.1.0']);
  });
});

function v2Payload(): string {
  const tensor = (name: string) => ({ name, datatype: 'INT64', shape: [1, 3], data: [1, 1, 1] });
  return JSON.stringify({ inputs: [tensor('input_ids'), tensor('attention_mask')] });
}
