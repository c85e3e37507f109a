import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import type { CommandResult } from './commands/command-result.ts';
import { describeFailure } from './commands/failure.ts';
import { registerRegistry } from './commands/registry/cli.ts';
import type { Surroundings } from './commands/surroundings.ts';
import { createProgress } from './commands/terminal.ts';
import { cacheFolder } from './runtime/cache-folder.ts';
import { QuickServeError } from './shared/errors.ts';
import { toolVersion } from './shared/tool-version.ts';

interface CommonOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color: boolean;
  readonly cwd: string;
}

const inDevelopment = import.meta.url.endsWith('.ts');
const ownFolder = dirname(fileURLToPath(import.meta.url));

function surroundings(options: CommonOptions): Surroundings & { readonly endProgress: () => void } {
  const progress = createProgress(process.stderr, options.quiet === true);
  return {
    env: process.env,
    now: Date.now,
    random: Math.random,
    progress,
    endProgress: progress.end,
    toolVersion,
    workerPath: join(ownFolder, inDevelopment ? 'runtime/worker.ts' : 'worker.js'),
    packageFolders: [ownFolder],
    homeFolder: homedir(),
    cacheFolder: cacheFolder(process.env, process.platform, homedir()),
  };
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise(done => void stream.write(text, () => done()));
}

async function run(
  options: CommonOptions,
  command: (world: Surroundings, cwd: string) => Promise<CommandResult>,
): Promise<void> {
  const world = surroundings(options);
  try {
    const result = await command(world, resolve(options.cwd));
    world.endProgress();
    if (options.json === true) await write(process.stdout, `${JSON.stringify(result.document, null, 2)}\n`);
    else if (result.text !== '')
      await write(process.stdout, result.text.endsWith('\n') ? result.text : `${result.text}\n`);
    process.exitCode = result.exitCode;
  } catch (thrown) {
    world.endProgress();
    await fail(thrown, options.json === true);
  }
}

async function fail(thrown: unknown, json: boolean): Promise<void> {
  const failure = describeFailure(thrown, toolVersion);
  if (json) await write(process.stdout, `${JSON.stringify({ error: failure.error }, null, 2)}\n`);
  await write(process.stderr, failure.text);
  process.exitCode = failure.exitCode;
}

const usesColor = (options: CommonOptions): boolean =>
  options.color && process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';

const collect = (value: string, previous: readonly string[] = []): readonly string[] => [...previous, value];

function positiveInteger(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) {
    throw new CommanderError(2, 'quickserveml.usage', `"${value}" is not a whole number of at least 1`);
  }
  return number;
}

