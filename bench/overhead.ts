/**
 * The latency that is reported, against onnxruntime's own Python API (the same version, from the Python package index)
 * on the same models and inputs in the same run, one thread. `node bench/overhead.ts --rounds 9`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../src/benchmark/statistics.ts';
import { PINNED_RUNTIME_VERSION } from '../src/runtime/runtime-location.ts';
import { bundledLauncher } from './bundled-worker.ts';
import { BASE_BLOCKS, EXAM_FAMILIES, type ExamFamily } from './detection/exam-models.ts';
import { table } from './table.ts';

const root = resolve(import.meta.dirname, '..');

const launcher = bundledLauncher();

function installReference(folder: string): string {
  const python = join(folder, 'bin/python');
  execFileSync('python3', ['-m', 'venv', folder], { stdio: 'pipe' });
  const packages = [`onnxruntime==${PINNED_RUNTIME_VERSION}`, 'numpy'];
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', ...packages], { stdio: 'pipe' });
  return python;
}

/** Milliseconds a run as the reference sees it: a fresh process, as ours is. */
function measureReference(python: string, model: string, feeds: string): number {
  const script = join(root, 'bench/overhead-reference.py');
  const printed = execFileSync(python, [script, model, feeds], { encoding: 'utf8' });
  const { ms } = JSON.parse(printed) as { ms: number };
  return ms;
}

async function measureOwn(path: string, family: ExamFamily): Promise<number> {
  const { blocksMs } = await launcher.launchSolo({
    model: { path, feeds: family.feeds },
    side: 'candidate',
    settings: { provider: 'cpu', threads: 1 },
    blocks: true,
    timeLimitMs: null,
  });
  return median(blocksMs);
}

export async function overhead(rounds = 5): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quickserveml-overhead-'));
  try {
    const python = installReference(join(folder, 'venv'));
    const rows: string[][] = [];
    for (const family of EXAM_FAMILIES) {
      const model = join(folder, `${family.name}.onnx`);
      const feeds = join(folder, `${family.name}.json`);
      await writeFile(model, family.write(BASE_BLOCKS));
      const described = family.feeds.tensors.flatMap(({ name, shape, data }) =>
        data instanceof Uint8Array ? [{ name, shape, hex: Buffer.from(data).toString('hex') }] : [],
      );
      await writeFile(feeds, JSON.stringify(described));
      const pairs: { readonly own: number; readonly reference: number }[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const own = round % 2 === 0 ? await measureOwn(model, family) : null;
        const reference = measureReference(python, model, feeds);
        pairs.push({ own: own ?? (await measureOwn(model, family)), reference });
      }
      const ratio = median(pairs.map(({ own, reference }) => own / reference));
      const differenceUs = 1000 * median(pairs.map(({ own, reference }) => own - reference));
      const referenceMs = median(pairs.map(({ reference }) => reference));
      rows.push([
        family.name,
        `${referenceMs.toPrecision(3)} ms`,
        `${median(pairs.map(({ own }) => own)).toPrecision(3)} ms`,
        `${((ratio - 1) * 100).toFixed(1)} %`,
        `${differenceUs.toFixed(1)} us`,
        referenceMs > 1 ? '±3 %' : 'told in us',
      ]);
      process.stderr.write(`${family.name}\n`);
    }
    return table(['model, one thread', 'Python API', 'reported', 'difference', 'overhead', 'goal'], rows);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
  process.stdout.write(`${await overhead(Number(values.rounds))}\n`);
}
