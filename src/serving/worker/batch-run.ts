import { elementCount } from '../../shared/element-types.ts';
import { messageOf } from '../../shared/errors.ts';
import type { RequestTensor } from './decoded-request.ts';
import type { OutputTensor } from './encoded-answer.ts';
import { type FedTensor, fedTensorOf, type ModelSession } from './model-session.ts';
import { allocate, sliceOf } from './runtime-arrays.ts';

/** What came of one request. */
export type RunOutcome =
  | {
      readonly kind: 'outputs';
      readonly outputs: readonly OutputTensor[];
      readonly inferenceMs: number;
      readonly batchSize: number;
    }
  | { readonly kind: 'failed'; readonly message: string; readonly inferenceMs: number };

/** Rows of a request where all its inputs have as many; null: it cannot be put together with others. */
export function rowsOf(tensors: readonly RequestTensor[]): number | null {
  const rows = tensors[0]?.shape[0];
  if (rows === undefined || rows === 0) return null;
  return tensors.every(({ shape }) => shape[0] === rows) ? rows : null;
}

/** Requests can run together where all but the first dimension agree. */
export const groupKeyOf = (tensors: readonly RequestTensor[]): string =>
  tensors
    .map(({ name, shape }) => `${name}:${shape.slice(1).join('x')}`)
    .sort()
    .join(',');

/** The inputs of several requests one after the other along the first dimension; numbers are copied once. */
export function stackInputs(requests: readonly (readonly RequestTensor[])[]): readonly FedTensor[] {
  const [first, ...others] = requests;
  if (first === undefined) return [];
  if (others.length === 0) return first.map(fedTensorOf);
  return first.map(({ name, dtype, shape }) => {
    const parts = requests.map(request => request.find(tensor => tensor.name === name));
    const count = parts.reduce((sum, part) => sum + (part?.count ?? 0), 0);
    const rows = parts.reduce((sum, part) => sum + (part?.shape[0] ?? 0), 0);
    const values = allocate(dtype, count);
    let offset = 0;
    for (const part of parts) {
      part?.write(values, offset);
      offset += part?.count ?? 0;
    }
    return { name, dtype, shape: [rows, ...shape.slice(1)], values };
  });
}

/** The rows of one request of outputs that hold those of several. @returns null where an output has other rows. */
export function outputRows(
  outputs: readonly OutputTensor[],
  from: number,
  rows: number,
  allRows: number,
): readonly OutputTensor[] | null {
  if (outputs.some(({ shape }) => shape[0] !== allRows)) return null;
  return outputs.map(output => {
    const inner = output.shape.slice(1);
    const stride = elementCount(inner);
    return {
      ...output,
      shape: [rows, ...inner],
      values: sliceOf(output.values, from * stride, (from + rows) * stride),
    };
  });
}

async function runAlone(
  model: ModelSession,
  tensors: readonly RequestTensor[],
  nowMs: () => number,
): Promise<RunOutcome> {
  const feeds = tensors.map(fedTensorOf);
  const start = nowMs();
  try {
    const outputs = await model.run(feeds);
    return { kind: 'outputs', outputs, inferenceMs: nowMs() - start, batchSize: 1 };
  } catch (error) {
    return { kind: 'failed', message: messageOf(error), inferenceMs: nowMs() - start };
  }
}

/**
 * Runs requests that may go together. Where the runtime refuses the batch, each runs alone, so that one bad request
 * fails by itself.
 */
async function runTogether(
  model: ModelSession,
  requests: readonly (readonly RequestTensor[])[],
  nowMs: () => number,
): Promise<readonly RunOutcome[]> {
  const alone = async (): Promise<readonly RunOutcome[]> => {
    const outcomes: RunOutcome[] = [];
    for (const tensors of requests) outcomes.push(await runAlone(model, tensors, nowMs));
    return outcomes;
  };
  if (requests.length < 2) return alone();
  const rows = requests.map(tensors => rowsOf(tensors) ?? 0);
  const allRows = rows.reduce((sum, count) => sum + count, 0);
  const feeds = stackInputs(requests);
  const start = nowMs();
  let outputs: readonly OutputTensor[];
  try {
    outputs = await model.run(feeds);
  } catch {
    return alone();
  }
  const inferenceMs = nowMs() - start;
  const outcomes: RunOutcome[] = [];
  let from = 0;
  for (const count of rows) {
    const own = outputRows(outputs, from, count, allRows);
    if (own === null) return alone();
    outcomes.push({ kind: 'outputs', outputs: own, inferenceMs, batchSize: requests.length });
    from += count;
  }
  return outcomes;
}

/**
 * Runs the requests of a batch, those of equal inner shapes through the session together, up to so many rows at once.
 * @param maxRows 1: each runs alone.
 * @returns outcomes in the order of the requests
 */
export async function runBatch(
  model: ModelSession,
  requests: readonly (readonly RequestTensor[])[],
  maxRows: number,
  nowMs: () => number,
): Promise<readonly RunOutcome[]> {
  interface Group {
    readonly indices: number[];
    rows: number;
  }
  const groups: Group[] = [];
  const open = new Map<string, Group>();
  for (const [index, tensors] of requests.entries()) {
    const rows = maxRows > 1 ? rowsOf(tensors) : null;
    const key = rows === null ? '' : groupKeyOf(tensors);
    const known = open.get(key);
    if (rows !== null && known !== undefined && known.rows + rows <= maxRows) {
      known.indices.push(index);
      known.rows += rows;
      continue;
    }
    const group = { indices: [index], rows: rows ?? 0 };
    groups.push(group);
    if (rows !== null) open.set(key, group);
  }
  const outcomes = new Array<RunOutcome>(requests.length);
  for (const { indices } of groups) {
    const part = indices.map(index => requests[index] ?? []);
    const results = await runTogether(model, part, nowMs);
    for (const [place, index] of indices.entries()) {
      const outcome = results[place];
      if (outcome !== undefined) outcomes[index] = outcome;
    }
  }
  return outcomes;
}
