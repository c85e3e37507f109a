import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import type { CommonOptions } from './commands/command-host.ts';
import type { CommandResult } from './commands/command-result.ts';
import { createProgram } from './commands/definitions/program.ts';
import { usageHint } from './commands/definitions/usage-hint.ts';
import { describeFailure } from './commands/failure.ts';
import { namingAsGiven } from './commands/given-paths.ts';
import type { Surroundings } from './commands/surroundings.ts';
import { createProgress } from './commands/terminal.ts';
import { cacheFolder } from './runtime/cache-folder.ts';
import { QuickServeError } from './shared/errors.ts';
import { requireNode } from './shared/node-version.ts';
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
  const cwd = resolve(options.cwd);
  const named = namingAsGiven(
    cwd,
    process.argv.slice(2).filter(arg => arg !== options.cwd),
  );
  const { step } = world.progress;
  try {
    const result = await command(
      { ...world, progress: { ...world.progress, step: text => step(named(text)) } },
      cwd,
    );
    world.endProgress();
    if (options.json === true) await write(process.stdout, `${JSON.stringify(result.document, null, 2)}\n`);
    else if (result.text !== '')
      await write(process.stdout, result.text.endsWith('\n') ? result.text : `${result.text}\n`);
    process.exitCode = result.exitCode;
  } catch (thrown) {
    world.endProgress();
    await fail(thrown, options.json === true, named);
  }
}

async function fail(
  thrown: unknown,
  json: boolean,
  named: (text: string) => string = text => text,
): Promise<void> {
  const failure = describeFailure(thrown, toolVersion);
  const { message, hint } = failure.error;
  const error = { ...failure.error, message: named(message), hint: named(hint) };
  if (json) await write(process.stdout, `${JSON.stringify({ error }, null, 2)}\n`);
  await write(process.stderr, named(failure.text));
  process.exitCode = failure.exitCode;
}

const usesColor = (options: CommonOptions): boolean =>
  options.color && process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';

/** `--json` promises one document even when the parser itself refuses, so the raw arguments decide. */
async function main(argv: readonly string[]): Promise<void> {
  const program = createProgram({ run, usesColor });
  try {
    requireNode(process.versions.node);
    await program.parseAsync([...argv]);
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return;
      const message = thrown.message.replace(/^error: /, '');
      const shown = message === '(outputHelp)' ? 'No command was given.' : message;
      await fail(
        new QuickServeError({
          code: 'USAGE',
          message: shown,
          hint: usageHint(program, argv.slice(2), message),
        }),
        argv.includes('--json'),
      );
      return;
    }
    await fail(thrown, argv.includes('--json'));
  }
}

await main(process.argv);
