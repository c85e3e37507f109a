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
/** Of appends to the largest and to the smallest branch in turns. */
const RATIO_ROUNDS = 11;
const SIZES = [100, 10_000, 100_000] as const;

interface Cost {
  readonly ms: number;
  readonly requests: number;
  readonly downBytes: number;
}

interface LooseCosts {
  readonly append: Cost;
  readonly listCold: Cost;
  readonly listUnchanged: Cost;
}

interface PackedCosts {
  readonly append: Cost;
  readonly listCold: Cost;
  readonly singleFile: Cost;
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

interface Branch extends AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  readonly server: GitHttpServer;
  /** Without a cache. */
  readonly registry: ReturnType<typeof registryAt>;
  readonly append: () => Promise<unknown>;
  /** Packs the closed months, as writes do by themselves where `registry.compact` is `auto`. */
  readonly pack: () => Promise<void>;
}

/** A remote with a branch of so many measurements, every month of it loose, and a single file with as many. */
async function openBranch(records: number, filters: boolean): Promise<Branch> {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  const nowMs = Date.now();
  const bare = createBare(folder, 'remote', { filters });
  await writeLargeBranch(bare, records, nowMs);
  if (filters) await writeSingleFile(bare, records, nowMs);
  repack(bare);
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  const server = await startGitHttpServer(folder);
  const url = `${server.url}/remote.git`;
  const registry = registryAt(folder, url, { cacheFolder: null, packMonths: false });
  return {
    folder,
    url,
    server,
    registry,
    append: () =>
      registry.addMeasurements([
        { model: 'model-3', sha256: null, version: null, commit: null, fingerprint, metrics: { latency: 1 } },
      ]),
    pack: async () => {
      await compactRegistry(registry.access, { rewrite: false, dryRun: false });
      repack(bare);
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function measureLoose({ folder, url, server, registry, append }: Branch): Promise<LooseCosts> {
  const appended = await measure(server, append);
  const listCold = await measure(server, () => registry.read({ measurementLimit: 1 }), 3);
  const cached = registryAt(folder, url, { cacheFolder: join(folder, 'cache') });
  const listCached = () => cached.read({ measurementLimit: 1 });
  await listCached();
  return { append: appended, listCold, listUnchanged: await measure(server, listCached, 3) };
}

async function measurePacked({ folder, url, server, registry, append, pack }: Branch): Promise<PackedCosts> {
  await pack();
  let run = 0;
  return {
    append: await measure(server, append),
    listCold: await measure(server, () => registry.read({ measurementLimit: 1 }), 3),
    singleFile: await measure(server, () => appendToSingleFile(folder, url, run++), 3),
  };
}

/** How many times as long an append to one branch takes as to the other: the median of rounds in which both have their turn. */
async function appendRatio(large: Branch, small: Branch): Promise<number> {
  const timed = async ({ append }: Branch): Promise<number> => {
    const begunAt = performance.now();
    await append();
    return performance.now() - begunAt;
  };
  const ratios: number[] = [];
  for (let round = 0; round < RATIO_ROUNDS; round += 1) {
    const first = round % 2 === 0 ? await timed(small) : null;
    const largeMs = await timed(large);
    ratios.push(largeMs / (first ?? (await timed(small))));
  }
  return median(ratios);
}

const kilobytes = (bytes: number): string =>
  bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} KB`;
const cell = ({ ms, requests, downBytes }: Cost): string =>
  `${milliseconds(ms)}, ${requests} requests, ${kilobytes(downBytes)}`;

/** Appending to and listing registry branches of growing size over HTTP, with the server's filters on and off. */
export async function registryScale(): Promise<string> {
  const [smallest, , largest] = SIZES;
  const rows: string[][] = [];
  const addRow = (name: string, loose: LooseCosts, packed: PackedCosts | null, goals: readonly string[]) =>
    rows.push([
      name,
      cell(loose.append),
      packed === null
        ? ''
        : `${cell(packed.singleFile)} (${(packed.singleFile.ms / loose.append.ms).toFixed(1)} ×)`,
      cell(loose.listCold),
      cell(loose.listUnchanged),
      packed === null ? '' : cell(packed.append),
      packed === null ? '' : cell(packed.listCold),
      goals.join('; '),
    ]);
  await using small = await openBranch(smallest, true);
  for (const records of SIZES) {
    await using opened = records === smallest ? null : await openBranch(records, true);
    const branch = opened ?? small;
    const loose = await measureLoose(branch);
    const packed = await measurePacked(branch);
    const goals = [loose.append, packed.append].flatMap(({ downBytes, requests }) => [
      against(downBytes, 20_000, '20 KB'),
      against(requests, 20, '20 requests'),
    ]);
    if (records === largest) {
      const ratio = await appendRatio(branch, small);
      goals.push(
        `append, packed, in turns with ${smallest} records: ${ratio.toFixed(2)} ×, ${against(ratio, 1.5, '1.5 ×')}`,
        against(packed.listCold.ms, 1000, 'list 1 s'),
        against(packed.listCold.downBytes, 5e6, 'list 5 MB'),
        against(loose.listUnchanged.downBytes, 1000, 'unchanged 1 KB'),
      );
    }
    addRow(`${records.toLocaleString('en')}, filters on`, loose, packed, [...new Set(goals)]);
  }
  for (const records of SIZES) {
    await using branch = await openBranch(records, false);
    addRow(`${records.toLocaleString('en')}, filters off`, await measureLoose(branch), null, []);
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
