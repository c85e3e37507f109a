/**
 * Entry of a process that serves models: reads requests as they came from the network off a pipe, checks them, runs
 * them and writes the answers. Started by engine/worker-handle.ts; ends with its pipe. A run blocks it, and one that
 * hangs or crashes takes nothing else along: the front keeps the requests and kills or replaces the process.
 */
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type * as OnnxRuntime from 'onnxruntime-node';
import { startWatchdog } from '../../runtime/watchdog.ts';
import { messageOf } from '../../shared/errors.ts';
import { freeMemory } from '../../shared/freed-memory.ts';
import { FrameReader, writeFrame } from '../engine/frames.ts';
import type {
  BatchMessage,
  JobAnswer,
  LoadedModel,
  WorkerMessage,
  WorkerStart,
} from '../engine/worker-messages.ts';
import { type RunOutcome, runBatch } from './batch-run.ts';
import type { DecodedRequest } from './decoded-request.ts';
import { type EncodedAnswer, encodeAnswer, encodeError } from './encoded-answer.ts';
import { type ModelSession, openModelSession } from './model-session.ts';
import { tryRows } from './row-independence.ts';

const [packageFolder = '', startText = '{}'] = process.argv.slice(2);
const start = JSON.parse(startText) as WorkerStart;
const nowMs = (): number => performance.now();

function loadRuntime(): typeof OnnxRuntime {
  // onnxruntime-node 1.30 takes float16 as Uint16Array, but looks for Float16Array, which Node 24 has, and then fails.
  Object.defineProperty(globalThis, 'Float16Array', { value: undefined, configurable: true });
  const require = createRequire(join(packageFolder, 'package.json'));
  const runtime = require(packageFolder) as typeof OnnxRuntime;
  runtime.env.logLevel = 'fatal';
  return runtime;
}

/** What comes is answered one after the other. */
let served: readonly Served[] = [];
let queue: Promise<void> = Promise.resolve();
const frames = new FrameReader((head, body) => {
  queue = queue.then(() => answerBatch(served, head as BatchMessage, body));
});
const pipe = new Socket({
  fd: 3,
  onread: {
    // Large bodies are read to where they stay.
    buffer: () => frames.space(),
    callback: count => {
      try {
        frames.filled(count);
        return true;
      } catch (error) {
        process.stderr.write(`quickserveml: ${String(error)}\n`);
        process.exit(1);
      }
    },
  },
});

const send = (message: WorkerMessage, body: readonly Uint8Array[] = [], written?: () => void): void =>
  writeFrame(pipe, message, body, written);

interface Served {
  readonly session: ModelSession;
  readonly maxRows: number;
}

async function load(): Promise<readonly Served[]> {
  const runtime = loadRuntime();
  const sessions: Served[] = [];
  const loaded: LoadedModel[] = [];
  for (const [index, model] of start.models.entries()) {
    try {
      const begin = nowMs();
      const session = await openModelSession(runtime, model, start);
      const loadMs = nowMs() - begin;
      const trial = await tryRows(session, nowMs);
      const batching = start.batching
        ? trial.batching
        : { kind: 'none' as const, reason: 'batching is switched off' };
      loaded.push({ batching, loadMs, runMs: trial.runMs });
      sessions.push({ session, maxRows: batching.kind === 'rows' ? start.maxBatchRows : 1 });
    } catch (error) {
      send({ kind: 'refused', model: index, reason: messageOf(error) });
      pipe.end(() => process.exit(1));
      return [];
    }
  }
  send({ kind: 'ready', models: loaded });
  return sessions;
}

interface Finished {
  readonly status: number;
  readonly answer: EncodedAnswer;
  readonly batchSize: number;
  readonly inferenceMs: number;
}

const refusal = (status: number, message: string, inferenceMs = 0): Finished => ({
  status,
  answer: encodeError(message),
  batchSize: 0,
  inferenceMs,
});

function finish(request: DecodedRequest, outcome: RunOutcome | undefined, model: ModelSession): Finished {
  if (request.kind === 'invalid') return refusal(400, request.message);
  if (outcome === undefined) return refusal(500, 'the request was lost');
  // The inputs fitted the interface: what the runtime refuses then are values or sizes that the model cannot take.
  if (outcome.kind === 'failed')
    return refusal(422, `the model cannot be run on these inputs: ${outcome.message}`, outcome.inferenceMs);
  const { batchSize, inferenceMs } = outcome;
  return { status: 200, answer: encodeAnswer(request.form, outcome.outputs, model), batchSize, inferenceMs };
}

async function answerBatch(served: readonly Served[], message: BatchMessage, body: Buffer): Promise<void> {
  const model = served[message.model];
  if (model === undefined) throw new Error(`there is no model ${message.model}`);
  const { session, maxRows } = model;
  const begin = nowMs();
  let at = 0;
  const requests = message.jobs.map(job => {
    const part = body.subarray(at, at + job.bytes);
    at += job.bytes;
    try {
      return session.decode(job, part);
    } catch (error) {
      return { kind: 'invalid' as const, message: messageOf(error) };
    }
  });
  const valid = requests.flatMap(request => (request.kind === 'inputs' ? [request.tensors] : []));
  const outcomes = await runBatch(session, valid, maxRows, nowMs);
  let place = 0;
  const answers: JobAnswer[] = [];
  const parts: Uint8Array[] = [];
  for (const request of requests) {
    const outcome = request.kind === 'inputs' ? outcomes[place++] : undefined;
    let finished: Finished;
    try {
      finished = finish(request, outcome, session);
    } catch (error) {
      // An output too large for one string.
      finished = refusal(500, `the answer cannot be written: ${messageOf(error)}`);
    }
    const { status, answer, batchSize, inferenceMs } = finished;
    const bytes = answer.body.reduce((sum, part) => sum + part.byteLength, 0);
    answers.push({ status, bytes, headerBytes: answer.headerBytes, batchSize, inferenceMs });
    parts.push(...answer.body);
  }
  const residentBytes = process.memoryUsage.rss();
  const batchMs = nowMs() - begin;
  send({ kind: 'answers', batch: message.batch, answers, batchMs, residentBytes }, parts, () => {
    // Not before: an output that is an input lies in the same memory.
    for (const { whole } of valid.flat()) if (ArrayBuffer.isView(whole)) freeMemory(whole);
    freeMemory(body);
  });
}

// Without a limit it still ends a process whose parent is gone while it is stuck in a run.
startWatchdog(start.memoryBytes ?? Number.MAX_SAFE_INTEGER);
pipe.once('close', () => process.exit(0));
pipe.once('error', () => process.exit(0));
// The terminal's Ctrl-C reaches the whole group: the front decides when its workers end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

served = await load();
