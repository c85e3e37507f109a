/** The call behind `inspect`, alone: milliseconds, and the peak resident size of the process. Argument: a model. */
import { readFileSync } from 'node:fs';
import { inspectModel } from '../src/model/model-inspection.ts';

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('no model was named');
const startMs = performance.now();
const inspection = await inspectModel(path);
const tookMs = performance.now() - startMs;
if (inspection.nodeCount === 0) throw new Error('no nodes');
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'));
process.stdout.write(`${tookMs} ${peak === null ? 0 : Number(peak[1]) * 1024}\n`);
