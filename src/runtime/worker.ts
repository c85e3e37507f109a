/**
 * Entry of the process that holds onnxruntime. Started by worker-process.ts with an IPC channel and the folder of
 * onnxruntime-node as its only argument; does one request at a time; ends when the channel closes. A run blocks this
 * process's event loop, so one that hangs does not notice the end of its parent: the parent kills it, and where the
 * parent itself was killed, the limit of CPU time or the watchdog does.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as OnnxRuntime from 'onnxruntime-node';
import type { LaunchModel, SessionSettings } from '../benchmark/launcher.ts';
import type { FeedTensor, LaunchPair, SoloLaunch } from '../benchmark/measurement.ts';
import {
  type MeasuringClock,
  measurePairBlocks,
  measureSoloBlocks,
  type RunOnce,
  timeOnce,
} from '../benchmark/measuring-loop.ts';
import { seededRandom } from '../benchmark/random.ts';
import { messageOf } from '../shared/errors.ts';
import { plainTensorOf, runtimeTensorOf } from './runtime-tensors.ts';
import { sessionOptionsOf } from './session-options.ts';
import { startWatchdog, watchdogLimitOf } from './watchdog.ts';
import type {
  OpenResult,
  ProbeResult,
  RunManyResult,
  RunResult,
  RuntimeValue,
  Side,
  WorkerReply,
  WorkerRequest,
  WorkerResults,
  WorkerStage,
} from './worker-protocol.ts';

class UnavailableProvider extends Error {
  readonly provider: string;
  readonly available: readonly string[];

  constructor(provider: string, available: readonly string[]) {
    super(`no provider ${provider}`);
    this.provider = provider;
    this.available = available;
  }
}

interface OpenSession {
  readonly session: OnnxRuntime.InferenceSession;
  readonly loadMs: number;
}

let stage: WorkerStage = { side: null, step: 'runtime' };
let opened: OpenSession | null = null;

const send = (reply: WorkerReply): Promise<void> =>
  new Promise((resolve, reject) => {
    if (process.send === undefined) reject(new Error('no IPC channel'));
    else process.send(reply, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });

/** Flushed before it resolves: what comes next may block or end the process. */
async function enter(next: WorkerStage): Promise<void> {
  stage = next;
  await send({ kind: 'stage', stage: next });
}

/** The run-queue wait is the second number of schedstat, in nanoseconds; a read costs 2.5 us. Linux only. */
function openWaitClock(): () => number | null {
  let file: number;
  try {
    file = openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return () => null;
  }
  const buffer = Buffer.alloc(96);
  const waitMs = (): number | null => {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    const wait = Number(buffer.toString('latin1', 0, length).split(' ')[1]);
    return Number.isFinite(wait) ? wait / 1e6 : null;
  };
  // Kernels without CONFIG_SCHED_INFO, and some sandboxes, show zeros: no time on a CPU is not possible.
  const ranNs = Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]);
  if (ranNs > 0) return waitMs;
  closeSync(file);
  return () => null;
}

/** VmHWM belongs to this program alone; ru_maxrss on Linux also remembers the parent's size at the fork. */
function peakRssBytes(): number {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'));
    if (line?.[1] !== undefined) return Number(line[1]) * 1024;
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}

function loadRuntime(packageFolder: string): typeof OnnxRuntime {
  // onnxruntime-node 1.30 takes float16 as Uint16Array, but looks for Float16Array, which Node 24 has, and then fails.
  Object.defineProperty(globalThis, 'Float16Array', { value: undefined, configurable: true });
  const require = createRequire(join(packageFolder, 'package.json'));
  const runtime = require(packageFolder) as typeof OnnxRuntime;
  runtime.env.logLevel = 'fatal';
  return runtime;
}

let loaded: typeof OnnxRuntime | null = null;

async function runtimeOf(): Promise<typeof OnnxRuntime> {
  if (loaded !== null) return loaded;
  await enter({ side: null, step: 'runtime' });
  const folder = process.argv[2];
  if (folder === undefined) throw new Error('the folder of onnxruntime-node was not given');
  const runtime = loadRuntime(folder);
  // The first session also sets up the runtime's environment: with bytes that are no model, so that no load time has it.
  await runtime.InferenceSession.create(new Uint8Array(1), { logSeverityLevel: 4 }).catch(() => undefined);
  loaded = runtime;
  return runtime;
}

const providersOf = (runtime: typeof OnnxRuntime): string[] =>
  runtime.listSupportedBackends().map(({ name }) => name);

async function openSession(
  modelPath: string,
  settings: SessionSettings,
  side: Side | null,
  clock: MeasuringClock,
): Promise<OpenSession> {
  const runtime = await runtimeOf();
  const available = providersOf(runtime);
  if (!available.includes(settings.provider)) throw new UnavailableProvider(settings.provider, available);
  await enter({ side, step: 'load' });
  const { result, durationMs } = await timeOnce(
    () => runtime.InferenceSession.create(modelPath, sessionOptionsOf(settings)),
    clock,
  );
  return { session: result, loadMs: durationMs };
}

/** Without a prototype: an input may be called `__proto__`. */
function feedsOf(
  tensors: readonly FeedTensor[],
  runtime: typeof OnnxRuntime,
): Record<string, OnnxRuntime.Tensor> {
  const feeds: Record<string, OnnxRuntime.Tensor> = Object.create(null);
  for (const tensor of tensors) feeds[tensor.name] = runtimeTensorOf(tensor, runtime.Tensor);
  return feeds;
}

