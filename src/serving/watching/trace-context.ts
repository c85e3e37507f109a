import type { Call } from '../call.ts';
import type { TraceContext } from '../watcher.ts';

/** https://www.w3.org/TR/trace-context/#traceparent-header; a later version may append fields after a dash. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
const SAMPLED = 1;
/** What the specification asks implementations to carry at least. */
const LONGEST_STATE = 512;

interface CallerContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** Reads `traceparent`; null where it is not what the specification allows, and a new trace starts. */
export function parseTraceparent(header: string | undefined): CallerContext | null {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(header?.trim() ?? '') ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined)
    return null;
  if (version === 'ff' || traceId === NO_TRACE || spanId === NO_SPAN) return null;
  if (version === '00' && rest !== undefined) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}

/** So many lower-case hexadecimal digits, not all zero. Ids need to be different, not unguessable. */
export function randomId(digits: 16 | 32, random: () => number): string {
  let id = '';
  while (id.length < digits)
    id += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return /^0+$/.test(id) ? `${id.slice(0, -1)}1` : id;
}

/**
 * The context of a request: the caller's trace where it has one, whose decision to sample is followed; else a new trace,
 * of which a share is sampled.
 */
export function traceContextOf(
  call: Pick<Call, 'headers'>,
  sampleRatio: number,
  random: () => number,
): TraceContext {
  const parent = parseTraceparent(call.headers['traceparent'] as string | undefined);
  const spanId = randomId(16, random);
  if (parent === null) {
    return {
      traceId: randomId(32, random),
      spanId,
      parentSpanId: null,
      sampled: random() < sampleRatio,
      state: null,
    };
  }
  const state = call.headers['tracestate'];
  const usable = typeof state === 'string' && state.length > 0 && state.length <= LONGEST_STATE;
  return {
    traceId: parent.traceId,
    spanId,
    parentSpanId: parent.spanId,
    sampled: parent.sampled,
    state: usable ? state : null,
  };
}
