import { QuickServeError } from '../shared/errors.ts';
import { foreignFingerprint, type ImportedRecords, importedId } from './imported-records.ts';
import type { MeasurementRecord } from './records.ts';

/** Entries of github-action-benchmark's data.js that are used here. */
interface BenchmarkEntry {
  readonly commit?: { readonly id?: string; readonly message?: string; readonly url?: string };
  /** Milliseconds since the epoch. */
  readonly date?: number;
  readonly tool?: string;
  readonly benches?: readonly {
    readonly name?: string;
    readonly value?: number;
    readonly unit?: string;
    readonly range?: string;
    readonly extra?: string;
  }[];
}

const PREFIX = /^\s*window\.BENCHMARK_DATA\s*=\s*/;

function invalid(path: string, why: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'IMPORT_INVALID',
    message: `${path} is not the data.js of github-action-benchmark: ${why}. Nothing was imported.`,
    hint: 'Give the file dev/bench/data.js of the branch gh-pages, or the JSON in it.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function recordOf(model: string, entry: BenchmarkEntry): MeasurementRecord | string {
  const { date, benches, commit } = entry;
  const name = `the entry of ${commit?.id?.slice(0, 10) ?? 'no commit'}`;
  if (typeof date !== 'number' || !Number.isFinite(date)) return `${model}: ${name} has no date`;
  const metrics: Record<string, number> = Object.create(null);
  const units: Record<string, string> = Object.create(null);
  const details: Record<string, string> = Object.create(null);
  for (const bench of benches ?? []) {
    if (typeof bench.name !== 'string' || typeof bench.value !== 'number' || !Number.isFinite(bench.value))
      continue;
    metrics[bench.name] = bench.value;
    if (bench.unit !== undefined) units[bench.name] = bench.unit;
    const detail = [bench.range, bench.extra].filter(text => text !== undefined).join('; ');
    if (detail !== '') details[bench.name] = detail;
  }
  if (Object.keys(metrics).length === 0) return `${model}: ${name} has no values`;
  return {
    id: importedId(date, JSON.stringify([model, commit?.id, entry.tool, metrics])),
    model,
    sha256: null,
    version: null,
    commit: commit?.id ?? null,
    createdAt: new Date(date).toISOString(),
    fingerprint: foreignFingerprint('github-action-benchmark'),
    metrics,
    samples: {},
    runUrl: commit?.url ?? null,
    units,
    imported: { from: 'github-action-benchmark', tool: entry.tool ?? null, details },
  };
}

/**
 * Reads data.js: `window.BENCHMARK_DATA = {"entries": {"<suite>": [{commit, date, tool, benches}]}}`.
 * Every suite becomes a model's history, every entry one measurement.
 * @param nameOf the model for a suite.
 * @throws QuickServeError IMPORT_INVALID.
 */
export function parseBenchmarkData(
  path: string,
  text: string,
  nameOf: (suite: string) => string,
): ImportedRecords {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.replace(PREFIX, '').replace(/;\s*$/, ''));
  } catch (error) {
    throw invalid(path, error instanceof Error ? error.message : String(error), error);
  }
  const entries =
    typeof parsed === 'object' && parsed !== null && 'entries' in parsed ? parsed.entries : null;
  if (typeof entries !== 'object' || entries === null) throw invalid(path, 'it has no entries');
  const measurements: MeasurementRecord[] = [];
  const skipped: string[] = [];
  for (const [suite, list] of Object.entries(entries)) {
    if (!Array.isArray(list)) throw invalid(path, `the entries of "${suite}" are no list`);
    for (const entry of list as readonly BenchmarkEntry[]) {
      const record = recordOf(nameOf(suite), entry);
      if (typeof record === 'string') skipped.push(record);
      else measurements.push(record);
    }
  }
  return { versions: [], measurements, events: [], skipped };
}
