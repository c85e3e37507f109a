/**
 * Entry of the process that holds onnxruntime. Started by worker-process.ts with an IPC channel and the folder of
 * onnxruntime-node as its only argument; does one request after the other; ends when the channel closes. A run blocks this
 * process's event loop, so one that hangs does not notice the end of its parent: the parent kills it, and where the
 * parent itself was killed, the limit of CPU time or the watchdog does.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as OnnxRuntime from 'onnxruntime-node';
import type { LaunchModel, SessionSettings } from '../benchmark/launcher.ts';
import { type LoadOnce, measureLoadPairs } from '../benchmark/load-loop.ts';
import type { FeedTensor, LaunchPair, LoadPair, SoloLaunch } from '../benchmark/measurement.ts';
import {
  type MeasuringClock,
  measurePairBlocks,
  measureSoloBlocks,
  type RunOnce,
  timeOnce,
} from '../benchmark/measuring-loop.ts';
import { messageOf } from '../shared/errors.ts';
import { seededRandom } from '../shared/random.ts';
import { openGarbageCollector, openWaitClock, peakRssBytes } from './process-readings.ts';
import { openEach, profileSessions } from './profiling.ts';
import { feedsOf, InputMemory, plainTensorsOf, runtimeValue } from './runtime-tensors.ts';
import { sessionOptionsOf } from './session-options.ts';
import { UnavailableProvider } from './unavailable-provider.ts';
import { startWatchdog, watchdogLimitOf } from './watchdog.ts';
import type {
  OpenResult,
  ProbeResult,
  RunManyResult,
  RunResult,
  Side,
  WorkerReply,
  WorkerRequest,
  WorkerResults,
  WorkerStage,
} from './worker-protocol.ts';

interface OpenSession {
  readonly session: OnnxRuntime.InferenceSession;
  readonly loadMs: number;
}

let stage: WorkerStage = { side: null, step: 'runtime' };
let opened: OpenSession | null = null;
let kept: Record<string, OnnxRuntime.Tensor> | null = null;

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
  changes: OnnxRuntime.InferenceSession.SessionOptions = {},
): Promise<OpenSession> {
  const runtime = await runtimeOf();
  const available = providersOf(runtime);
  if (!available.includes(settings.provider)) throw new UnavailableProvider(settings.provider, available);
  await enter({ side, step: 'load' });
  const { result, durationMs } = await timeOnce(
    () => runtime.InferenceSession.create(modelPath, { ...sessionOptionsOf(settings), ...changes }),
    clock,
  );
  return { session: result, loadMs: durationMs };
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

/** Loads a model and gives back how it is released. */
function loaderOf(path: string, settings: SessionSettings, runtime: typeof OnnxRuntime): LoadOnce {
  return async () => {
    const session = await runtime.InferenceSession.create(path, sessionOptionsOf(settings));
    return () => session.release();
  };
}

async function launchLoads(
  request: Extract<WorkerRequest, { kind: 'launch-loads' }>,
  clock: MeasuringClock,
): Promise<LoadPair> {
  const runtime = await runtimeOf();
  const { settings, basePath, candidatePath } = request;
  // Each has loaded in a process of its own before, so that a failure here belongs to neither.
  await enter({ side: null, step: 'load' });
  return measureLoadPairs(
    {
      base: loaderOf(basePath, settings, runtime),
      candidate: loaderOf(candidatePath, settings, runtime),
    },
    clock,
    seededRandom(request.seed),
  );
}

async function launchCycles(
  request: Extract<WorkerRequest, { kind: 'launch-cycles' }>,
  clock: MeasuringClock,
): Promise<readonly number[]> {
  const { model, settings, cycles } = request;
  const feeds = feedsOf(model.feeds.tensors, await runtimeOf());
  const collect = openGarbageCollector();
  const residentBytes: number[] = [];
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    const { session } = await openSession(model.path, settings, null, clock);
    await session.run(feeds);
    await session.release();
    collect();
    residentBytes.push(process.memoryUsage.rss());
  }
  return residentBytes;
}