function createProgram(): Command {
  const program = new Command('quickserveml')
    .description('CI/CD for ONNX models: a change to a model, as reviewable and as safe as a change to code.')
    .version(toolVersion)
    .showSuggestionAfterError(true)
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();

  const common = (command: Command): Command =>
    command
      .option('--json', 'print exactly one JSON document on stdout')
      .option('--quiet', 'no progress on stderr')
      .option('--no-color', 'no colours')
      .option('--cwd <folder>', 'work as if started there', '.');

  common(program.command('check'))
    .description('inspect, compare contracts, measure against the base, decide, report, and record')
    .option('--config <file>', 'configuration file (default: quickserveml.yml, if there is one)')
    .addOption(new Option('--base <ref>', 'commit, branch or tag to compare with').conflicts('against'))
    .option('--against <model>', 'a model file to compare the one checked model with')
    .option('--model <name>', 'check only this model (name or path; may be repeated)', collect)
    .option('--report-dir <folder>', 'write report.json, report.html, report.md and junit.xml there')
    .option('--report-format <names>', 'there as well: sarif,csv,openmetrics,codequality,pdf,text')
    .addOption(
      new Option('--record <when>', 'record on the registry branch').choices(['auto', 'always', 'never']),
    )
    .option(
      '--accept <finding>',
      'accept a finding on purpose, e.g. slower:digits (may be repeated)',
      collect,
    )
    .option('--budget <duration>', 'time to measure one model, e.g. 30s')
    .option('--runtime <version>', 'version of onnxruntime-node; the base keeps its own')
    .option('--comment', 'comment on the pull request, where a token allows it')
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .option('--dry-run', 'print what would be measured and recorded, do nothing')
    .action(options =>
      run(options, async (world, cwd) => {
        const { checkCommand } = await import('./commands/check-command.ts');
        return checkCommand({ ...options, cwd, color: usesColor(options) }, world);
      }),
    );

  common(program.command('comment'))
    .description('post a saved report on its pull request (for a privileged follow-up job)')
    .requiredOption('--report <file>', 'report.json of the measuring job')
    .option('--key <name>', 'tells the comments of several workflows apart', 'default')
    .action(options =>
      run(options, async (world, cwd) => {
        const { commentCommand } = await import('./commands/comment.ts');
        return commentCommand({ ...options, cwd }, world);
      }),
    );

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
        const { inspectCommand } = await import('./commands/inspect.ts');
        return inspectCommand({ ...options, cwd, model: resolve(cwd, model) }, world);
      }),
    );

  common(program.command('benchmark'))
    .description('measure a model, alone or interleaved with another')
    .argument('<model>', 'an .onnx or .ort file')
    .option('--against <base>', 'the model to compare with')
    .option('--budget <duration>', 'time to spend, e.g. 30s', '30s')
    .option('--threads <n>', 'intra-op threads', positiveInteger, 1)
    .option('--provider <name>', 'execution provider', 'cpu')
    .option('--cases <folder>', 'folder with test_data_set_* whose inputs are used')
    .option('--dim <name=size>', 'size of a symbolic dimension (may be repeated)', collect)
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
        const { benchmarkCommand } = await import('./commands/benchmark.ts');
        return benchmarkCommand({ ...options, cwd, model: resolve(cwd, model) }, world);
      }),
    );

  common(program.command('schema'))
    .description('JSON Schema of the requests and responses of a model, or the whole OpenAPI document')
    .argument('<model>', 'an .onnx or .ort file')
    .addOption(
      new Option('--form <name>', 'how a payload is written')
        .choices(['plain', 'single', 'v2'])
        .default('plain'),
    )
    .addOption(
      new Option('--side <name>', 'what is described').choices(['request', 'response']).default('request'),
    )
    .option('--openapi', 'an OpenAPI 3.1 document with all forms')
    .option('--example', 'a payload that fits instead of its schema')
    .option('-o, --output <file>', 'write there instead of stdout')
    .action((model: string, options) =>
      run(options, async (_world, cwd) => {
        const { schemaCommand } = await import('./commands/schema.ts');
        return schemaCommand({ ...options, cwd, model: resolve(cwd, model) });
      }),
    );

  common(program.command('validate'))
    .description('check a payload file, or hold a model against its contract file')
    .argument('<model>', 'an .onnx or .ort file')
    .option('--input <file>', 'a JSON payload in any form')
    .option('--response', 'the payload is a response')
    .option('--contract <file>', 'a *.contract.json')
    .option('--update', 'write the contract file from the model')
    .action((model: string, options) =>
      run(options, async (_world, cwd) => {
        const { validateCommand } = await import('./commands/validate.ts');
        return validateCommand({ ...options, cwd, model: resolve(cwd, model) });
      }),
    );

  common(program.command('test'))
    .description('run test cases against their expected outputs, and labelled datasets against their labels')
    .argument('<model>', 'an .onnx or .ort file')
    .option('--cases <path>', 'folder with test_data_set_*, or a .npz, .json or .csv case')
    .option('--dataset <file>', 'labelled rows: .npz, .csv or .jsonl')
    .option('--update', 'write what the model gives as the expected outputs')
    .option('--against <base>', 'compare with this model on the same inputs')
    .option('--against-runtime-path <folder>', 'compare with what this onnxruntime-node gives')
    .option('--atol <number>', 'absolute tolerance for all outputs')
    .option('--rtol <number>', 'relative tolerance for all outputs')
    .option('--metric <metric>', 'e.g. top-1, "f1>=0.9", "accuracy drop<=0.01" (may be repeated)', collect)
    .option('--label <name>', 'array, column or key with the labels')
    .option('--output-name <name>', 'the output that is judged')
    .option('--classes <names>', 'class names in the order of the scores, with commas between')
    .addOption(
      new Option('--average <kind>', 'precision, recall and f1 over classes')
        .choices(['macro', 'micro', 'weighted', 'binary'])
        .default('macro'),
    )
    .option('--batch <n>', 'rows of one run where the model leaves it open', positiveInteger)
    .option('--threads <n>', 'intra-op threads', positiveInteger, 1)
    .option('--provider <name>', 'execution provider', 'cpu')
    .option('--seed <n>', 'seed of synthetic inputs and of resampling', positiveInteger, 7)
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .action((model: string, options) =>
      run(options, async (world, cwd) => {
        const { testCommand } = await import('./commands/test-cases.ts');
        return testCommand({ ...options, cwd, model: resolve(cwd, model) }, world);
      }),
    );

  registerRegistry(program, { common, run });

  const runtime = program.command('runtime').description("onnxruntime's files");
  for (const action of ['status', 'install'] as const) {
    common(runtime.command(action))
      .description(
        action === 'status'
          ? 'which onnxruntime would be used'
          : 'fetch it into the cache if it is not there',
      )
      .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
      .action(options =>
        run(options, async (world, cwd) => {
          const { runtimeCommand } = await import('./commands/runtime.ts');
          return runtimeCommand({ ...options, action, cwd }, world);
        }),
      );
  }

  common(program.command('report'))
    .description('turn a saved report into another format')
    .argument('<report>', 'report.json')
    .addOption(
      new Option('--format <name>', 'format')
        .choices([
          'markdown',
          'html',
          'json',
          'junit',
          'sarif',
          'csv',
          'openmetrics',
          'codequality',
          'pdf',
          'text',
        ])
        .default('markdown'),
    )
    .option('-o, --output <file>', 'write there instead of stdout')
    .action((report: string, options) =>
      run(options, async (_world, cwd) => {
        const { reportCommand } = await import('./commands/report.ts');
        return reportCommand({ ...options, cwd, report: resolve(cwd, report), color: usesColor(options) });
      }),
    );

  return program;
}

/** `--json` promises one document even when the parser itself refuses, so the raw arguments decide. */
async function main(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync([...argv]);
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return;
      const message = thrown.message.replace(/^error: /, '');
      const shown = message === '(outputHelp)' ? 'No command was given.' : message;
      await fail(
        new QuickServeError({
          code: 'USAGE',
          message: shown,
          hint: 'quickserveml --help lists the commands and their options.',
        }),
        argv.includes('--json'),
      );
      return;
    }
    await fail(thrown, argv.includes('--json'));
  }
}

await main(process.argv);
