import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { startGitHttpServer } from '../test/support/git-http-server.ts';
import { registryAt } from '../test/support/git-registries.ts';
import { createBare, git } from '../test/support/git-repositories.ts';
import { against, median, table } from './table.ts';

const WRITER = resolve(import.meta.dirname, 'registry-writer.ts');
const ACCEPTED_GOAL_S = 5;
const MERGED_GOAL_S = 60;
const VERSIONS_GOAL_S = 90;

interface Report {
  readonly value: number | string;
  readonly via: string;
  readonly acceptedMs: number;
  readonly doneMs: number;
}

interface Trial {
  readonly kind: 'measurements' | 'versions';
  readonly writers: number;
  readonly writes: number;
  /** Part of the writers that is killed at a random moment. */
  readonly killed: number;
}

export interface TrialResult {
  readonly reported: readonly Report[];
  /** Values found on the branch and in its inbox, sorted. */
  readonly found: readonly (number | string)[];
  readonly lost: readonly (number | string)[];
  readonly doubled: number;
  readonly killed: number;
  readonly allAcceptedMs: number;
  /** Until the inbox was empty, the last merge included. */
  readonly mergedMs: number;
  readonly defects: number;
}

function start(
  task: object,
  reports: Report[],
): { readonly child: ChildProcess; readonly ready: Promise<void>; readonly ended: Promise<void> } {
  const child = spawn(process.execPath, [WRITER, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<void>(done => child.once('close', () => done()));
  const ready = new Promise<void>(done => {
    createInterface({ input: child.stdout ?? process.stdin }).on('line', line => {
      const said = JSON.parse(line) as Report | { readonly ready: true };
      if ('ready' in said) done();
      else reports.push(said);
    });
  });
  return { child, ready: Promise.race([ready, ended]), ended };
}

/** The group, so that git's own processes go too: what a cancelled job's machine does. */
function kill(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It had ended already.
  }
}

export async function runTrial(trial: Trial): Promise<TrialResult> {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  try {
    const bare = createBare(folder);
    await using server = await startGitHttpServer(folder);
    const url = `${server.url}/remote.git`;
    const registry = registryAt(folder, url);
    await registry.init();
    const reports: Report[] = [];
    mkdirSync(join(folder, 'writers'));
    const all = Array.from({ length: trial.writers }, (_, writer) =>
      start(
        { url, writer, writes: trial.writes, kind: trial.kind, folder: join(folder, 'writers') },
        reports,
      ),
    );
    await Promise.all(all.map(({ ready }) => ready));
    const begunAt = Date.now();
    for (const { child } of all) child.stdin?.write('go\n');
    const doomed = all.slice(0, Math.round(trial.killed * trial.writers));
    const timers = doomed.map(({ child }) => setTimeout(() => kill(child), Math.random() * 12_000));
    await Promise.all(all.map(({ ended }) => ended));
    timers.forEach(clearTimeout);
    const allAcceptedMs = Date.now() - begunAt;
    await registry.access.mergeInbox();
    const mergedMs = Date.now() - begunAt;

    const { models } = await registry.read({ measurementLimit: 1_000_000 });
    const found = [...models.values()].flatMap(({ name, versions, measurements }): (number | string)[] =>
      trial.kind === 'versions'
        ? versions.map(({ version }) => `${name} ${version}`)
        : [...measurements.values()].flat().map(({ metrics }) => metrics['latency'] ?? 0),
    );
    const there = new Set(found);
    const fsck = spawnSync('git', ['fsck', '--full', '--strict'], { cwd: bare, encoding: 'utf8' });
    const waiting = git(bare, 'for-each-ref', 'refs/quickserveml/');
    return {
      reported: reports,
      found: found.sort(),
      lost: reports.map(({ value }) => value).filter(value => !there.has(value)),
      doubled: found.length - there.size + (reports.length - new Set(reports.map(({ value }) => value)).size),
      killed: doomed.length,
      allAcceptedMs,
      mergedMs,
      defects: (fsck.status === 0 ? 0 : 1) + (waiting === '' ? 0 : 1),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function rowOf(name: string, trial: Trial, result: TrialResult): string[] {
  const accepted = result.reported.map(({ acceptedMs }) => acceptedMs);
  const slowest = Math.max(...accepted);
  const goal =
    trial.kind === 'versions'
      ? against(result.mergedMs / 1000, VERSIONS_GOAL_S, `${VERSIONS_GOAL_S} s in all`)
      : `${against(slowest / 1000, ACCEPTED_GOAL_S, `${ACCEPTED_GOAL_S} s each`)}, ${against(result.mergedMs / 1000, MERGED_GOAL_S, `${MERGED_GOAL_S} s merged`)}`;
  return [
    name,
    `${result.reported.length} of ${trial.writers * trial.writes}`,
    `${result.lost.length} / ${result.doubled}`,
    String(result.found.length),
    seconds(median(accepted)),
    seconds(slowest),
    seconds(result.mergedMs),
    String(result.reported.filter(({ via }) => via === 'inbox').length),
    result.defects === 0 ? 'clean' : `${result.defects} defects`,
    goal,
  ];
}

/** Many processes writing to one registry branch over HTTP, the server on the same machine. */
export async function registryWriters(): Promise<string> {
  const trials: readonly (readonly [string, Trial])[] = [
    ['50 writers × 4 measurements', { kind: 'measurements', writers: 50, writes: 4, killed: 0 }],
    ['the same, 5 % killed', { kind: 'measurements', writers: 50, writes: 4, killed: 0.05 }],
    ['50 writers, versions of 10 models', { kind: 'versions', writers: 50, writes: 1, killed: 0 }],
  ];
  const rows: string[][] = [];
  for (const [name, trial] of trials) rows.push(rowOf(name, trial, await runTrial(trial)));
  return table(
    [
      'many writers',
      'reported',
      'lost / doubled',
      'found',
      'on the remote, median',
      'slowest',
      'all merged',
      'by inbox',
      'fsck',
      'goal',
    ],
    rows,
  );
}
