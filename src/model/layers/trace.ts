import type { Dtype } from '../inspection.ts';

/** Element type and shape of a tensor as it was during a run. */
export interface RunTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** One execution of one node, as the runtime's profiler tells it. */
export interface TraceEvent {
  /** The node's name, or its operator and index where it has none. */
  readonly name: string;
  /** Without its domain: the profiler does not tell it. */
  readonly opType: string;
  /** Position of the node in its graph as the runtime holds it. */
  readonly nodeIndex: number;
  readonly startUs: number;
  /** Includes the nodes of its subgraphs. */
  readonly durationUs: number;
  /** Without inputs that are left out, and without weights that the runtime has repacked. */
  readonly inputs: readonly RunTensor[];
  readonly outputs: readonly RunTensor[];
}

/** The events of one run of a session, in the order of their ends. */
export type RunTrace = readonly TraceEvent[];

/** An event with those that ran inside it (the bodies of If, Loop and Scan), in the order of their starts. */
export interface NestedEvent {
  readonly event: TraceEvent;
  readonly children: readonly NestedEvent[];
  /** `durationUs` without that of the children. */
  readonly selfUs: number;
}

/** Operators that hold a graph. Nothing else can have others inside, whatever the whole microseconds of the clock say. */
const HOLDERS = /^(?:If|Loop|Scan|SequenceMap|\w*BeamSearch|GreedySearch|Sampling)$/;

/** The clock of the trace has whole microseconds, so a child may seem to end after its parent. */
const CLOCK_STEP_US = 2;

/** The events of a run as a forest. The executor is sequential, so what lies within another event ran inside of it. */
export function nestEvents(run: RunTrace): readonly NestedEvent[] {
  interface Open {
    readonly event: TraceEvent;
    readonly children: NestedEvent[];
    childrenUs: number;
    selfUs: number;
  }
  const endOf = (event: TraceEvent): number => event.startUs + event.durationUs;
  const order = run
    .map((event, position) => ({ event, position }))
    // At the same start the one that ended later, and was therefore written later, is outside.
    .sort((a, b) => a.event.startUs - b.event.startUs || b.position - a.position);
  const roots: Open[] = [];
  const stack: { readonly open: Open; readonly position: number }[] = [];
  for (const { event, position } of order) {
    const open: Open = { event, children: [], childrenUs: 0, selfUs: event.durationUs };
    // A parent is written after its children, whatever the clock says.
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.position > position && endOf(event) <= endOf(top.open.event) + CLOCK_STEP_US) break;
      stack.pop();
    }
    const parent = stack.at(-1)?.open;
    if (parent === undefined) roots.push(open);
    else {
      parent.children.push(open);
      parent.childrenUs += event.durationUs;
      parent.selfUs = Math.max(0, parent.event.durationUs - parent.childrenUs);
    }
    if (HOLDERS.test(event.opType)) stack.push({ open, position });
  }
  return roots;
}

/**
 * One trace from several runs of the same model: each event with a quantile of its durations, the median where nothing
 * is said. Runs that took another way (a Loop with another number of iterations) cannot be laid over each other; then it
 * is the last run alone.
 * @param quantile from 0 (the shortest) to below 1
 */
export function mergeRuns(
  runs: readonly RunTrace[],
  quantile = 0.5,
): { readonly run: RunTrace; readonly merged: number } {
  const last = runs.at(-1) ?? [];
  const alike = runs.filter(
    run =>
      run.length === last.length &&
      run.every((event, index) => event.name === last[index]?.name && event.opType === last[index]?.opType),
  );
  if (alike.length < 2) return { run: last, merged: Math.min(1, runs.length) };
  const nested = last.some((event, index) => {
    const next = last[index + 1];
    return next !== undefined && next.startUs < event.startUs;
  });
  const at = Math.floor(alike.length * quantile);
  // With subgraphs the durations of children and parents must belong together: the run of such a length.
  if (nested) {
    const byLength = alike.toSorted((a, b) => spanOf(a) - spanOf(b));
    return { run: byLength[at] ?? last, merged: 1 };
  }
  const run = last.map((event, index) => {
    const durations = alike.map(other => other[index]?.durationUs ?? 0).sort((a, b) => a - b);
    return { ...event, durationUs: durations[at] ?? event.durationUs };
  });
  // Durations of different runs do not fit into the clock of one: events follow each other without overlap.
  let startUs = 0;
  const laidOut = run.map(event => {
    const moved = { ...event, startUs };
    startUs += event.durationUs + CLOCK_STEP_US + 1;
    return moved;
  });
  return { run: laidOut, merged: alike.length };
}

function spanOf(run: RunTrace): number {
  return run.reduce((total, event) => total + event.durationUs, 0);
}
