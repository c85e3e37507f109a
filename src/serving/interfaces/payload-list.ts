import type { ServerResponse } from 'node:http';
import { type Call, errorReply, type Reply, type Route } from '../call.ts';
import type { JobOutcome } from '../engine/job.ts';
import type { ServedModel } from '../served-model.ts';
import type { ServingLimits } from '../settings.ts';
import { failureReply, type InferenceAccess } from './inference-replies.ts';
import { namedModel } from './own-routes.ts';

/** Records of one request that are in the queue or in workers at a time: enough to fill batches, few to hold. */
const IN_FLIGHT = 64;
const LINE_FEED = 10;

/** `{"record":3,"outputs":{...}}`: the number is put into the object that the worker wrote, without parsing it. */
function lineOf(record: number, outcome: JobOutcome): string {
  const body =
    outcome.kind === 'done'
      ? Buffer.from(outcome.result.body).toString('utf8')
      : String(failureReply(outcome.failure).body);
  return `{"record":${record},${body.slice(1)}\n`;
}

/** Cuts a stream into lines without holding more than one. */
class LineCutter {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns the lines that ended in the chunk, or null where one is longer than the limit */
  cut(chunk: Buffer): readonly Buffer[] | null {
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      lines.push(this.#line(chunk.subarray(from, end)));
      from = end + 1;
    }
    const rest = chunk.subarray(from);
    this.#bytes += rest.byteLength;
    if (this.#bytes > this.#limit) return null;
    if (rest.byteLength > 0) this.#parts.push(rest);
    return lines;
  }

  last(): Buffer {
    return this.#line(Buffer.alloc(0));
  }

  #line(end: Buffer): Buffer {
    const line = this.#parts.length === 0 ? end : Buffer.concat([...this.#parts, end]);
    this.#parts = [];
    this.#bytes = 0;
    return line;
  }
}

const isBlank = (line: Buffer): boolean => line.every(byte => byte === 32 || byte === 13 || byte === 9);

async function run(
  access: InferenceAccess,
  model: ServedModel,
  response: ServerResponse,
  limits: ServingLimits,
): Promise<void> {
  const request = response.req;
  const cutter = new LineCutter(limits.bodyBytes);
  const pending: Promise<string>[] = [];
  let record = 0;
  let failed = 0;
  let gone = false;
  // Who sends nothing for so long has gone away without a word.
  const idle = setTimeout(() => request.socket.destroy(), limits.requestMs);
  response.once('close', () => {
    gone = true;
    clearTimeout(idle);
  });

  const writeFirst = async (): Promise<void> => {
    const line = await pending.shift();
    if (line === undefined || gone) return;
    if (!response.write(line)) {
      await new Promise<void>(resolve => {
        const go = (): void => {
          response.off('drain', go);
          response.off('close', go);
          resolve();
        };
        response.once('drain', go);
        response.once('close', go);
      });
    }
  };
  const submit = async (line: Buffer): Promise<void> => {
    if (isBlank(line)) return;
    const number = record++;
    const head = { kind: 'predict', bytes: line.byteLength, headerBytes: null } as const;
    const { outcome } = access.engine.submit(model.name, model.version, { head, body: [line] });
    pending.push(
      outcome.then(result => {
        if (result.kind === 'failed' || result.result.status !== 200) failed += 1;
        return lineOf(number, result);
      }),
    );
    if (pending.length >= IN_FLIGHT) await writeFirst();
  };
  // Reading stops while the client does not take what is finished: for await pauses the request.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    idle.refresh();
    const lines = cutter.cut(chunk);
    if (lines === null) {
      response.write(`{"record":${record},"error":"a line may have ${limits.bodyBytes} bytes"}\n`);
      break;
    }
    for (const line of lines) await submit(line);
    if (gone) return;
  }
  await submit(cutter.last());
  while (pending.length > 0 && !gone) await writeFirst();
  response.end(`{"records":${record},"failed":${failed}}\n`);
}

/** `POST /model/batch`: a stream of payloads, one a line, to a stream of answers in their order, and a last line that counts. */
export function payloadListRoute(access: InferenceAccess, limits: ServingLimits): Route {
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
      const type = (call.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
      if (type !== 'application/x-ndjson' && type !== 'application/jsonl')
        return refuse(errorReply(415, 'send one payload a line as application/x-ndjson'));
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      run(access, choice.model, response, limits).catch(() => response.destroy());
    },
  };
}
