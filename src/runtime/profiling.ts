import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import type { RunTrace } from '../model/layers/trace.ts';
import { readProfileTrace } from './profile-trace.ts';

/** More runs than this make the medians no better for reading. */
const MOST_RUNS = 7;
const ENOUGH_MS = 1000;
/** The profiler holds a million events and then drops what comes. */
const MOST_EVENTS = 900_000;

export interface ProfilingRequest {
  /** An empty folder for the trace and the graph. */
  readonly folder: string;
  readonly level: 'disabled' | 'all';
  /** Whether the runtime writes the graph that it runs (weights included) to `graph.onnx`. */
  readonly writeGraph: boolean;
}

/** What of the session's options profiling changes. */
export function profilingOptions(request: ProfilingRequest): InferenceSession.SessionOptions {
  return {
    graphOptimizationLevel: request.level,
    enableProfiling: true,
    profileFilePrefix: join(request.folder, 'trace'),
    ...(request.writeGraph ? { optimizedModelFilePath: join(request.folder, 'graph.onnx') } : {}),
  };
}

/**
 * Runs a session that was opened with `profilingOptions` and reads what the profiler wrote. Without optimisation one
 * run tells the shapes; optimised, the first run warms up and is left out. `nowMs` is any clock in milliseconds.
 */
export async function profileSession(
  session: InferenceSession,
  feeds: Parameters<InferenceSession['run']>[0],
  request: ProfilingRequest,
  nowMs: () => number,
): Promise<readonly RunTrace[]> {
  await session.run(feeds);
  if (request.level === 'all') {
    const startMs = nowMs();
    for (let run = 0; run < MOST_RUNS; run += 1) {
      await session.run(feeds);
      if (nowMs() - startMs > ENOUGH_MS) break;
    }
  }
  // It returns nothing: the trace is where the prefix said.
  session.endProfiling();
  const trace = readdirSync(request.folder).find(name => name.startsWith('trace') && name.endsWith('.json'));
  if (trace === undefined) throw new Error('the profiler wrote no trace');
  const runs = await readProfileTrace(join(request.folder, trace));
  const events = runs.reduce((total, run) => total + run.length, 0);
  // The last run may have lost its end; the first has all that one run has.
  const whole = events > MOST_EVENTS ? runs.slice(0, 1) : runs;
  return whole.length > 1 ? whole.slice(1) : whole;
}
