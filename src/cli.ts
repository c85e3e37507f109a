import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import type { CommandHost, CommonOptions } from './commands/command-host.ts';
import type { CommandResult } from './commands/command-result.ts';
import { declareModels } from './commands/definitions/models.ts';
import { declareRegistry } from './commands/definitions/registry.ts';
import { declareReview } from './commands/definitions/review.ts';
import { declareRuntime } from './commands/definitions/runtime.ts';
import { declareTests } from './commands/definitions/tests.ts';
import { describeFailure } from './commands/failure.ts';
import type { Surroundings } from './commands/surroundings.ts';
import { createProgress } from './commands/terminal.ts';
import { cacheFolder } from './runtime/cache-folder.ts';
import { QuickServeError } from './shared/errors.ts';
import { toolVersion } from './shared/tool-version.ts';

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

  const host: CommandHost = { common, run, usesColor };
  for (const declare of [declareReview, declareModels, declareTests, declareRegistry, declareRuntime]) {
    declare(program, host);
  }
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
