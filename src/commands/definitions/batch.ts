import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type CommandHost, positiveInteger } from '../command-host.ts';

/** Declares `batch`. */
export function declareBatch(program: Command, { common, run }: CommandHost): void {
  common(program.command('batch'))
    .description('run every record of a file or stream through a model; streams results as NDJSON')
    .argument('<model>', 'an .onnx or .ort file')
    .option('--data <file>', 'records: .ndjson, .json, .csv or .npz; - for NDJSON on stdin')
    .option('-o, --output <file>', 'write results there instead of stdout')
    .option('--optimize', 'find the batch size with the highest throughput, and use it')
    .option('--latency-limit <duration>', 'with --optimize: what one run may take, for example 50ms')
    .option('--batch <n>', 'records of one run, where the model leaves it open', positiveInteger)
    .option('--parallel <n>', 'worker processes', positiveInteger, 1)
    .option('--threads <n>', 'intra-op threads of each', positiveInteger, 1)
    .option('--provider <name>', 'execution provider', 'cpu')
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .action((model: string, options) =>
      run(options, async (world, cwd) => {
        const { batchCommand } = await import('../batch.ts');
        const streams = { stdin: process.stdin, stdout: process.stdout };
        return batchCommand({ ...options, cwd, model: resolve(cwd, model) }, world, streams);
      }),
    );
}

/** Declares `key`. */
export function declareKey(program: Command, { common, run }: CommandHost): void {
  common(program.command('key'))
    .description('make an API key for `serve`, and the entry with its hash for the settings')
    .argument('<name>', 'whose it is, for logs')
    .option('--stdin', 'hash the key on stdin instead')
    .option('--per-second <n>', 'requests a second that it allows', positiveInteger)
    .option('--burst <n>', 'requests at once after a pause', positiveInteger)
    .action((name: string, options) =>
      run(options, async () => {
        const { keyCommand } = await import('../key.ts');
        return keyCommand({ ...options, name }, process.stdin);
      }),
    );
}
