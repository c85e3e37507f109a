import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import type { RunTrace } from '../model/layers/trace.ts';
import { readProfileTrace } from './profile-trace.ts';
import type { ProfiledModelFile, ProfilingRequest } from './worker-protocol.ts';

/** The profiler holds a million events and then drops what comes. */
const MOST_EVENTS = 900_000;

interface OpenedModel {
  readonly session: InferenceSession;
  readonly feeds: Parameters<InferenceSession['run']>[0];
}

/** A session with the profiler on. */
export interface ProfiledSession extends OpenedModel {
  readonly folder: string;
}

/** What of the session's options profiling changes. */
function profilingOptions(request: ProfilingRequest, folder: string): InferenceSession.SessionOptions {
  return {
    graphOptimizationLevel: request.level,
    enableProfiling: true,
    profileFilePrefix: join(folder, 'trace'),
    ...(request.writeGraph ? { optimizedModelFilePath: join(folder, 'graph.onnx') } : {}),
  };
}

/** Opens each model in turn, with what profiling changes of its session's options. */
export async function openEach(
  models: readonly ProfiledModelFile[],
  request: ProfilingRequest,
  open: (model: ProfiledModelFile, options: InferenceSession.SessionOptions) => Promise<OpenedModel>,
): Promise<readonly ProfiledSession[]> {
  const sessions: ProfiledSession[] = [];
  for (const model of models) {
    const opened = await open(model, profilingOptions(request, model.folder));
    sessions.push({ ...opened, folder: model.folder });
  }
  return sessions;
}

/**
 * Runs sessions in turns, mirrored (ABBA), so that what disturbs the machine for a while disturbs all of them, and reads
 * what the profiler wrote of each. Without optimisation one run tells the shapes; optimised, the first run warms up and
 * is left out. `nowMs` is any clock in milliseconds.
 */
export async function profileSessions(
  sessions: readonly ProfiledSession[],
  request: ProfilingRequest,
  nowMs: () => number,
): Promise<readonly (readonly RunTrace[])[]> {
  for (const { session, feeds } of sessions) await session.run(feeds);
  if (request.level === 'all') {
    const startMs = nowMs();
    for (let turn = 0; turn < request.mostRuns; turn += 1) {
      const order = turn % 2 === 0 ? sessions : sessions.toReversed();
      for (const { session, feeds } of order) await session.run(feeds);
      if (nowMs() - startMs > request.enoughMs) break;
    }
  }
  const traces: (readonly RunTrace[])[] = [];
  for (const { session, folder } of sessions) {
    // It returns nothing: the trace is where the prefix said.
    session.endProfiling();
    traces.push(await readTrace(folder));
  }
  return traces;
}

async function readTrace(folder: string): Promise<readonly RunTrace[]> {
  const trace = readdirSync(folder).find(name => name.startsWith('trace') && name.endsWith('.json'));
  if (trace === undefined) throw new Error('the profiler wrote no trace');
  const runs = await readProfileTrace(join(folder, trace));
  const events = runs.reduce((total, run) => total + run.length, 0);
  // The last run may have lost its end; the first has all that one run has.
  const whole = events > MOST_EVENTS ? runs.slice(0, 1) : runs;
  return whole.length > 1 ? whole.slice(1) : whole;
}
