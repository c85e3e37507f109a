import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type CommandHost, collect, positiveInteger } from '../command-host.ts';

/** Declares what looks at one model or two: `inspect`, `compare` and `benchmark`. */
export function declareModels(program: Command, { common, run, usesColor }: CommandHost): void {
  common(program.command('inspect'))
    .description('what is in a model file: interface, operators, weights, layers, what differs from another')
    .argument('<model>', 'an .onnx or .ort file')
    .option('--sha256', 'also read all bytes and print their digest')
    .option('--profile', 'run it once: time, multiply-accumulates and memory by layer, and advice')
    .option('--advice', 'what could be better, as far as the file alone says (--profile says more)')
    .option('--diff <model>', 'what differs from this older model')
    .option('--graph <file>', 'write the graph as .svg, or as .json for a viewer')
    .option('--url <address>', 'public https address of the file, for a link to Netron')
    .option('--threads <n>', 'intra-op threads of --profile', positiveInteger, 1)
    .option('--provider <name>', 'execution provider of --profile', 'cpu')
    .option('--dim <name=size>', 'size of a symbolic dimension (may be repeated)', collect, [])
    .option('--cases <folder>', 'folder with a case (input_0.pb, ...) or with test_data_set_*')
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .action((model: string, options) =>
      run(options, async (world, cwd) => {
        const { inspectCommand } = await import('../inspect.ts');
        return inspectCommand({ ...options, cwd, model }, world);
      }),
    );

  common(program.command('compare'))
    .description('the whole verdict on a model against another: contract, cases, time, size')
    .argument('<base>', 'an .onnx or .ort file, or a version of the registry (digits@1.2.0)')
    .argument('<candidate>', 'the same, of what would take its place')
    .option('--config <file>', 'configuration file whose `defaults` hold')
    .option('--cases <folder>', 'folder with test_data_set_*')
    .option('--dim <name=sizes>', 'size of a symbolic dimension, or several (may be repeated)', collect)
    .option('--budget <duration>', 'time to measure, e.g. 30s')
    .option(
      '--accept <finding>',
      'accept a finding on purpose, e.g. slower:digits (may be repeated)',
      collect,
    )
    .option('--report-dir <folder>', 'write report.json, report.html, report.md and junit.xml there')
    .option('--report-format <names>', 'there as well: sarif,csv,openmetrics,codequality,pdf,text')
    .option('--branch <name>', 'registry branch (default: what the configuration says)')
    .option('--remote <url>', 'repository that holds the branch (default: this one)')
    .option('--insecure <host>', 'container registry that may be spoken to over plain HTTP', collect, [])
    .option('--registry-ca <file>', 'certificates of a private authority (PEM), for container registries')
    .option('--runtime <version>', 'version of onnxruntime-node, installed where it is missing')
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .action((base: string, candidate: string, options) =>
      run(options, async (world, cwd) => {
        const { compareCommand } = await import('../compare.ts');
        return compareCommand({ ...options, cwd, base, candidate, color: usesColor(options) }, world);
      }),
    );

  common(program.command('benchmark'))
    .description('measure a model, alone or interleaved with another')
    .argument('<model>', 'an .onnx or .ort file')
    .option('--against <base>', 'the model to compare with')
    .option(
      '--budget <duration>',
      'time to spend, e.g. 30s; with scenarios and --against, on each statistic',
      '30s',
    )
    .option('--threads <n>', 'intra-op threads', positiveInteger, 1)
    .option('--provider <name>', 'execution provider', 'cpu')
    .option('--cases <folder>', 'folder with test_data_set_* whose inputs are used')
    .option('--batch <sizes>', 'sizes of the first dimension, e.g. 1,8; each is measured')
    .option('--dim <name=sizes>', 'size of a symbolic dimension, or several (may be repeated)', collect)
    .option('--runtime <version>', 'version of onnxruntime-node, installed where it is missing')
    .option(
      '--scenario <name>',
      'batch, threads, optimization, cold-start, memory, throughput, stress or all (may be repeated)',
      collect,
      [],
    )
    .option('--rate <n>', 'requests a second of throughput and stress', positiveInteger)
    .option('--concurrency <n>', 'worker processes of throughput and stress', positiveInteger)
    .option('--duration <duration>', 'time of throughput and stress, e.g. 2min')
    .option('--seed <n>', 'seed of synthetic inputs', positiveInteger, 7)
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .action((model: string, options) =>
      run(options, async (world, cwd) => {
        const { benchmarkCommand } = await import('../benchmark.ts');
        return benchmarkCommand({ ...options, cwd, model: resolve(cwd, model) }, world);
      }),
    );
}
