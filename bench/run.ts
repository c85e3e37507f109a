/**
 * `npm run bench` runs all, `npm run bench -- startup inspect` the named ones. Prints a markdown table each; the numbers
 * are information about this machine and moment, so a missed goal is shown and is no failure.
 */
import { cpus } from 'node:os';
import { bundleSize } from './bundle-size.ts';
import { checkScale } from './check-scale.ts';
import { datasetEvaluation } from './dataset-evaluation.ts';
import { detection } from './detection.ts';
import { fuzz } from './fuzz-reader.ts';
import { inspect } from './inspect.ts';
import { memoryDetection } from './memory-detection.ts';
import { overhead } from './overhead.ts';
import { payloadValidation } from './payload-validation.ts';
import { registryScale } from './registry-scale.ts';
import { registryWriters } from './registry-writers.ts';
import { startup } from './startup.ts';

const BENCHES: Readonly<Record<string, () => Promise<string>>> = {
  startup,
  inspect,
  'fuzz-reader': fuzz,
  'bundle-size': bundleSize,
  'registry-writers': registryWriters,
  'registry-scale': registryScale,
  'check-scale': checkScale,
  detection,
  'memory-detection': memoryDetection,
  overhead,
  'payload-validation': payloadValidation,
  'dataset-evaluation': datasetEvaluation,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter(name => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  process.stderr.write(
    `no such bench: ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  const processors = cpus();
  process.stdout.write(`${processors[0]?.model}, ${processors.length} cores, Node ${process.version}\n`);
  for (const [name, run] of Object.entries(BENCHES)) {
    if (wanted.length === 0 || wanted.includes(name)) process.stdout.write(`\n${await run()}\n`);
  }
}
