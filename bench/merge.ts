import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sampleModel, sampleReport } from '../test/support/sample-reports.ts';
import { builtCli, sampleNode } from './process-sample.ts';
import { against, median, megabytes, milliseconds, table } from './table.ts';

const RUNS = 15;
const SHARDS = 10;
const MODELS = 100;
const GOAL_MS = 2000;

/** Reports of a pull request: every shard has its share of the models, all measured. Returns their size in bytes. */
function writeReports(folder: string): number {
  const perShard = MODELS / SHARDS;
  const names = Array.from({ length: MODELS }, (_, index) => `model-${String(index).padStart(3, '0')}`);
  const assignment = Array.from({ length: SHARDS }, (_, index) =>
    names.slice(index * perShard, (index + 1) * perShard),
  );
  const registry = {
    branch: 'quickserveml',
    recording: 'skipped',
    reason: 'pull request',
    entries: [],
  } as const;
  let sizeBytes = 0;
  for (const [position, own] of assignment.entries()) {
    const part = join(folder, `shard-${position + 1}`);
    mkdirSync(part);
    const shard = { index: position + 1, assignment, comparisons: 3 * MODELS, acceptances: [] };
    const text = JSON.stringify({
      ...sampleReport(
        own.map(name => sampleModel(name)),
        { registry },
      ),
      shard,
    });
    sizeBytes += Buffer.byteLength(text);
    writeFileSync(join(part, 'report.json'), text);
  }
  return sizeBytes;
}

/** `merge` of ten shards with ten models each, as a whole process that writes all its reports, beside a bare Node. */
export async function merge(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  try {
    const reports = join(folder, 'shards');
    mkdirSync(reports);
    const sizeBytes = writeReports(reports);
    execFileSync('git', ['init', '--quiet'], { cwd: folder });
    const args = [builtCli(), 'merge', reports, '--report-dir', join(folder, 'merged'), '--quiet'];
    const samples: { readonly wallMs: number; readonly bareMs: number }[] = [];
    // The first round warms the disk's cache.
    for (let round = -1; round < RUNS; round += 1) {
      const { wallMs } = await sampleNode(args, { cwd: folder });
      const { wallMs: bareMs } = await sampleNode(['-e', '0'], { cwd: folder });
      if (round >= 0) samples.push({ wallMs, bareMs });
    }
    const times = samples.map(({ wallMs }) => wallMs);
    const middleMs = median(times);
    return table(
      [`merge, ${RUNS} runs`, 'reports', 'median', 'fastest', 'slowest', '× bare node', 'goal'],
      [
        [
          `${MODELS} models in ${SHARDS} shards`,
          megabytes(sizeBytes),
          milliseconds(middleMs),
          milliseconds(Math.min(...times)),
          milliseconds(Math.max(...times)),
          (middleMs / median(samples.map(({ bareMs }) => bareMs))).toFixed(1),
          against(middleMs, GOAL_MS, milliseconds(GOAL_MS)),
        ],
      ],
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
