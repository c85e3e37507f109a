import { basename, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { fastestWithin, type SweepPoint } from '../benchmark/scenarios/sweep.ts';
import { jsonOfValue } from '../cases/json-tensor.ts';
import { openRecords, recordsOfStream } from '../cases/records/open-records.ts';
import { type RecordForm, type RecordSource, recordFormOf } from '../cases/records/record.ts';
import { failureLine, type RecordFailure, resultLine } from '../cases/records/result-line.ts';
import { type RecordResult, runRecords } from '../cases/records/run-records.ts';
import { defaultConfig } from '../config/parse.ts';
import { interfaceOf } from '../model/model-interface.ts';
import { createLauncher } from '../runtime/launcher.ts';
import { ModelFailure } from '../runtime/model-failure.ts';
import { createModelRunner } from '../runtime/model-runner.ts';
import type { WorkerOptions } from '../runtime/worker-process.ts';
import { QuickServeError } from '../shared/errors.ts';
import { terminalSafe } from '../shared/terminal-text.ts';
import { type ResultWriter, writeToFile, writeToStream } from './batch/result-writer.ts';
import { runScenario } from './benchmark/scenarios.ts';
import type { CommandResult } from './command-result.ts';
import { readDuration } from './duration-option.ts';
import { loadableModel, type ReadableModel } from './readable-model.ts';
import { createRuntimeSource } from './runtime-source.ts';
import type { Surroundings } from './surroundings.ts';

export interface BatchOptions {
  /** Absolute. */
  readonly model: string;
  /** A file, or `-` for NDJSON on stdin. */
  readonly data?: string;
  /** Where results go; left out: stdout. */
  readonly output?: string;
  readonly optimize?: boolean;
  readonly latencyLimit?: string;
  /** Rows of one run. */
  readonly batch?: number;
  /** Worker processes. */
  readonly parallel: number;
  readonly threads: number;
  readonly provider: string;
  readonly runtimePath?: string;
  /** One document at the end: results then need a file. */
  readonly json?: boolean;
  readonly cwd: string;
}

interface Streams {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: Writable;
}

/** Rows of one run where nothing is said: past the knee of most small models, and short enough for large ones. */
const DEFAULT_BATCH = 16;
const FAILURES_SHOWN = 10;

interface Sweep {
  readonly points: readonly SweepPoint[];
  readonly chosen: number;
  /** Why nothing was swept, or why no batch keeps the limit. */
  readonly note: string | null;
}

interface Failure extends RecordFailure {
  readonly record: number;
}

interface Totals {
  readonly records: number;
  readonly done: number;
  readonly failed: number;
  readonly durationMs: number;
  /** Whoever read the results has gone before the end. */
  readonly cut: boolean;
  readonly failures: readonly Failure[];
}

function usage(message: string, hint: string): QuickServeError {
  return new QuickServeError({ code: 'USAGE', message, hint });
}

/** What a record's own inputs can do to a run; a model that does not load is the fault of none. */
const isRecordFault = (error: unknown): boolean => {
  if (error instanceof RangeError) return true;
  return error instanceof ModelFailure && error.step === 'run';
};

async function sweepBatches(
  model: ReadableModel,
  form: RecordForm,
  workers: WorkerOptions,
  options: BatchOptions,
  world: Surroundings,
): Promise<Sweep> {
  const limitMs =
    options.latencyLimit === undefined ? null : readDuration('--latency-limit', options.latencyLimit);
  if (form.largestBatch !== null) {
    return { points: [], chosen: 1, note: 'the model takes one record a run, so there is nothing to choose' };
  }
  const result = await runScenario('batch', {
    model,
    launcher: createLauncher(workers),
    workers,
    settings: { provider: options.provider, threads: options.threads },
    seed: 7,
    dims: {},
    caseFiles: null,
    cores: 1,
    rate: null,
    concurrency: null,
    durationMs: 0,
    now: () => performance.now(),
    onProgress: text => world.progress.update(text),
  });
  if (!('points' in result))
    return {
      points: [],
      chosen: options.batch ?? DEFAULT_BATCH,
      note: 'skipped' in result ? result.skipped : null,
    };
  const best = fastestWithin(result.points, limitMs);
  return {
    points: result.points,
    chosen: best?.batch ?? 1,
    note: best === null ? `no batch keeps ${options.latencyLimit}; the smallest is used` : null,
  };
}

/** One line of the results. A value that JSON cannot hold makes the record a failed one. */
function lineOf(result: RecordResult): { readonly line: string; readonly failure: Failure | null } {
  const { number, id } = result;
  let failure: Failure;
  if (result.kind === 'done') {
    try {
      const outputs = Object.fromEntries(
        result.outputs.map(({ name, ...tensor }) => [name, jsonOfValue({ kind: 'tensor', tensor })]),
      );
      return { line: resultLine(number, id, JSON.stringify({ outputs })), failure: null };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      failure = { record: number, code: 'RECORD_INVALID', message: `its output: ${error.message}` };
    }
  } else failure = { record: number, code: result.code, message: result.message };
  return { line: failureLine(number, id, failure), failure };
}

function progressText(totals: Omit<Totals, 'failures' | 'cut'>, source: RecordSource): string {
  const seconds = totals.durationMs / 1000;
  const rate = seconds > 0 ? `, ${Math.round(totals.records / seconds)}/s` : '';
  const share = source.fraction();
  const left =
    share === null || share < 0.01
      ? ''
      : `, ${Math.round(100 * share)} %, about ${Math.ceil((seconds * (1 - share)) / share)} s left`;
  return `${totals.records} records${rate}${totals.failed > 0 ? `, ${totals.failed} failed` : ''}${left}`;
}

async function writeResults(
  results: AsyncIterable<RecordResult>,
  writer: ResultWriter,
  source: RecordSource,
  world: Surroundings,
): Promise<Totals> {
  const start = performance.now();
  const failures: Failure[] = [];
  let records = 0;
  let failed = 0;
  let shownMs = 0;
  let cut = false;
  const totals = (): Omit<Totals, 'failures' | 'cut'> => ({
    records,
    failed,
    done: records - failed,
    durationMs: performance.now() - start,
  });
  try {
    for await (const result of results) {
      const { line, failure } = lineOf(result);
      records += 1;
      if (failure !== null) {
        failed += 1;
        if (failures.length < FAILURES_SHOWN) failures.push(failure);
      }
      cut = !(await writer.write(line));
      if (cut) break;
      const now = totals();
      if (now.durationMs - shownMs > 500) {
        shownMs = now.durationMs;
        world.progress.update(progressText(now, source));
      }
    }
    await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  return { ...totals(), failures, cut };
}

function textOf(name: string, sweep: Sweep | null, totals: Totals | null, batch: number): string {
  const lines: string[] = [];
  if (sweep !== null) {
    for (const { setting, latencyMs, throughput } of sweep.points) {
      const mark = Number(setting) === sweep.chosen ? '  <- chosen' : '';
      lines.push(
        `batch ${setting.padStart(3)}  ${latencyMs.toFixed(2).padStart(9)} ms a run  ${throughput.toFixed(0).padStart(8)} rows/s${mark}`,
      );
    }
    if (sweep.note !== null) lines.push(`--optimize: ${sweep.note}.`);
  }
  if (totals !== null) {
    const seconds = totals.durationMs / 1000;
    lines.push(
      `${name}: ${totals.records} records in ${seconds.toFixed(1)} s (${(totals.records / Math.max(seconds, 1e-3)).toFixed(0)}/s, batch ${batch}), ${totals.failed} failed`,
    );
    for (const { record, message } of totals.failures)
      lines.push(terminalSafe(`  record ${record}: ${message}`));
    const hidden = totals.failed - totals.failures.length;
    if (hidden > 0) lines.push(`  and ${hidden} more; each is in the results with its number`);
    if (totals.cut) lines.push('  the reader of the results closed before the end');
  }
  return lines.join('\n');
}

/**
 * `batch MODEL`: runs every record of a file or stream through the model. Results stream out as NDJSON in the order of
 * the records, failed ones among them; the exit code is 1 where any failed.
 * @throws QuickServeError for data that cannot be used at all, and where the model or the runtime cannot be started.
 */
export async function batchCommand(
  options: BatchOptions,
  world: Surroundings,
  streams: Streams,
): Promise<CommandResult> {
  const hint =
    'Give records with --data FILE (or --data - for stdin), or --optimize to look for a batch size.';
  if (options.data === undefined && options.optimize !== true)
    throw usage('There is nothing to run: no --data and no --optimize.', hint);
  if (options.json === true && options.data !== undefined && options.output === undefined)
    throw usage('--json prints one document, and the results are many.', 'Add --output results.ndjson.');
  if (options.latencyLimit !== undefined && options.optimize !== true)
    throw usage(
      '--latency-limit bounds the search for a batch size.',
      'Add --optimize, or leave the limit out.',
    );
  const model = loadableModel(options.model);
  const form = recordFormOf(interfaceOf(model.model));
  const dataPath =
    options.data === undefined || options.data === '-' ? null : resolve(options.cwd, options.data);
  const source =
    dataPath !== null
      ? await openRecords(dataPath, form)
      : options.data === '-'
        ? recordsOfStream('stdin', streams.stdin, form)
        : null;
  const { loadTimeoutMs, memoryLimitBytes, version } = defaultConfig().runtime;
  const runtime = await createRuntimeSource(
    { runtimePath: options.runtimePath, version, cwd: options.cwd },
    world,
  ).resolve();
  const workers: WorkerOptions = {
    runtime,
    workerPath: world.workerPath,
    limits: { timeMs: loadTimeoutMs, memoryBytes: memoryLimitBytes },
    environment: world.env,
  };
  const sweep = options.optimize === true ? await sweepBatches(model, form, workers, options, world) : null;
  const wanted = sweep?.chosen ?? options.batch ?? DEFAULT_BATCH;
  const batch = Math.min(wanted, form.largestBatch ?? wanted);
  if (source === null) return resultOf(basename(model.file), sweep, null, batch, options);

  world.progress.step(
    `${terminalSafe(source.name)}: batches of ${batch}, ${options.parallel} worker process(es)`,
  );
  const settings = { provider: options.provider, threads: options.threads };
  const runners = Array.from({ length: options.parallel }, () =>
    createModelRunner(workers, model.file, settings),
  );
  try {
    let together = batch;
    const onAlone = (reason: string): void => {
      together = 1;
      world.progress.step(
        `${terminalSafe(source.name)}: one record a run from here on: ${terminalSafe(reason)}`,
      );
    };
    const results = runRecords(source.records, runners, { form, batch, isRecordFault, onAlone });
    const writer =
      options.output === undefined
        ? writeToStream(streams.stdout)
        : writeToFile(resolve(options.cwd, options.output));
    const totals = await writeResults(results, writer, source, world);
    return resultOf(source.name, sweep, totals, together, options, world);
  } finally {
    await Promise.all(runners.map(runner => runner[Symbol.asyncDispose]()));
  }
}

/** The summary goes to stderr where stdout has the results. */
function resultOf(
  name: string,
  sweep: Sweep | null,
  totals: Totals | null,
  batch: number,
  options: BatchOptions,
  world?: Surroundings,
): CommandResult {
  const text = textOf(name, sweep, totals, batch);
  const streamed = totals !== null && options.output === undefined;
  if (streamed) world?.progress.step(text);
  return {
    document: {
      batch,
      optimize: sweep,
      ...(totals === null ? {} : { ...totals, output: options.output ?? null }),
    },
    text: streamed ? '' : text,
    exitCode: totals !== null && totals.failed > 0 ? 1 : 0,
  };
}