async function runKept(
  request: Extract<WorkerRequest, { kind: 'run-kept' }>,
  clock: MeasuringClock,
): Promise<{ readonly durationMs: number }> {
  const current = opened;
  if (current === null) throw new Error('no model is open');
  if (request.feeds !== null) kept = feedsOf(request.feeds, await runtimeOf());
  const feeds = kept;
  if (feeds === null) throw new Error('no inputs were given');
  const { durationMs } = await timeOnce(() => current.session.run(feeds), clock);
  return { durationMs };
}

async function launchSolo(
  request: Extract<WorkerRequest, { kind: 'launch-solo' }>,
  clock: MeasuringClock,
): Promise<SoloLaunch> {
  const { run, loadMs, firstRunMs } = await start(request.model, request.settings, request.side, clock);
  const common = { firstLoadMs: loadMs, firstRunMs };
  if (!request.blocks) {
    return {
      ...common,
      loadMs,
      peakRssBytes: peakRssBytes(),
      blocksMs: [],
      runs: 0,
      waitShare: null,
    };
  }
  const blocks = await measureSoloBlocks(run, clock);
  // Before the model is loaded a second time beside itself.
  const peak = peakRssBytes();
  const again = loaderOf(request.model.path, request.settings, await runtimeOf());
  const loads = await measureLoadPairs({ base: again, candidate: again }, clock, seededRandom(1));
  return { ...common, loadMs: loads.candidateMs, peakRssBytes: peak, ...blocks };
}

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

const SIGN_OF_LIFE_MS = 250;

async function runEach(
  feedSets: readonly (readonly FeedTensor[])[],
  clock: MeasuringClock,
): Promise<RunManyResult> {
  const current = opened;
  if (current === null) throw new Error('no model is open');
  await enter({ side: null, step: 'run' });
  const runtime = await runtimeOf();
  const memory = new InputMemory();
  const outputs: (readonly FeedTensor[])[] = [];
  // One reading for all: two for each run would cost a tenth of a short one.
  const { durationMs } = await timeOnce(async () => {
    let said = clock.nowMs();
    for (const feeds of feedSets) {
      // A sign of life now and then, so that the time limit is that of one run; one for each would cost as much as a run.
      if (clock.nowMs() - said > SIGN_OF_LIFE_MS) {
        await enter({ side: null, step: 'run' });
        said = clock.nowMs();
      }
      const result = await current.session.run(feedsOf(feeds, runtime, memory));
      outputs.push(plainTensorsOf(current.session.outputNames, result));
    }
  }, clock);
  return { outputs, durationMs };
}

async function profile(
  request: Extract<WorkerRequest, { kind: 'profile' }>,
  clock: MeasuringClock,
): Promise<WorkerResults['profile']> {
  const { models, settings, profiling } = request;
  const runtime = await runtimeOf();
  const sessions = await openEach(models, profiling, async (model, options) => ({
    ...(await openSession(model.modelPath, settings, model.side, clock, options)),
    feeds: feedsOf(model.feeds, runtime),
  }));
  await enter({ side: null, step: 'run' });
  return profileSessions(sessions, profiling, clock.nowMs);
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
    case 'launch-loads':
      return launchLoads(request, clock);
    case 'launch-cycles':
      return launchCycles(request, clock);
    case 'run-kept':
      return runKept(request, clock);
    case 'launch-solo':
      return launchSolo(request, clock);
    case 'profile':
      return profile(request, clock);
  }
}

/** The wait that can be read is the main thread's alone: with several threads it says nothing of a run. */
function clockFor(request: WorkerRequest, clock: MeasuringClock): MeasuringClock {
  return 'settings' in request && request.settings.threads > 1 ? { ...clock, waitMs: () => null } : clock;
}

async function handle(request: WorkerRequest, clock: MeasuringClock): Promise<void> {
  try {
    await send({ kind: 'done', result: await answer(request, clockFor(request, clock)) });
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
  let turn = Promise.resolve();
  process.on('message', message => {
    // The only sender is the parent that started this process.
    turn = turn.then(() => handle(message as WorkerRequest, clock)).catch(() => process.exit(1));
  });
  process.on('disconnect', () => process.exit(0));
}
