import { payloadExample } from '../../contract/payload-example.ts';
import { errorReply, jsonReply, type Reply, type Route } from '../call.ts';
import { failureReply, type InferenceAccess } from './inference-replies.ts';
import { namedModel } from './own-routes.ts';

const DEFAULT_RUNS = 50;
const MOST_RUNS = 1000;

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;

/**
 * `POST /model/benchmark?runs=N`: runs the smallest legal request so many times, one after the other, beside whatever
 * else the server does. Off unless it is asked for: it costs what it measures.
 */
export function benchmarkRoute(access: InferenceAccess, nowMs: () => number): Route {
  return {
    method: 'POST',
    path: '/model/benchmark',
    audience: 'inference',
    kind: 'reply',
    async answer(call): Promise<Reply> {
      const { name, version } = namedModel(call);
      const choice = access.chooser.choose(name, version, call);
      if (choice.kind === 'unknown') return errorReply(404, choice.message);
      const runs = Number(new URLSearchParams(call.query).get('runs') ?? DEFAULT_RUNS);
      if (!Number.isInteger(runs) || runs < 1 || runs > MOST_RUNS)
        return errorReply(400, `runs: expected a whole number from 1 to ${MOST_RUNS}`);
      const { model } = choice;
      const body = Buffer.from(JSON.stringify(payloadExample(model.interface, 'request', 'plain')));
      const head = { kind: 'predict', bytes: body.byteLength, headerBytes: null } as const;
      const totalMs: number[] = [];
      const inferenceMs: number[] = [];
      const begin = nowMs();
      for (let run = 0; run < runs; run++) {
        const start = nowMs();
        const outcome = await access.engine.submit(model.name, model.version, { head, body: [body] }).outcome;
        if (outcome.kind === 'failed') return failureReply(outcome.failure);
        if (outcome.result.status !== 200)
          return errorReply(422, 'the model cannot be run on the example of its schema');
        totalMs.push(nowMs() - start);
        inferenceMs.push(outcome.result.inferenceMs);
      }
      const seconds = (nowMs() - begin) / 1000;
      const summary = (values: readonly number[]): object => {
        const sorted = values.toSorted((one, other) => one - other);
        return { p50: at(sorted, 0.5), p95: at(sorted, 0.95), p99: at(sorted, 0.99), max: at(sorted, 1) };
      };
      return jsonReply({
        model: model.name,
        version: model.version,
        runs,
        runsPerSecond: runs / seconds,
        totalMs: summary(totalMs),
        inferenceMs: summary(inferenceMs),
      });
    },
  };
}
