import type { IncomingHttpHeaders } from 'node:http';
import type { Audience, Call, Route } from '../../src/serving/call.ts';
import type { ServingWorld } from '../../src/serving/server-parts.ts';
import type { Served, ServerSnapshot } from '../../src/serving/watcher.ts';

/** A request's head with harmless values. */
export const callOf = (headers: IncomingHttpHeaders = {}, change: Partial<Call> = {}): Call => ({
  id: 'request-1',
  method: 'POST',
  path: '/predict',
  query: '',
  headers,
  clientAddress: '192.0.2.1',
  startedAtMs: 0,
  ...change,
});

export const routeOf = (audience: Audience): Route => ({
  kind: 'reply',
  method: 'POST',
  path: '/predict',
  audience,
  answer: () => ({ status: 200, headers: {}, body: '' }),
});

export const snapshotOf = (change: Partial<ServerSnapshot> = {}): ServerSnapshot => ({
  ready: true,
  reasons: [],
  draining: false,
  uptimeMs: 61_000,
  connections: 3,
  inFlight: 2,
  heldBytes: 4096,
  workers: [
    { worker: 0, pid: 100, state: 'idle', residentBytes: 80_000_000, restarts: 0, runs: 12 },
    { worker: 1, pid: 101, state: 'busy', residentBytes: 90_000_000, restarts: 1, runs: 7 },
  ],
  queues: [{ model: 'digits', version: '1', waiting: 4, running: 2, batchLimit: 8 }],
  ...change,
});

/** The record of a request that ran a model. */
export const servedOf = (change: Partial<Served> = {}): Served => ({
  requestId: 'request-1',
  method: 'POST',
  route: '/predict',
  status: 200,
  clientAddress: '192.0.2.1',
  bytesIn: 100,
  bytesOut: 50,
  totalMs: 12,
  inference: { model: 'digits', version: '1', queueMs: 2, batchSize: 4, inferenceMs: 5 },
  keyName: 'ci',
  trace: null,
  ...change,
});

/** A world whose clocks stand still, and what it logged. */
export function servingWorld(env: ServingWorld['env'] = {}) {
  const lines: string[] = [];
  const clock = { ms: 0 };
  const world: ServingWorld = {
    env,
    now: () => Date.UTC(2026, 0, 1) + clock.ms,
    monotonicMs: () => clock.ms,
    random: Math.random,
    writeLog: line => void lines.push(line),
    folder: '/nowhere',
    toolVersion: '1.2.3',
  };
  return { world, lines, clock };
}
