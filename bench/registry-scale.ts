import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compactRegistry } from '../src/registry/compaction.ts';
import { type GitHttpServer, startGitHttpServer } from '../test/support/git-http-server.ts';
import { registryAt } from '../test/support/git-registries.ts';
import { createBare, git } from '../test/support/git-repositories.ts';
import { writeLargeBranch, writeSingleFile } from './registry-branches.ts';
import { against, median, milliseconds, table } from './table.ts';

const RUNS = 5;

export interface Cost {
  readonly ms: number;
  readonly requests: number;
  readonly downBytes: number;
}

export interface ScaleResult {
  readonly append: Cost;
  readonly listCold: Cost;
  readonly listUnchanged: Cost;
  readonly appendCompacted: Cost | null;
  readonly listCompacted: Cost | null;
  readonly singleFile: Cost | null;
}

async function measure(server: GitHttpServer, action: () => Promise<unknown>, runs = RUNS): Promise<Cost> {
  const costs: Cost[] = [];
  for (let run = 0; run < runs; run += 1) {
    const before = server.requests.length;
    const begunAt = performance.now();
    await action();
    const ms = performance.now() - begunAt;
    const asked = server.requests.slice(before);
    costs.push({
      ms,
      requests: asked.length,
      downBytes: asked.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
    });
  }
  return {
    ms: median(costs.map(({ ms }) => ms)),
    requests: Math.max(...costs.map(({ requests }) => requests)),
    downBytes: Math.max(...costs.map(({ downBytes }) => downBytes)),
  };
}

/** What the peer does: fetch the branch, read the file, add an entry, commit, push. */
async function appendToSingleFile(folder: string, url: string, run: number): Promise<void> {
  const clone = join(folder, `single-${run}`);
  // Not in step: the server lives in this process.
  const inClone = (cwd: string, ...args: string[]) =>
    promisify(execFile)('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], { cwd });
  await inClone(folder, 'clone', '--quiet', '--depth=1', '--single-branch', '--branch=gh-pages', url, clone);
  const path = join(clone, 'dev/bench/data.js');
  const data = JSON.parse(readFileSync(path, 'utf8').replace('window.BENCHMARK_DATA = ', '')) as {
    entries: { Benchmark: unknown[] };
  };
  data.entries.Benchmark.push({ ...(data.entries.Benchmark.at(-1) as object), date: Date.now() });
  writeFileSync(path, `window.BENCHMARK_DATA = ${JSON.stringify(data, null, 2)}`);
  await inClone(clone, 'commit', '--quiet', '--all', '-m', 'add');
  await inClone(clone, 'push', '--quiet');
  rmSync(clone, { recursive: true, force: true });
}

const fingerprint = {
  key: 'machine-3',
  cpuModel: 'bench',
  isa: 'avx2',
  cores: 4,
  cpuQuota: null,
  memoryGiB: 8,
  os: 'linux',
  kernel: '6',
  arch: 'x64',
  nodeVersion: '24',
  runtimeVersion: '1.30.0',
  provider: 'cpu',
  threads: 1,
};

/** As hosts keep repositories: bitmaps, and the reverse index that git writes by default since 2.41. */
function repack(bare: string): void {
  git(bare, 'config', 'pack.writeReverseIndex', 'true');
  git(bare, 'repack', '-a', '-d', '-q', '--write-bitmap-index');
}

/**
 * A branch on which every month is loose, as `registry.compact: manual` leaves it, and the same with its closed months packed,
 * as writes keep it by themselves.
 */
export async function runScale(records: number, filters: boolean, whole: boolean): Promise<ScaleResult> {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  try {
    const nowMs = Date.now();
    const bare = createBare(folder, 'remote', { filters });
    await writeLargeBranch(bare, records, nowMs);
    if (whole) await writeSingleFile(bare, records, nowMs);
    repack(bare);
    await using server = await startGitHttpServer(folder);
    const url = `${server.url}/remote.git`;
    mkdirSync(join(folder, 'tmp'), { recursive: true });
    const registry = registryAt(folder, url, { cacheFolder: null, packMonths: false });
    const addOne = () =>
      registry.addMeasurements([
        { model: 'model-3', sha256: null, version: null, commit: null, fingerprint, metrics: { latency: 1 } },
      ]);
    const append = await measure(server, addOne);
    const list = () => registry.read({ measurementLimit: 1 });
    const listCold = await measure(server, list, 3);
    const cached = registryAt(folder, url, { cacheFolder: join(folder, 'cache') });
    const listCached = () => cached.read({ measurementLimit: 1 });
    await listCached();
    const listUnchanged = await measure(server, listCached, 3);
    let appendCompacted: Cost | null = null;
    let listCompacted: Cost | null = null;
    if (whole) {
      await compactRegistry(registry.access, { rewrite: false, dryRun: false });
      repack(bare);
      appendCompacted = await measure(server, addOne);
      listCompacted = await measure(server, list, 3);
    }
    let run = 0;
    const singleFile = whole ? await measure(server, () => appendToSingleFile(folder, url, run++), 3) : null;
    return {
      append,
      listCold,
      listUnchanged,
      appendCompacted,
      listCompacted,
      singleFile,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const kilobytes = (bytes: number): string =>
  bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} KB`;
const cell = ({ ms, requests, downBytes }: Cost): string =>
  `${milliseconds(ms)}, ${requests} requests, ${kilobytes(downBytes)}`;

/** Appending to and listing registry branches of growing size over HTTP, with the server's filters on and off. */
export async function registryScale(): Promise<string> {
  const sizes = [100, 10_000, 100_000];
  const rows: string[][] = [];
  let firstMs = 0;
  for (const filters of [true, false]) {
    for (const records of sizes) {
      const result = await runScale(records, filters, filters);
      const { append, listCold, listUnchanged, appendCompacted, listCompacted, singleFile } = result;
      if (filters && records === 100) firstMs = append.ms;
      const goals = filters
        ? [
            against(append.downBytes, 20_000, '20 KB'),
            against(append.requests, 20, '20 requests'),
            ...(appendCompacted !== null && listCompacted !== null && records === 100_000
              ? [
                  against(appendCompacted.ms / firstMs, 1.5, `1.5 × of 100 records`),
                  against(listCompacted.ms, 1000, 'list 1 s'),
                  against(listCompacted.downBytes, 5e6, 'list 5 MB'),
                  against(listUnchanged.downBytes, 1000, 'unchanged 1 KB'),
                ]
              : []),
          ]
        : [];
      rows.push([
        `${records.toLocaleString('en')}, filters ${filters ? 'on' : 'off'}`,
        cell(append),
        singleFile === null ? '' : `${cell(singleFile)} (${(singleFile.ms / append.ms).toFixed(1)} ×)`,
        cell(listCold),
        cell(listUnchanged),
        appendCompacted === null ? '' : cell(appendCompacted),
        listCompacted === null ? '' : cell(listCompacted),
        goals.join('; '),
      ]);
    }
  }
  return table(
    [
      'records',
      'append, all months loose',
      'append to a single data.js',
      'list, cold, all months loose',
      'list, unchanged',
      'append, closed months packed',
      'list, cold, closed months packed',
      'goals',
    ],
    rows,
  );
}
