/**
 * What a check costs in a repository of ten models: with none changed, with two, and with a repository of those two
 * alone. `node bench/check-scale.ts`, after `npm run build`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { median, table } from './table.ts';

const ROUNDS = 3;
const root = resolve(import.meta.dirname, '..');
const cli = join(root, 'dist/cli.js');

const environment = {
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  GIT_AUTHOR_NAME: 'Bench',
  GIT_AUTHOR_EMAIL: 'bench@example.invalid',
  GIT_COMMITTER_NAME: 'Bench',
  GIT_COMMITTER_EMAIL: 'bench@example.invalid',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
};

interface Clone {
  readonly folder: string;
  readonly git: (...args: readonly string[]) => void;
  readonly put: (name: string, fixture: string) => void;
}

function openClone(folder: string): Clone {
  mkdirSync(folder);
  const git = (...args: readonly string[]): void => {
    execFileSync('git', args, { cwd: folder, env: environment, stdio: 'pipe' });
  };
  git('init', '--quiet', '--initial-branch=main');
  const put = (name: string, fixture: string): void => {
    const target = join(folder, 'models', name);
    const source = join(root, 'fixtures/models', fixture);
    mkdirSync(target, { recursive: true });
    for (const part of ['model.onnx', 'test_data_set_0']) {
      cpSync(join(source, part), join(target, part), { recursive: true });
    }
  };
  return { folder, git, put };
}

/** A repository of so many models, with a branch on which the first `changed` have other bytes. */
function writeRepository(folder: string, models: number, changed: number): string {
  const clone = openClone(folder);
  for (let index = 0; index < models; index += 1) clone.put(`model${index}`, 'digits');
  writeFileSync(join(folder, 'README'), 'ten models\n');
  clone.git('add', '.');
  clone.git('commit', '--quiet', '-m', 'Models');
  clone.git('checkout', '--quiet', '-b', 'change');
  writeFileSync(join(folder, 'README'), 'changed\n');
  for (let index = 0; index < changed; index += 1) clone.put(`model${index}`, 'digits-equivalent');
  clone.git('add', '.');
  clone.git('commit', '--quiet', '-m', 'Change');
  return folder;
}

function checkMs(folder: string): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    [cli, 'check', '--base', 'main', '--record', 'never', '--quiet'],
    { cwd: folder, env: environment, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the check ended with ${status}: ${stderr}`);
  return performance.now() - start;
}

export async function checkScale(): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), 'quickserveml-scale-'));
  try {
    const none = writeRepository(join(scratch, 'none'), 10, 0);
    const two = writeRepository(join(scratch, 'two'), 10, 2);
    const alone = writeRepository(join(scratch, 'alone'), 2, 2);
    const noneMs = median(Array.from({ length: 5 }, () => checkMs(none)));
    // In turns: a measurement goes on while it is in doubt, so that one alone tells little.
    const rounds = Array.from({ length: ROUNDS }, () => ({ two: checkMs(two), alone: checkMs(alone) }));
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
    return table(
      ['check', 'time', 'goal'],
      [
        ['10 models, none changed', seconds(noneMs), noneMs < 1000 ? '< 1 s' : '< 1 s: **missed**'],
        ['10 models, 2 changed', seconds(median(rounds.map(({ two }) => two))), 'as the next row'],
        ['2 models, 2 changed', seconds(median(rounds.map(({ alone }) => alone))), ''],
        ['ratio in turns', rounds.map(({ two, alone }) => (two / alone).toFixed(2)).join(', '), 'about 1'],
      ],
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (import.meta.main) process.stdout.write(`${await checkScale()}\n`);
