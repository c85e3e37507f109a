/**
 * The detection exam: how often an unchanged model raises an alarm and how often a slower one is found, with the real
 * procedure on this machine. `node bench/detection.ts --trials 4 --same 10 --minutes 14.5`. Trials take turns over all models and
 * variants until each has had its number or the time is up.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measurePair } from '../src/benchmark/interleaved.ts';
import type { Launcher } from '../src/benchmark/launcher.ts';
import type { LaunchPair, MeasurementPlan, PairMeasurement } from '../src/benchmark/measurement.ts';
import { median, wilsonInterval } from '../src/benchmark/statistics.ts';
import { createLauncher } from '../src/runtime/launcher.ts';
import { PINNED_RUNTIME_VERSION } from '../src/runtime/runtime-location.ts';
import { BASE_BLOCKS, EXAM_FAMILIES, type ExamFamily } from './detection/exam-models.ts';
import { EXISTING_RULES, type RuleInput } from './detection/existing-rules.ts';
import { table } from './table.ts';

const root = resolve(import.meta.dirname, '..');
/** Blocks more than the base, in per cent of its work; 0 is an A/A trial. */
const VARIANTS = [0, 3, 5, 10, 20] as const;

interface Trial {
  readonly family: ExamFamily;
  readonly variant: number;
  readonly result: PairMeasurement;
  readonly rules: RuleInput;
}

export interface ExamOptions {
  /** Of each slower variant of each model. */
  readonly trials: number;
  /** A/A trials of each model for each trial of a slower variant. */
  readonly same: number;
  /** Processes that keep CPUs busy meanwhile. */
  readonly hogs: number;
  /** Trials at the same time: on virtual CPUs that share a core, more than one is background load. */
  readonly parallel: number;
  readonly minutes: number;
  readonly only: string;
}

const SHORT: ExamOptions = { trials: 1, same: 2, hogs: 0, parallel: 1, minutes: 2.5, only: '' };

const launcherFor = (): Launcher =>
  createLauncher({
    runtime: {
      packageFolder: join(root, 'node_modules/onnxruntime-node'),
      version: PINNED_RUNTIME_VERSION,
      pinned: true,
      origin: 'package',
    },
    // What is installed: the sources would be stripped of their types in every process.
    workerPath: join(root, 'dist/worker.js'),
    limits: { timeMs: 60_000, memoryBytes: null },
    environment: process.env,
  });

