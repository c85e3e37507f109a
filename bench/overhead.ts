/**
 * What the reported latency contains: it, a bare loop of onnxruntime-node, and onnxruntime's own Python API (the same
 * version, from the Python package index), on the same models and inputs in the same run, one thread, fresh processes in
 * random order. `node bench/overhead.ts --rounds 15 --only attention`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { percentileOf } from '../src/benchmark/scenarios/percentiles.ts';
import { PINNED_RUNTIME_VERSION } from '../src/runtime/runtime-location.ts';
import { median } from '../src/shared/quantile.ts';
import { seededRandom } from '../src/shared/random.ts';
import { bundledLauncher } from './bundled-worker.ts';
import { BASE_BLOCKS, EXAM_FAMILIES, type ExamFamily } from './detection/exam-models.ts';
import { percent, table } from './table.ts';

const root = resolve(import.meta.dirname, '..');
const launcher = bundledLauncher();

/** Of models over a millisecond. */
const LARGEST_SHARE = 0.03;

const SIDES = ['python', 'bare', 'own'] as const;
type Side = (typeof SIDES)[number];
/** Milliseconds a run by each side, of fresh processes one after the other. */
type Round = Readonly<Record<Side, number>>;

function installReference(folder: string): string {
  const python = join(folder, 'bin/python');
  execFileSync('python3', ['-m', 'venv', folder], { stdio: 'pipe' });
  const packages = [`onnxruntime==${PINNED_RUNTIME_VERSION}`, 'numpy'];
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', ...packages], { stdio: 'pipe' });
  return python;
}

function printedMs(command: string, script: string, args: readonly string[]): number {
  const printed = execFileSync(command, [join(root, 'bench', script), ...args], { encoding: 'utf8' });
  const { ms } = JSON.parse(printed) as { ms: number };
  return ms;
}

async function ownMs(path: string, family: ExamFamily): Promise<number> {
  const { blocksMs } = await launcher.launchSolo({
    model: { path, feeds: family.feeds },
    side: 'candidate',
    settings: { provider: 'cpu', threads: 1 },
    blocks: true,
    timeLimitMs: null,
  });
  return median(blocksMs);
}

interface SharedPaths {
  readonly python: string;
  readonly model: string;
  readonly feeds: string;
}

async function writeFamily(family: ExamFamily, folder: string, python: string): Promise<SharedPaths> {
  const model = join(folder, `${family.name}.onnx`);
  const feeds = join(folder, `${family.name}.json`);
  await writeFile(model, family.write(BASE_BLOCKS));
  const described = family.feeds.tensors.flatMap(({ name, shape, data }) =>
    data instanceof Uint8Array ? [{ name, shape, hex: Buffer.from(data).toString('hex') }] : [],
  );
  await writeFile(feeds, JSON.stringify(described));
  return { python, model, feeds };
}

async function measureRound(family: ExamFamily, paths: SharedPaths, random: () => number): Promise<Round> {
  const { python, model, feeds } = paths;
  const order = SIDES.map(side => ({ side, key: random() })).sort((one, other) => one.key - other.key);
  const round = { python: 0, bare: 0, own: 0 };
  for (const { side } of order) {
    if (side === 'python') round.python = printedMs(python, 'overhead-reference.py', [model, feeds]);
    else if (side === 'bare') round.bare = printedMs(process.execPath, 'overhead-bare.mjs', [model, feeds]);
    else round.own = await ownMs(model, family);
  }
  return round;
}

/** The median of the ratios of neighbouring processes less one, with its 95 % interval where there are enough. */
function shareOf(rounds: readonly Round[], side: Side, reference: Side) {
  const shares = rounds.map(round => round[side] / round[reference] - 1);
  const interval = percentileOf(shares, 0.5);
  const value = median(shares);
  return {
    value,
    low: interval?.low ?? Number.NEGATIVE_INFINITY,
    high: interval?.high ?? Number.POSITIVE_INFINITY,
  };
}

type Share = ReturnType<typeof shareOf>;

const words = ({ value, low, high }: Share): string =>
  Number.isFinite(low) && Number.isFinite(high)
    ? `${percent(value)} (${percent(low)} to ${percent(high)})`
    : percent(value);

function judged({ low, high }: Share, referenceMs: number): string {
  if (referenceMs <= 1) return 'told in us';
  if (low >= -LARGEST_SHARE && high <= LARGEST_SHARE) return '±3 %: kept';
  return low > LARGEST_SHARE || high < -LARGEST_SHARE ? '±3 %: **missed**' : '±3 %: not decided';
}

function rowOf(family: ExamFamily, rounds: readonly Round[]): readonly string[] {
  const typical = (side: Side): number => median(rounds.map(round => round[side]));
  const [toBare, toPython] = [shareOf(rounds, 'own', 'bare'), shareOf(rounds, 'own', 'python')];
  const pythonMs = typical('python');
  return [
    family.name,
    ...SIDES.map(side => `${typical(side).toPrecision(3)} ms`),
    words(toBare),
    judged(toBare, pythonMs),
    words(toPython),
    `${(1000 * median(rounds.map(({ own, python }) => own - python))).toFixed(0)} us`,
    judged(toPython, pythonMs),
  ];
}

export async function overhead(rounds = 15, only = ''): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quickserveml-overhead-'));
  const random = seededRandom(1);
  try {
    const python = installReference(join(folder, 'venv'));
    const rows: (readonly string[])[] = [];
    for (const family of EXAM_FAMILIES.filter(({ name }) => name.includes(only))) {
      const paths = await writeFamily(family, folder, python);
      const measured: Round[] = [];
      for (let round = 0; round < rounds; round += 1)
        measured.push(await measureRound(family, paths, random));
      rows.push(rowOf(family, measured));
      process.stderr.write(`${family.name}\n`);
    }
    const header = ['model, one thread', 'Python API', 'bare binding', 'reported'];
    return table([...header, 'reported to bare', 'goal', 'reported to Python', 'overhead', 'goal'], rows);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '15' }, only: { type: 'string', default: '' } },
  });
  process.stdout.write(`${await overhead(Number(values.rounds), values.only)}\n`);
}
