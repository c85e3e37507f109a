/**
 * The detection exam: how often an unchanged model raises an alarm and how often a slower one is found, with the real
 * procedure on this machine. `node bench/detection.ts --trials 4 --same 10 --minutes 14.5`. Trials take turns over all models and
 * variants until each has had its number or the time is up. Every trial, with its timings, is appended to --log
 * (bench/out/detection-quiet.jsonl, or detection-N-hogs.jsonl) and a further run goes on from there; `--summary` only prints.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measurePair } from '../src/benchmark/interleaved.ts';
import type {
  LaunchPair,
  MeasurementPlan,
  PairEvidence,
  PairMeasurement,
} from '../src/benchmark/measurement.ts';
import { median } from '../src/shared/quantile.ts';
import { bundledLauncher } from './bundled-worker.ts';
import { BASE_BLOCKS, EXAM_FAMILIES, type ExamFamily } from './detection/exam-models.ts';
import { EXISTING_RULES, type RuleInput } from './detection/existing-rules.ts';
import { percent, shareWithInterval, table } from './table.ts';
import { openTrialLog, readTrials } from './trial-log.ts';

/** Blocks more than the base, in per cent of its work; 0 is an A/A trial. */
const VARIANTS = [0, 3, 5, 10, 20] as const;

/** What the log keeps of a trial: all that the tables are made of, the timings of every launch included. */
interface Trial {
  readonly family: string;
  readonly variant: number;
  readonly seed: number;
  readonly latency: PairEvidence;
  readonly durationMs: number;
  readonly launches: readonly LaunchPair[];
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
  /** File of the trials; null: none is kept. */
  readonly log: string | null;
}

const SHORT: ExamOptions = { trials: 1, same: 2, hogs: 0, parallel: 1, minutes: 1, only: '', log: null };

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
  const launcher = bundledLauncher();
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

const kindOf = ({ latency }: Trial): string => latency.decision.kind;
const count = (trials: readonly Trial[], kind: string): number =>
  trials.filter(trial => kindOf(trial) === kind).length;

function verdictTable(trials: readonly Trial[]): string {
  const groups = Map.groupBy(trials, ({ family, variant }) => `${family} ${variant}`);
  const rows = [...groups.values()].map(group => {
    const [{ family, variant }] = group as [Trial, ...Trial[]];
    const differences = group.flatMap(({ latency }) => latency.difference?.estimate ?? []);
    return [
      `${family}, ${variant === 0 ? 'same bytes' : `${variant} % more`}`,
      `${median(group.flatMap(({ latency }) => latency.base ?? [])).toPrecision(3)} ms`,
      differences.length === 0 ? '-' : percent(median(differences)),
      ...['regressed', 'inconclusive', 'unchanged', 'improved'].map(kind => String(count(group, kind))),
      `${(median(group.map(({ durationMs }) => durationMs)) / 1000).toFixed(1)} s`,
    ];
  });
  const header = ['model', 'base', 'found', 'regressed', 'inconclusive', 'unchanged', 'improved', 'time'];
  return table(header, rows);
}

function summaryTable(trials: readonly Trial[], options: Pick<ExamOptions, 'parallel' | 'hogs'>): string {
  const same = trials.filter(({ variant }) => variant === 0);
  const alarms = count(same, 'regressed') + count(same, 'improved');
  const rows = [
    // Each A/A trial is two one-sided tests: slower and faster.
    ['false alarms, one-sided A/A tests', shareWithInterval(alarms, 2 * same.length), 'upper bound ≤ 1 %'],
    ['inconclusive A/A trials', shareWithInterval(count(same, 'inconclusive'), same.length), ''],
    ...VARIANTS.filter(variant => variant > 0).map(variant => {
      const group = trials.filter(trial => trial.variant === variant);
      const goal = variant === 5 ? '≥ 95 %' : variant > 5 ? '100 %' : 'grey zone';
      return [
        `found, ${variant} % more work`,
        shareWithInterval(count(group, 'regressed'), group.length),
        goal,
      ];
    }),
    [
      'longest measurement of a model',
      `${(Math.max(0, ...trials.map(({ durationMs }) => durationMs)) / 1000).toFixed(1)} s`,
      '≤ 15 s, ≤ 45 s when it is in doubt',
    ],
  ];
  return table([`${options.parallel} at a time, ${options.hogs} hogs`, 'result (95 % Wilson)', 'goal'], rows);
}

/** What each trial's timings are to the other rules: with the same model's earlier trials as its history. */
function ruleInputsOf(trials: readonly Trial[]): ReadonlyMap<Trial, RuleInput> {
  const history = new Map<string, readonly number[]>();
  return new Map(
    trials.map(trial => {
      const past = history.get(trial.family) ?? [];
      const { launches } = trial;
      history.set(trial.family, [...past, ...launches.slice(0, 1).map(each => median(each.baseBlocksMs))]);
      return [trial, { launches, history: past }];
    }),
  );
}

function ruleTable(trials: readonly Trial[]): string {
  const ruleInputs = ruleInputsOf(trials);
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
      ...Object.entries(EXISTING_RULES).map(([name, rule]) =>
        row(name, trial => rule(ruleInputs.get(trial) ?? { launches: [], history: [] })),
      ),
    ],
  );
}

function examTables(trials: readonly Trial[], options: Pick<ExamOptions, 'parallel' | 'hogs'>): string {
  return [summaryTable(trials, options), verdictTable(trials), ruleTable(trials)].join('\n\n');
}

const jobKey = ({ family, variant, seed }: Pick<Trial, 'family' | 'variant' | 'seed'>): string =>
  `${family} ${variant} ${seed}`;

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
    const log = openTrialLog<Trial>(options.log);
    const until = performance.now() + options.minutes * 60_000;
    const planned = jobsOf(options, families);
    const done = new Set(log.trials.map(jobKey));
    const waiting = planned.filter(job => !done.has(jobKey({ ...job, family: job.family.name })));
    const work = async (): Promise<void> => {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        if (performance.now() > until) return;
        const { family, variant, seed } = job;
        const paths = { base: pathOf(family, 0), candidate: pathOf(family, variant) };
        const { result, launches } = await measure(family, paths, seed);
        const { latency, durationMs } = result;
        log.add({ family: family.name, variant, seed, latency, durationMs, launches });
        process.stderr.write(
          `${log.trials.length} of ${planned.length}: ${family.name} +${variant} %: ${latency.decision.kind}\n`,
        );
      }
    };
    await Promise.all(Array.from({ length: options.parallel }, work));
    return examTables(log.trials, options);
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
      log: { type: 'string' },
      summary: { type: 'boolean', default: false },
    },
  });
  const hogs = Number(values.hogs);
  const options: ExamOptions = {
    trials: Number(values.trials),
    same: Number(values.same),
    hogs,
    parallel: Number(values.parallel),
    minutes: Number(values.minutes),
    only: values.only,
    log: values.log ?? `bench/out/detection-${hogs === 0 ? 'quiet' : `${hogs}-hogs`}.jsonl`,
  };
  const text = values.summary
    ? examTables(readTrials<Trial>(options.log ?? ''), options)
    : await detection(options);
  process.stdout.write(`${text}\n`);
}
