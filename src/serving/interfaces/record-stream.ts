import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RecordText, splitLines, tooLongMessage } from '../../cases/records/record-text.ts';
import { failureLine, resultLine } from '../../cases/records/result-line.ts';
import { inOrder } from '../../shared/in-order.ts';
import { roomIn } from '../../shared/stream-room.ts';
import { type Call, errorReply, type Reply, type Route } from '../call.ts';
import type { JobOutcome } from '../engine/job.ts';
import type { ServedModel } from '../served-model.ts';
import type { ServingLimits } from '../settings.ts';
import { failureReply, type InferenceAccess } from './inference-replies.ts';
import { namedModel } from './own-routes.ts';

/** Records of one stream that are in the queue or in workers at a time: enough to fill batches, few to hold. */
const RECORDS_AHEAD = 64;
/** A stream has time: where the queue is full it asks again after so long. */
const FULL_QUEUE_PAUSE_MS = 50;

interface RecordAnswer {
  readonly isDone: boolean;
  /** Of the number of the record. */
  readonly line: (record: number) => string;
}

const failedAnswer = (code: string, message: string): RecordAnswer => ({
  isDone: false,
  line: record => failureLine(record, null, { code, message }),
});

const errorOf = (body: string): string => (JSON.parse(body) as { readonly error: string }).error;

function answerOf(outcome: JobOutcome): RecordAnswer {
  if (outcome.kind === 'failed') {
    const code = outcome.failure.kind === 'worker-died' ? 'WORKER_CRASHED' : 'RECORD_NOT_RUN';
    return failedAnswer(code, errorOf(String(failureReply(outcome.failure).body)));
  }
  const { status, body } = outcome.result;
  const text = Buffer.from(body).toString('utf8');
  if (status === 200) return { isDone: true, line: record => resultLine(record, null, text) };
  return failedAnswer(status === 400 ? 'RECORD_INVALID' : 'MODEL_RUN_FAILED', errorOf(text));
}

const bytesOf = (record: RecordText): number => (record.kind === 'text' ? record.bytes.byteLength : 0);

async function run(
  access: InferenceAccess,
  model: ServedModel,
  response: ServerResponse,
  limits: ServingLimits,
): Promise<void> {
  const request = response.req;
  let isOpen = true;
  let atWork = 0;
  // Who neither sends nor takes anything for so long has gone away without a word; who waits for the model has not.
  const idle = setTimeout(() => {
    if (atWork > 0) idle.refresh();
    else request.socket.destroy();
  }, limits.requestMs);
  response.once('close', () => {
    isOpen = false;
    clearTimeout(idle);
  });

  async function* received(): AsyncGenerator<Uint8Array> {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      idle.refresh();
      yield chunk;
    }
  }
  async function submit(bytes: Buffer): Promise<JobOutcome> {
    const head = { kind: 'predict', bytes: bytes.byteLength, headerBytes: null } as const;
    for (;;) {
      const outcome = await access.engine.submit(model.name, model.version, { head, body: [bytes] }).outcome;
      if (outcome.kind !== 'failed' || outcome.failure.kind !== 'full' || !isOpen) return outcome;
      await sleep(FULL_QUEUE_PAUSE_MS);
    }
  }
  async function answer(record: RecordText): Promise<RecordAnswer> {
    if (record.kind === 'too-long') return failedAnswer('RECORD_INVALID', tooLongMessage(record.limitBytes));
    atWork += 1;
    try {
      return answerOf(await submit(record.bytes));
    } finally {
      atWork -= 1;
    }
  }

  let records = 0;
  let failed = 0;
  const lines = splitLines(received(), limits.bodyBytes);
  const ahead = { most: RECORDS_AHEAD, mostBytes: limits.bodyBytes, sizeOf: bytesOf };
  for await (const { isDone, line } of inOrder(lines, answer, ahead)) {
    records += 1;
    if (!isDone) failed += 1;
    if (!response.write(line(records))) await roomIn(response);
    if (!isOpen) return;
    idle.refresh();
  }
  response.end(`${JSON.stringify({ records, failed })}\n`);
}

/**
 * `POST /model/batch`: a stream of records, one a line, to a stream of results in their order, and a last line that
 * counts. Reading stops while the client does not take results.
 */
export function recordStreamRoute(access: InferenceAccess, limits: ServingLimits): Route {
  return {
    method: 'POST',
    path: '/model/batch',
    audience: 'inference',
    kind: 'stream',
    isAwaited: true,
    open(call: Call, response) {
      const refuse = (reply: Reply): void => {
        response.writeHead(reply.status, { ...reply.headers, connection: 'close' });
        response.end(reply.body);
      };
      const { name, version } = namedModel(call);
      const choice = access.chooser.choose(name, version, call);
      if (choice.kind === 'unknown') return refuse(errorReply(404, choice.message));
      response.once('close', access.engine.hold(choice.model.name, choice.model.version));
      const type = (call.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
      if (type !== 'application/x-ndjson' && type !== 'application/jsonl')
        return refuse(errorReply(415, 'send one record a line as application/x-ndjson'));
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      run(access, choice.model, response, limits).catch(() => response.destroy());
    },
  };
}
