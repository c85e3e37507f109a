import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLargeModel } from '../fixtures/generator/large-models.ts';
import { builtCli, sampleNode } from './process-sample.ts';
import { against, median, milliseconds, table } from './table.ts';

const RUNS = 15;
const VERSION_GOAL_MS = 150;
const CHECK_GOAL_MS = 1000;

/** A repository of two commits in which the one model is the same. */
function makeUnchangedRepository(folder: string): void {
  const git = (...args: readonly string[]): void => {
    const identity = [
      '-c',
      'user.name=bench',
      '-c',
      'user.email=bench@example.invalid',
      '-c',
      'commit.gpgSign=false',
    ];
    execFileSync('git', [...identity, ...args], { cwd: folder, stdio: 'ignore' });
  };
  git('init', '--initial-branch=main');
  writeLargeModel(join(folder, 'model.onnx'), 1_000_000);
  git('add', '.');
  git('commit', '-m', 'model');
  writeFileSync(join(folder, 'README.md'), 'Nothing about the model.\n');
  git('add', '.');
  git('commit', '-m', 'documentation');
}

/** Start-up of `--version`, and of a check that has nothing to measure, beside that of a bare Node. */
export async function startup(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  try {
    makeUnchangedRepository(folder);
    const cli = builtCli();
    const check = [cli, 'check', '--base', 'HEAD~1', '--record', 'never', '--quiet', '--cwd', folder];
    const commands = [
      { name: '`node -e 0`', args: ['-e', '0'], goalMs: null },
      { name: '`quickserveml --version`', args: [cli, '--version'], goalMs: VERSION_GOAL_MS },
      { name: '`quickserveml check`, nothing changed', args: check, goalMs: CHECK_GOAL_MS },
    ];
    const timesMs = new Map<string, number[]>(commands.map(({ name }) => [name, []]));
    // Interleaved, so that a busy moment of the machine hits all of them; the first round warms the disk's cache.
    for (let round = -1; round < RUNS; round += 1) {
      for (const { name, args } of commands) {
        const { wallMs } = await sampleNode(args, { cwd: folder });
        if (round >= 0) timesMs.get(name)?.push(wallMs);
      }
    }
    const bareMs = median(timesMs.get('`node -e 0`') ?? []);
    return table(
      [`start-up, ${RUNS} runs`, 'median', 'fastest', '× bare node', 'goal'],
      commands.map(({ name, goalMs }) => {
        const times = timesMs.get(name) ?? [];
        const middleMs = median(times);
        const goal = goalMs === null ? '' : against(middleMs, goalMs, milliseconds(goalMs));
        return [
          name,
          milliseconds(middleMs),
          milliseconds(Math.min(...times)),
          (middleMs / bareMs).toFixed(1),
          goal,
        ];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