async function measure(
  family: ExamFamily,
  paths: { readonly base: string; readonly candidate: string },
  seed: number,
): Promise<{ readonly result: PairMeasurement; readonly launches: readonly LaunchPair[] }> {
  const plan: MeasurementPlan = {
    budgetMs: 30_000,
    threads: 1,
    provider: 'cpu',
    seed,
    dims: {},
    casesPath: null,
    tolerance: 0.05,
    alpha: 0.01,
    metrics: ['latency'],
  };
  const launches: LaunchPair[] = [];
  const launcher = launcherFor();
  const result = await measurePair({
    plan,
    basePath: paths.base,
    candidatePath: paths.candidate,
    feeds: { base: family.feeds, candidate: family.feeds },
    launcher: {
      ...launcher,
      launchPair: async request => {
        const launch = await launcher.launchPair(request);
        launches.push(launch);
        return launch;
      },
    },
    now: () => performance.now(),
  });
  return { result, launches };
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

function share(count: number, trials: number): string {
  if (trials === 0) return '-';
  const { low, high } = wilsonInterval(count, trials);
  return `${count} of ${trials} (${percent(low)} to ${percent(high)})`;
}

const kindOf = ({ result }: Trial): string => result.latency.decision.kind;
const count = (trials: readonly Trial[], kind: string): number =>
  trials.filter(trial => kindOf(trial) === kind).length;

function verdictTable(trials: readonly Trial[]): string {
  const groups = Map.groupBy(trials, ({ family, variant }) => `${family.name} ${variant}`);
  const rows = [...groups.values()].map(group => {
    const [{ family, variant }] = group as [Trial, ...Trial[]];
    const differences = group.flatMap(({ result }) => result.latency.difference?.estimate ?? []);
    return [
      `${family.name}, ${variant === 0 ? 'same bytes' : `${variant} % more`}`,
      `${median(group.flatMap(({ result }) => result.latency.base ?? [])).toPrecision(3)} ms`,
      differences.length === 0 ? '-' : percent(median(differences)),
      ...['regressed', 'inconclusive', 'unchanged', 'improved'].map(kind => String(count(group, kind))),
      `${(median(group.map(({ result }) => result.durationMs)) / 1000).toFixed(1)} s`,
    ];
  });
  const header = ['model', 'base', 'found', 'regressed', 'inconclusive', 'unchanged', 'improved', 'time'];
  return table(header, rows);
}

function summaryTable(trials: readonly Trial[], options: ExamOptions): string {
  const same = trials.filter(({ variant }) => variant === 0);
  const alarms = count(same, 'regressed') + count(same, 'improved');
  const rows = [
    // Each A/A trial is two one-sided tests: slower and faster.
    ['false alarms, one-sided A/A tests', share(alarms, 2 * same.length), 'upper bound ≤ 1 %'],
    ['inconclusive A/A trials', share(count(same, 'inconclusive'), same.length), ''],
    ...VARIANTS.filter(variant => variant > 0).map(variant => {
      const group = trials.filter(trial => trial.variant === variant);
      const goal = variant === 5 ? '≥ 95 %' : variant > 5 ? '100 %' : 'grey zone';
      return [`found, ${variant} % more work`, share(count(group, 'regressed'), group.length), goal];
    }),
    [
      'longest measurement of a model',
      `${(Math.max(0, ...trials.map(({ result }) => result.durationMs)) / 1000).toFixed(1)} s`,
      '≤ 15 s, ≤ 45 s when it is in doubt',
    ],
  ];
  return table([`${options.parallel} at a time, ${options.hogs} hogs`, 'result (95 % Wilson)', 'goal'], rows);
}

function ruleTable(trials: readonly Trial[]): string {
  const rate = (group: readonly Trial[], says: (trial: Trial) => boolean | null): string => {
    const said = group.map(says).filter(each => each !== null);
    return said.length === 0
      ? '-'
      : `${percent(said.filter(Boolean).length / said.length)} of ${said.length}`;
  };
  const row = (name: string, says: (trial: Trial) => boolean | null): string[] => [
    name,
    ...[0, 5, 10, 20].map(variant =>
      rate(
        trials.filter(trial => trial.variant === variant),
        says,
      ),
    ),
  ];
  return table(
    ['rule on the same timings', 'alarms A/A', 'finds 5 %', 'finds 10 %', 'finds 20 %'],
    [
      row('this procedure', trial => kindOf(trial) === 'regressed'),
      ...Object.entries(EXISTING_RULES).map(([name, rule]) => row(name, trial => rule(trial.rules))),
    ],
  );
}

interface Job {
  readonly family: ExamFamily;
  readonly variant: number;
  readonly seed: number;
}

/** Rounds over all models: A/A trials, then one of each slower variant; 3 % only in every fourth, as it takes longest. */
function jobsOf(options: ExamOptions, families: readonly ExamFamily[]): Job[] {
  return Array.from({ length: options.trials }, (_, number) => {
    const slower = VARIANTS.filter(variant => variant > 3 || (variant === 3 && number % 4 === 3));
    const round = [...Array.from({ length: options.same }, () => 0), ...slower];
    return round.flatMap((variant, step) =>
      families.map(family => ({ family, variant, seed: 1_000_003 * (number + 1) + 1009 * step })),
    );
  }).flat();
}

/** Runs the exam and returns its tables. */
export async function detection(given: Partial<ExamOptions> = {}): Promise<string> {
  const options = { ...SHORT, ...given };
  const families = EXAM_FAMILIES.filter(({ name }) => name.includes(options.only));
  const folder = await mkdtemp(join(tmpdir(), 'quickserveml-exam-'));
  const busy: ChildProcess[] = Array.from({ length: options.hogs }, () =>
    spawn(process.execPath, ['-e', 'for(;;);'], { stdio: 'ignore' }),
  );
  const pathOf = (family: ExamFamily, variant: number): string =>
    join(folder, `${family.name}-${variant}.onnx`);
  try {
    for (const family of families) {
      for (const variant of VARIANTS) {
        await writeFile(pathOf(family, variant), family.write(BASE_BLOCKS + (BASE_BLOCKS * variant) / 100));
      }
    }
    const trials: Trial[] = [];
    const history = new Map<string, number[]>();
    const until = performance.now() + options.minutes * 60_000;
    const waiting = jobsOf(options, families);
    const work = async (): Promise<void> => {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        if (performance.now() > until) return;
        const { family, variant, seed } = job;
        const paths = { base: pathOf(family, 0), candidate: pathOf(family, variant) };
        const { result, launches } = await measure(family, paths, seed);
        const past = history.get(family.name) ?? [];
        trials.push({ family, variant, result, rules: { launches, history: [...past] } });
        history.set(family.name, [...past, ...launches.slice(0, 1).map(each => median(each.baseBlocksMs))]);
        process.stderr.write(
          `${trials.length}: ${family.name} +${variant} %: ${result.latency.decision.kind}\n`,
        );
      }
    };
    await Promise.all(Array.from({ length: options.parallel }, work));
    return [summaryTable(trials, options), verdictTable(trials), ruleTable(trials)].join('\n\n');
  } finally {
    for (const hog of busy) hog.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      trials: { type: 'string', default: String(SHORT.trials) },
      same: { type: 'string', default: String(SHORT.same) },
      hogs: { type: 'string', default: String(SHORT.hogs) },
      parallel: { type: 'string', default: String(SHORT.parallel) },
      minutes: { type: 'string', default: String(SHORT.minutes) },
      only: { type: 'string', default: '' },
    },
  });
  const options: ExamOptions = {
    trials: Number(values.trials),
    same: Number(values.same),
    hogs: Number(values.hogs),
    parallel: Number(values.parallel),
    minutes: Number(values.minutes),
    only: values.only,
  };
  process.stdout.write(`${await detection(options)}\n`);
}