/** Loads a model and runs it once. */
async function start(
  model: LaunchModel,
  settings: SessionSettings,
  side: Side,
  clock: MeasuringClock,
): Promise<{ readonly run: RunOnce; readonly loadMs: number; readonly firstRunMs: number }> {
  const { session, loadMs } = await openSession(model.path, settings, side, clock);
  await enter({ side, step: 'run' });
  const feeds = feedsOf(model.feeds.tensors, await runtimeOf());
  const run: RunOnce = async () => {
    await session.run(feeds);
  };
  const first = await timeOnce(run, clock);
  return { run, loadMs, firstRunMs: first.durationMs };
}

async function launchPair(
  request: Extract<WorkerRequest, { kind: 'launch-pair' }>,
  clock: MeasuringClock,
): Promise<LaunchPair> {
  const random = seededRandom(request.seed);
  const startSide = (side: Side) => start(request[side], request.settings, side, clock);
  let base: Awaited<ReturnType<typeof start>>;
  let candidate: Awaited<ReturnType<typeof start>>;
  if (random() < 0.5) {
    base = await startSide('base');
    candidate = await startSide('candidate');
  } else {
    candidate = await startSide('candidate');
    base = await startSide('base');
  }
  await enter({ side: null, step: 'run' });
  return measurePairBlocks({ base: base.run, candidate: candidate.run }, clock, random);
}

async function launchSolo(
  request: Extract<WorkerRequest, { kind: 'launch-solo' }>,
  clock: MeasuringClock,
): Promise<SoloLaunch> {
  const { run, loadMs, firstRunMs } = await start(request.model, request.settings, request.side, clock);
  const blocks = request.blocks
    ? await measureSoloBlocks(run, clock)
    : { blocksMs: [], runs: 0, waitShare: null };
  return { loadMs, firstRunMs, peakRssBytes: peakRssBytes(), ...blocks };
}

const runtimeValue = (value: OnnxRuntime.InferenceSession.ValueMetadata): RuntimeValue =>
  value.isTensor
    ? {
        name: value.name,
        isTensor: true,
        dtype: value.type,
        shape: value.shape.map(size => (size === '' ? null : size)),
      }
    : { name: value.name, isTensor: false, dtype: null, shape: null };

async function probe(): Promise<ProbeResult> {
  const runtime = await runtimeOf();
  return {
    version: runtime.env.versions.node ?? runtime.env.versions.common,
    providers: providersOf(runtime),
  };
}

async function open(
  request: Extract<WorkerRequest, { kind: 'open' }>,
  clock: MeasuringClock,
): Promise<OpenResult> {
  const before = opened;
  opened = null;
  await before?.session.release();
  opened = await openSession(request.modelPath, request.settings, null, clock);
  return {
    inputs: opened.session.inputMetadata.map(runtimeValue),
    outputs: opened.session.outputMetadata.map(runtimeValue),
    loadMs: opened.loadMs,
  };
}

async function runOpened(feeds: readonly FeedTensor[], clock: MeasuringClock): Promise<RunResult> {
  const { outputs, durationMs } = await runEach([feeds], clock);
  return { outputs: outputs[0] ?? [], durationMs };
}

async function runEach(
  feedSets: readonly (readonly FeedTensor[])[],
  clock: MeasuringClock,
): Promise<RunManyResult> {
  const current = opened;
  if (current === null) throw new Error('no model is open');
  await enter({ side: null, step: 'run' });
  const runtime = await runtimeOf();
  const outputs: (readonly FeedTensor[])[] = [];
  let totalMs = 0;
  for (const feeds of feedSets) {
    const prepared = feedsOf(feeds, runtime);
    const { result, durationMs } = await timeOnce(() => current.session.run(prepared), clock);
    totalMs += durationMs;
    const given = current.session.outputNames.flatMap(name => {
      const tensor = Object.hasOwn(result, name) ? result[name] : undefined;
      return tensor === undefined ? [] : [plainTensorOf(name, tensor)];
    });
    outputs.push(given);
  }
  return { outputs, durationMs: totalMs };
}

function answer(request: WorkerRequest, clock: MeasuringClock): Promise<WorkerResults[keyof WorkerResults]> {
  switch (request.kind) {
    case 'probe':
      return probe();
    case 'open':
      return open(request, clock);
    case 'run':
      return runOpened(request.feeds, clock);
    case 'run-many':
      return runEach(request.feedSets, clock);
    case 'launch-pair':
      return launchPair(request, clock);
    case 'launch-solo':
      return launchSolo(request, clock);
  }
}

async function handle(request: WorkerRequest, clock: MeasuringClock): Promise<void> {
  try {
    await send({ kind: 'done', result: await answer(request, clock) });
  } catch (error) {
    await send(
      error instanceof UnavailableProvider
        ? { kind: 'provider-unavailable', provider: error.provider, available: error.available }
        : { kind: 'failed', stage, message: messageOf(error) },
    );
  }
}

if (process.send !== undefined) {
  startWatchdog(watchdogLimitOf(process.argv[3]));
  const clock: MeasuringClock = { nowMs: () => performance.now(), waitMs: openWaitClock() };
  process.on('message', message => {
    // The only sender is the parent that started this process.
    handle(message as WorkerRequest, clock).catch(() => process.exit(1));
  });
  process.on('disconnect', () => process.exit(0));
}
