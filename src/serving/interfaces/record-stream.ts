import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  LINE_END,
  linePieces,
  type RecordText,
  splitLines,
  tooLongMessage,
} from '../../cases/records/record-text.ts';
import { failureLine, resultLine } from '../../cases/records/result-line.ts';
import { inOrder } from '../../shared/in-order.ts';
import { roomIn } from '../../shared/stream-room.ts';
import { type Call, errorReply, NO_ROOM, type Route } from '../call.ts';
import type { JobOutcome } from '../engine/job.ts';
import type { HeldBytes, StreamShare } from '../held-bytes.ts';
import type { ServedModel } from '../served-model.ts';
import type { ServingLimits } from '../settings.ts';
import { failureReply, type InferenceAccess } from './inference-replies.ts';
import { namedModel } from './own-routes.ts';

/** Records of one stream that are in the queue or in workers at a time: enough to fill batches, few to hold. */
const RECORDS_AHEAD = 64;
/** A stream has time: where the queue is full it asks again after so long. */
const FULL_QUEUE_PAUSE_MS = 50;

/** Where the route is. */
export const RECORD_STREAM = '/model/batch';

/** Why a record has no result. */
export const RECORD_FAILURES = [
  'RECORD_INVALID',
  'MODEL_RUN_FAILED',
  'RECORD_NOT_RUN',
  'WORKER_CRASHED',
] as const;

interface RecordAnswer {
  readonly isDone: boolean;
  /** Against what the server may hold, until the client has taken the line. */
  readonly bytes: number;
  /** Of the number of the record. */
  readonly line: (record: number) => string;
}

const failedAnswer = (code: (typeof RECORD_FAILURES)[number], message: string): RecordAnswer => ({
  isDone: false,
  bytes: Buffer.byteLength(message),
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
  if (status === 200)
    return { isDone: true, bytes: body.byteLength, line: record => resultLine(record, null, text) };
  return failedAnswer(status === 400 ? 'RECORD_INVALID' : 'MODEL_RUN_FAILED', errorOf(text));
}

const bytesOf = (record: RecordText): number => (record.kind === 'text' ? record.bytes.byteLength : 0);

/**
 * What a client sends, cut at the ends of lines, each piece when there is room for it.
 * @param lineLimit in bytes; what is longer is not kept, and takes no room
 * @param sent called where the client does what it should: begins a line, ends one, or waits for room
 */
async function* receivedPieces(
  request: IncomingMessage,
  share: StreamShare,
  lineLimit: number,
  sent: () => void,
): AsyncGenerator<Uint8Array> {
  let lineBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    for (const piece of linePieces(chunk)) {
      const isEnd = piece.at(-1) === LINE_END;
      if (lineBytes === 0 || isEnd) sent();
      lineBytes += piece.byteLength - (isEnd ? 1 : 0);
      if (lineBytes > lineLimit) share.dropIncoming();
      else {
        const granted = share.take(piece.byteLength);
        if (granted !== null) {
          await granted;
          sent();
        }
      }
      yield piece;
      if (!isEnd) continue;
      // Its record was handed on: the line's end is left, or blanks.
      share.dropIncoming();
      lineBytes = 0;
    }
  }
}

async function run(
  access: InferenceAccess,
  model: ServedModel,
  response: ServerResponse,
  limits: ServingLimits,
  room: HeldBytes,
): Promise<void> {
  const request = response.req;
  const share = room.openShare();
  let isOpen = true;
  let atWork = 0;
  // Who neither sends a line nor takes anything for so long has gone away without a word; who waits for the model has
  // not, nor who waits for room while others hold it.
  const idle = setTimeout(() => {
    if (atWork > 0 || (share.isWaiting && share.underWay === 0)) idle.refresh();
    else request.socket.destroy();
  }, limits.requestMs);
  response.once('close', () => {
    isOpen = false;
    clearTimeout(idle);
    share.close();
  });

  async function submit(bytes: Buffer): Promise<JobOutcome> {
    const head = { kind: 'predict', bytes: bytes.byteLength, headerBytes: null } as const;
    for (;;) {
      const outcome = await access.engine.submit(model.name, model.version, { head, body: [bytes] }).outcome;
      if (outcome.kind !== 'failed' || outcome.failure.kind !== 'full' || !isOpen) return outcome;
      await sleep(FULL_QUEUE_PAUSE_MS);
    }
  }
  async function answer(record: RecordText): Promise<RecordAnswer> {
    atWork += 1;
    share.handOn(bytesOf(record));
    try {
      const answered =
        record.kind === 'text'
          ? answerOf(await submit(record.bytes))
          : failedAnswer('RECORD_INVALID', tooLongMessage(record.limitBytes));
      share.add(answered.bytes);
      return answered;
    } finally {
      share.release(bytesOf(record));
      atWork -= 1;
    }
  }

  let records = 0;
  let failed = 0;
  const pieces = receivedPieces(request, share, limits.bodyBytes, () => void idle.refresh());
  const lines = splitLines(pieces, limits.bodyBytes);
  const ahead = { most: RECORDS_AHEAD, mostBytes: limits.bodyBytes, sizeOf: bytesOf };
  for await (const { isDone, bytes, line } of inOrder(lines, answer, ahead)) {
    records += 1;
    if (!isDone) failed += 1;
    if (!response.write(line(records), () => share.release(bytes))) await roomIn(response);
    if (!isOpen) return;
    idle.refresh();
  }
  response.end(`${JSON.stringify({ records, failed })}\n`);
}

/**
 * `POST /model/batch`: a stream of records, one a line, to a stream of results in their order, and a last line that
 * counts. Reading stops while the client does not take results, or there is no room for what it sends.
 */
export function recordStreamRoute(access: InferenceAccess, limits: ServingLimits, room: HeldBytes): Route {
  return {
    method: 'POST',
    path: RECORD_STREAM,
    audience: 'inference',
    kind: 'stream',
    isAwaited: true,
    open(call: Call, response) {
      const { name, version } = namedModel(call);
      const choice = access.chooser.choose(name, version, call);
      if (choice.kind === 'unknown') return errorReply(404, choice.message);
      const type = (call.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
      if (type !== 'application/x-ndjson' && type !== 'application/jsonl')
        return errorReply(415, 'send one record a line as application/x-ndjson');
      if (room.isFullForStreams) return NO_ROOM;
      response.once('close', access.engine.hold(choice.model.name, choice.model.version));
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      run(access, choice.model, response, limits, room).catch(() => response.destroy());
      return null;
    },
  };
}
