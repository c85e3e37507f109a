import { type ChildProcess, spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { fixtureModel, startTestServer, type TestServer } from '../support/serving.ts';
import { askSteadily, ENCODER_PAYLOAD, post, until } from '../support/serving-load.ts';

/** Writes raw bytes and collects what comes back until the connection ends. */
function raw(port: number, start: string): { readonly socket: Socket; readonly answer: Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  socket.write(start);
  let text = '';
  socket.on('data', chunk => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  return { socket, answer: new Promise(resolve => socket.once('close', () => resolve(text))) };
}

/** A request whose body comes in chunks and whose connection ends with the answer. */
const streamHead = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n`;
const chunkOf = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

describe.skipIf(lacks('runtime'))('a server under faults', () => {
  let server: TestServer | null = null;
  afterEach(async () => {
    await server?.[Symbol.asyncDispose]();
    server = null;
  });
  const start = async (
    settings: Readonly<Record<string, unknown>> = {},
    models = [fixtureModel('encoder')],
  ): Promise<TestServer> => {
    server = await startTestServer({ models, settings });
    return server;
  };

  it('answers everything while its workers are killed again and again', async () => {
    const { port, running } = await start({ workers: 2 });
    let kills = 0;
    let over = false;
    const killing = (async () => {
      while (kills < 5) {
        await sleep(700);
        const { workers } = running.view.snapshot();
        const victim =
          workers.find(({ state }) => state === 'busy') ?? workers.find(({ state }) => state === 'idle');
        if (victim === undefined) continue;
        process.kill(victim.pid, 'SIGKILL');
        kills += 1;
      }
      over = true;
    })();
    const { statuses, lost } = await askSteadily(16, port, () => over);
    await killing;
    expect(lost).toEqual([]);
    // Tried again in another worker: only who died twice gets 500.
    expect([...statuses.keys()].filter(status => status !== 200 && status !== 500)).toEqual([]);
    expect(statuses.get(200) ?? 0).toBeGreaterThan(100);
    expect(statuses.get(500) ?? 0).toBeLessThan(10);
    await until(() => running.view.snapshot().reasons.length === 0);
    expect((await post(new Agent(), port, '/predict', ENCODER_PAYLOAD)).status).toBe(200);
  });

  it('replaces a worker that hangs, and lets another one answer its request', async () => {
    const { port, running } = await start({ limits: { runMs: 2000 } });
    const [worker] = running.view.snapshot().workers;
    process.kill(worker!.pid, 'SIGSTOP');
    // Stopped once: the second worker that tries is well.
    const first = await post(new Agent(), port, '/predict', ENCODER_PAYLOAD);
    expect(first.status).toBe(200);
    expect(running.view.snapshot().workers[0]!.pid).not.toBe(worker!.pid);
  });

  it('replaces a worker whose memory grows over the limit, and says so to whoever asked for it', async () => {
    const { port, running } = await start({ limits: { workerMemoryBytes: 500 * 2 ** 20 } });
    const [worker] = running.view.snapshot().workers;
    // Attention of 512 rows over 512 places: a gigabyte for its weights.
    const ids = Array.from({ length: 512 }, () => Array(512).fill(1));
    const greedy = JSON.stringify({ inputs: { input_ids: ids, attention_mask: ids } });
    const answer = await post(new Agent(), port, '/predict', greedy);
    expect(answer.status).toBe(500);
    expect(answer.body).toContain('memory limit exceeded');
    await until(() => running.view.snapshot().reasons.length === 0);
    expect(running.view.snapshot().workers[0]!.pid).not.toBe(worker!.pid);
    expect((await post(new Agent(), port, '/predict', ENCODER_PAYLOAD)).status).toBe(200);
  });

  it('does not let a request that kills every worker take others along', async () => {
    const { port, running } = await start({ limits: { runMs: 1500 } });
    let isPoisoned = true;
    const stopping = (async () => {
      const seen = new Set<number>();
      while (isPoisoned) {
        for (const { pid, state } of running.view.snapshot().workers) {
          if (state !== 'busy' || seen.has(pid)) continue;
          seen.add(pid);
          process.kill(pid, 'SIGSTOP');
        }
        await sleep(1);
      }
    })();
    // Big enough that the worker is still at it when it is stopped.
    const ids = Array.from({ length: 64 }, () => Array(512).fill(1));
    const poison = await post(
      new Agent(),
      port,
      '/predict',
      JSON.stringify({ inputs: { input_ids: ids, attention_mask: ids } }),
    );
    isPoisoned = false;
    await stopping;
    expect(poison.status).toBe(500);
    expect(poison.body).toContain('did not answer within 1500 ms');
    expect((await post(new Agent(), port, '/predict', ENCODER_PAYLOAD)).status).toBe(200);
  });

  it('answers with 503 and Retry-After what it has no room for, and holds no more than it may', async () => {
    const { url, running } = await start({ limits: { queue: 4, runMs: 60_000 } });
    const [worker] = running.view.snapshot().workers;
    process.kill(worker!.pid, 'SIGSTOP');
    const asked = Array.from({ length: 40 }, () =>
      fetch(`${url}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: ENCODER_PAYLOAD,
      }),
    );
    await until(() => running.view.snapshot().inFlight < 20);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    process.kill(worker!.pid, 'SIGCONT');
    const answers = await Promise.all(asked);
    const busy = answers.filter(({ status }) => status === 503);
    expect(answers.every(({ status }) => status === 200 || status === 503)).toBe(true);
    expect(busy.length).toBeGreaterThan(20);
    expect(Number(busy[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('makes streams wait for room together, refuses more of them, and keeps room for requests', async () => {
    const heldBytes = 16 * 1024;
    const { url, port, running } = await start({ limits: { heldBytes, runMs: 60_000 } });
    const held = () => running.view.snapshot().heldBytes;
    const stream = (body: string) =>
      fetch(`${url}/model/batch`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body,
      });
    const [worker] = running.view.snapshot().workers;
    process.kill(worker!.pid, 'SIGSTOP');
    // More than is read of one stream at a time, and than all may hold.
    const records = 200;
    const padded = `${ENCODER_PAYLOAD}${' '.repeat(200)}`;
    const begun = Array.from({ length: 5 }, () => raw(port, streamHead('/model/batch')));
    await until(() => running.view.snapshot().inFlight === 5);
    for (const { socket } of begun)
      for (let record = 0; record < records; record += 1) socket.write(chunkOf(`${padded}\n`));
    await until(() => held() > heldBytes / 2 - padded.length);
    await sleep(300);
    expect(held()).toBeLessThanOrEqual(heldBytes / 2 + padded.length + 1);
    const refused = await stream(padded);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toEqual({ error: 'the server holds as many bytes as it may' });
    const asked = post(new Agent(), port, '/predict', ENCODER_PAYLOAD);
    await until(() => running.view.snapshot().inFlight === 6);
    process.kill(worker!.pid, 'SIGCONT');
    for (const { socket } of begun) socket.write('0\r\n\r\n');
    for (const { answer } of begun) expect(await answer).toContain(`{"records":${records},"failed":0}`);
    expect((await asked).status).toBe(200);
    expect(held()).toBe(0);
    expect((await stream(padded)).status).toBe(200);
  });

  it('lets streams end that fill the room with halves of records', async () => {
    const { port, running } = await start({ limits: { heldBytes: 8 * 1024 } });
    const begun = Array.from({ length: 5 }, () => raw(port, streamHead('/model/batch')));
    await until(() => running.view.snapshot().inFlight === 5);
    const blanks = ' '.repeat(800);
    for (const { socket } of begun) socket.write(chunkOf(blanks));
    await until(() => running.view.snapshot().heldBytes === 4000);
    for (const { socket } of begun) socket.write(`${chunkOf(`${blanks}${ENCODER_PAYLOAD}\n`)}0\r\n\r\n`);
    for (const { answer } of begun) expect(await answer).toContain('{"records":1,"failed":0}');
    await until(() => running.view.snapshot().heldBytes === 0);
  });

  it('gives up on who waits too long for a worker', async () => {
    const { url, running } = await start({ limits: { waitMs: 500, runMs: 60_000 } });
    const [worker] = running.view.snapshot().workers;
    process.kill(worker!.pid, 'SIGSTOP');
    const ask = () =>
      fetch(`${url}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: ENCODER_PAYLOAD,
      });
    const [first, ...others] = [ask(), ...(await sleep(200).then(() => [ask(), ask(), ask()]))];
    const statuses = (await Promise.all(others)).map(({ status }) => status);
    expect(statuses).toContain(503);
    process.kill(worker!.pid, 'SIGCONT');
    expect((await first!).status).toBe(200);
  });

  it('refuses bodies that are too large at their head, and those that grow too large on the way', async () => {
    const { port, running } = await start({ limits: { bodyBytes: 1000 } });
    const declared = raw(
      port,
      'POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10000000000\r\n\r\n{"inputs"',
    );
    const grown = raw(
      port,
      `POST /predict HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${`400\r\n${'['.repeat(1024)}\r\n`.repeat(4)}`,
    );
    const expecting = raw(
      port,
      'POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000000\r\nexpect: 100-continue\r\n\r\n',
    );
    for (const { answer } of [declared, grown, expecting])
      expect((await answer).split('\r\n')[0]).toBe('HTTP/1.1 413 Payload Too Large');
    expect(running.view.snapshot().heldBytes).toBe(0);
    // Bodies of requests that want none, one after the other in one connection, leave nothing behind.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < 20; count++)
      expect((await post(agent, port, '/nothing', '{}')).status).toBe(404);
    agent.destroy();
  });

  it('answers slow senders with 408, and forgets connections that say nothing', async () => {
    const { port, running } = await start({ limits: { requestMs: 800, idleMs: 800 } });
    const slow = raw(port, 'POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{');
    const halfHead = raw(port, 'POST /predict HTTP/1.1\r\nhos');
    expect((await slow.answer).split('\r\n')[0]).toBe('HTTP/1.1 408 Request Timeout');
    expect((await halfHead.answer).split('\r\n')[0]).toBe('HTTP/1.1 408 Request Timeout');
    const kept = raw(port, 'GET /health HTTP/1.1\r\nhost: a\r\n\r\n');
    expect(await kept.answer).toContain('200 OK');
    await until(() => running.view.snapshot().connections === 0);
    expect(running.view.snapshot()).toMatchObject({ inFlight: 0, heldBytes: 0 });
  });

  it('takes what is no HTTP as what it is', async () => {
    const { port } = await start();
    expect(await raw(port, 'hello\r\n\r\n').answer).toContain('400 Bad Request');
    const wide = `GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(64 * 1024)}\r\n\r\n`;
    expect(await raw(port, wide).answer).toContain('431');
    const smuggled =
      'POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n';
    expect(await raw(port, smuggled).answer).toContain('400 Bad Request');
    expect((await post(new Agent(), port, '/predict', ENCODER_PAYLOAD)).status).toBe(200);
  });

  it('serves another version from one moment to the next without losing a request', async () => {
    const { port, running } = await start({}, [fixtureModel('encoder', '1.0.0')]);
    let over = false;
    const loading = askSteadily(8, port, () => over);
    await running.replaceModels(() => [fixtureModel('encoder', '1.0.0'), fixtureModel('encoder', '1.1.0')]);
    const path = '/v2/models/encoder';
    const both = (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as { versions: string[] };
    expect(both.versions).toEqual(['1.0.0', '1.1.0']);
    await running.replaceModels(() => [fixtureModel('encoder', '1.1.0')]);
    await sleep(300);
    over = true;
    const { statuses, lost } = await loading;
    expect(lost).toEqual([]);
    expect([...statuses.keys()]).toEqual([200]);
    await expect(
      running.replaceModels(() => [
        { name: 'encoder', version: '2', path: join(projectRoot, 'package.json') },
      ]),
    ).rejects.toThrow();
    const health = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { reasons: string[] };
    expect(health.reasons[0]).toContain('the last change of models failed');
    expect((await post(new Agent(), port, '/predict', ENCODER_PAYLOAD)).status).toBe(200);
  });

  it('refuses to start with a model that cannot run, and says why', async () => {
    await expect(start({}, [fixtureModel('aborts')])).rejects.toMatchObject({ code: 'SERVING_START_FAILED' });
    await expect(start({ limits: { loadMs: 2000 } }, [fixtureModel('hang-load')])).rejects.toThrow(
      'did not load its models within 2000 ms',
    );
  });
});

describe.skipIf(lacks('runtime'))('the process of the server', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  it('answers everything that it has taken after SIGTERM, and ends with 0', async () => {
    const port = await freePort();
    const child = spawn(
      process.execPath,
      [
        join(projectRoot, 'src/serving/serve.ts'),
        '--port',
        String(port),
        '--workers',
        '1',
        `encoder@1=${fixtureModel('encoder').path}`,
      ],
      { stdio: 'ignore' },
    );
    children.push(child);
    const ended = new Promise<number | null>(resolve => child.once('exit', resolve));
    await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/v2/health/ready`).catch(() => null);
      return answer?.status === 200;
    });
    let over = false;
    const loading = askSteadily(16, port, () => over);
    await sleep(500);
    child.kill('SIGTERM');
    const code = await ended;
    over = true;
    const { statuses, lost } = await loading;
    expect(code).toBe(0);
    expect(lost).toEqual([]);
    expect([...statuses.keys()]).toEqual([200]);
  });
});
