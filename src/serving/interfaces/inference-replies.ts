import type { OutgoingHttpHeaders } from 'node:http';
import { freeMemory } from '../../shared/freed-memory.ts';
import { type Call, errorReply, type Reply, type RequestBody, type ServedNote } from '../call.ts';
import type { JobFailure, JobOutcome, JobResult } from '../engine/job.ts';
import type { ServingEngine } from '../engine/serving-engine.ts';
import type { PayloadKind } from '../engine/worker-messages.ts';
import type { TrafficSplit } from '../traffic-split.ts';
import type { ModelChooser } from './model-choice.ts';

/** What every interface that runs models needs. */
export interface InferenceAccess {
  readonly engine: ServingEngine;
  readonly chooser: ModelChooser;
  readonly split: TrafficSplit | null;
}

export interface InferenceCall {
  readonly call: Call;
  readonly body: RequestBody;
  readonly note: ServedNote;
  readonly kind: PayloadKind;
  readonly name: string | null;
  readonly version: string | null;
}

const HEADER_LENGTH = 'inference-header-content-length';

/** The answer to a job that has no result. */
export function failureReply(failure: JobFailure): Reply {
  switch (failure.kind) {
    case 'full':
      return errorReply(503, 'too many requests wait', { 'retry-after': String(failure.retryAfterSeconds) });
    case 'expired':
      return errorReply(503, 'no worker was free in time', {
        'retry-after': String(failure.retryAfterSeconds),
      });
    case 'unknown-model':
      return errorReply(404, failure.message);
    case 'worker-died':
      return errorReply(500, failure.message);
    case 'stopping':
      return errorReply(503, 'the server is stopping', { 'retry-after': '1' });
  }
}

function resultReply(result: JobResult): Reply {
  const headers: OutgoingHttpHeaders =
    result.headerBytes === null
      ? { 'content-type': 'application/json' }
      : { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: result.headerBytes };
  return { status: result.status, headers, body: result.body };
}

/** The JSON part's length of a binary request; null: all is JSON; undefined: not a number. */
function headerBytesOf(call: Call): number | null | undefined {
  const value = call.headers[HEADER_LENGTH];
  if (value === undefined) return null;
  return typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : undefined;
}

/** JSON by its name or none (curl sends forms by default, which is a mistake worth a word). */
function isTakenType(call: Call, headerBytes: number | null): boolean {
  const type = (call.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return (
    type === '' ||
    type === 'application/json' ||
    type.endsWith('+json') ||
    (headerBytes !== null && type === 'application/octet-stream')
  );
}

/** Runs a request and answers it; tells the note what was run. */
export async function answerInference(access: InferenceAccess, request: InferenceCall): Promise<Reply> {
  const { engine, chooser, split } = access;
  const { call, body, note, kind, name, version } = request;
  const choice = chooser.choose(name, version, call);
  if (choice.kind === 'unknown') return errorReply(404, choice.message);
  const headerBytes = headerBytesOf(call);
  if (headerBytes === undefined)
    return errorReply(400, 'Inference-Header-Content-Length is not a number of bytes');
  if (!isTakenType(call, headerBytes))
    return errorReply(
      415,
      `bodies of type ${JSON.stringify(call.headers['content-type'])} are not taken; send application/json`,
    );
  const head = { kind, bytes: body.bytes, headerBytes };
  const { model, mirror } = choice;
  const submission = engine.submit(model.name, model.version, { head, body: body.chunks });
  body.onGone(submission.abandon);
  const copy =
    mirror === null
      ? null
      : engine.submit(mirror.name, mirror.version, { head, body: body.chunks, isSpare: true });
  const outcome = await submission.outcome;
  if (copy !== null && split !== null)
    void compare(split, model, outcome, mirror?.version ?? '', copy.outcome);
  if (outcome.kind === 'failed') return failureReply(outcome.failure);
  // Whoever answered has all of it.
  if (copy === null) for (const chunk of body.chunks) freeMemory(chunk);
  const { queueMs, batchSize, inferenceMs } = outcome.result;
  note.inference = { model: model.name, version: model.version, queueMs, batchSize, inferenceMs };
  return resultReply(outcome.result);
}

async function compare(
  split: TrafficSplit,
  model: { readonly name: string; readonly version: string },
  outcome: JobOutcome,
  mirrorVersion: string,
  copy: Promise<JobOutcome>,
): Promise<void> {
  const mirrored = await copy;
  if (outcome.kind !== 'done' || mirrored.kind !== 'done') return;
  const answer = (version: string, { status, body, inferenceMs }: JobResult) => ({
    version,
    status,
    body,
    inferenceMs,
  });
  split.compared(model.name, answer(model.version, outcome.result), answer(mirrorVersion, mirrored.result));
}
