/**
 * `npm run bench` runs every bench in its short form and writes docs/benchmarks.md; `npm run bench -- startup inspect` runs
 * the named ones and prints them only. The numbers are information about this machine and moment: a missed goal is
 * shown as missed and is no failure; a bench that breaks is named on its page and ends the run with exit code 1.
 */
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { bundleSize } from './bundle-size.ts';
import { checkScale } from './check-scale.ts';
import { datasetEvaluation } from './dataset-evaluation.ts';
import { detection } from './detection.ts';
import { fuzz } from './fuzz-reader.ts';
import { htmlReport } from './html-report.ts';
import { inspect } from './inspect.ts';
import { memoryDetection } from './memory-detection.ts';
import { merge } from './merge.ts';
import { overhead } from './overhead.ts';
import { payloadValidation } from './payload-validation.ts';
import { projectRoot } from './process-sample.ts';
import { publish } from './publish.ts';
import { registryScale } from './registry-scale.ts';
import { registryWriters } from './registry-writers.ts';
import { serving } from './serving.ts';
import { startup } from './startup.ts';

interface Bench {
  /** What is measured, and against whom. */
  readonly about: string;
  /** The short form. Returns markdown: tables, with the goals in them. */
  readonly run: () => Promise<string>;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  startup: { about: 'Start of the command line, beside a bare Node.', run: startup },
  'bundle-size': { about: 'What is read before the first line runs.', run: bundleSize },
  inspect: { about: '`inspect` against onnx.load (Python) and protobufjs on the same files.', run: inspect },
  'fuzz-reader': { about: 'Mutated model files through the reader.', run: fuzz },
  'payload-validation': {
    about: 'Validation of a payload, beside parsing the same text.',
    run: payloadValidation,
  },
  'dataset-evaluation': {
    about: 'Accuracy over 10,000 rows in the worker process, against a bare session loop.',
    run: datasetEvaluation,
  },
  'html-report': { about: 'Writing and opening the HTML report of a hundred models.', run: htmlReport },
  overhead: {
    about: "The latency that is reported, against onnxruntime's Python API and a bare loop of the binding.",
    run: overhead,
  },
  detection: {
    about: 'False alarms and power of the verdict, against the rules of other tools on the same timings.',
    run: detection,
  },
  'memory-detection': { about: 'False alarms and power of the memory verdict.', run: memoryDetection },
  'check-scale': { about: 'A check of ten models, by how many of them changed.', run: checkScale },
  merge: { about: 'One verdict of the reports of shards, as a whole process.', run: merge },
  publish: { about: 'Pushing an image, against buildah and umoci with skopeo.', run: publish },
  serving: {
    about:
      'The server against a bare loop of runs and a FastAPI server, and under three times what it can do.',
    run: serving,
  },
  'registry-writers': { about: 'Many processes writing to one registry branch.', run: registryWriters },
  'registry-scale': {
    about: 'Appending and listing as the history grows, against one JSON file on a branch.',
    run: registryScale,
  },
};

function machine(): string {
  const processors = cpus();
  return `${processors[0]?.model}, ${processors.length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB, ${process.platform} ${process.arch}, Node ${process.version}`;
}

async function runBench(name: string, { about, run }: Bench): Promise<string> {
  const startMs = performance.now();
  let body: string;
  try {
    body = await run();
  } catch (thrown) {
    process.exitCode = 1;
    body = `**Broke:** ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  return `## ${name}\n\n${about} Took ${seconds} s.\n\n${body.trim()}\n`;
}

async function main(wanted: readonly string[]): Promise<void> {
  const unknown = wanted.filter(name => !Object.hasOwn(BENCHES, name));
  if (unknown.length > 0) {
    process.stderr.write(
      `no such bench: ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}\n`,
    );
    process.exitCode = 2;
    return;
  }
  const date = new Date().toISOString().slice(0, 10);
  const head = [
    '# Benchmarks',
    '',
    `Written by \`npm run bench\` on ${date}: every bench in its short form, one after the other, on ${machine()}.`,
    'Ratios were measured in one run on one machine. Goals that were missed say so.',
    '',
  ].join('\n');
  process.stdout.write(`${head}\n`);
  const sections: string[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const section = await runBench(name, bench);
    sections.push(section);
    process.stdout.write(`${section}\n`);
  }
  if (wanted.length === 0) {
    writeFileSync(join(projectRoot, 'docs/benchmarks.md'), [head, ...sections].join('\n'));
  }
}

await main(process.argv.slice(2));
