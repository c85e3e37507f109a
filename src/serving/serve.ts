/**
 * Entry of the server in a container: dist/serve.js. `serve.js [--host H] [--port P] [--workers N] [--threads N]
 * [--settings FILE] NAME@VERSION=PATH...`. SIGTERM and SIGINT drain and end it, SIGHUP reads the settings file again.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fileReason, messageOf, QuickServeError } from '../shared/errors.ts';
import { toolVersion } from '../shared/tool-version.ts';
import { SERVER_PARTS } from './parts.ts';
import { startServer } from './server.ts';
import type { ServingWorld } from './server-parts.ts';
import type { ServingSettings } from './settings.ts';
import { parseModelArgument, readSettings } from './settings-file.ts';

const inDevelopment = import.meta.url.endsWith('.ts');
const ownFolder = dirname(fileURLToPath(import.meta.url));
// Both names stand here whole: `publish` finds by them which files the server consists of.
const workerPath = join(ownFolder, inDevelopment ? './worker/serving-worker.ts' : './serving-worker.js');

const OPTIONS = {
  host: { type: 'string' },
  port: { type: 'string' },
  workers: { type: 'string' },
  threads: { type: 'string' },
  provider: { type: 'string' },
  settings: { type: 'string' },
  'runtime-path': { type: 'string' },
} as const;

function invalid(message: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'SERVING_SETTINGS_INVALID',
    message,
    hint: 'docs/serving.md lists every setting.',
    cause,
  });
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number >= (name === 'port' ? 0 : 1)) return number;
  throw invalid(`--${name}: "${text}" is not a whole number.`);
}

interface Started {
  readonly settings: () => ServingSettings;
  readonly folder: string;
  readonly packageFolder: string;
}

function readArguments(argv: readonly string[]): Started {
  let parsed: ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
  const { values, positionals } = parsed;
  const file = values.settings ?? process.env['QUICKSERVEML_SETTINGS'];
  const path = file === undefined ? null : resolve(file);
  const folder = path === null ? process.cwd() : dirname(path);
  const port = wholeNumber('port', values.port);
  const workers = wholeNumber('workers', values.workers ?? process.env['QUICKSERVEML_WORKERS']);
  const threads = wholeNumber('threads', values.threads ?? process.env['QUICKSERVEML_THREADS']);
  const overrides = {
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(port === undefined ? {} : { port }),
    ...(workers === undefined ? {} : { workers }),
    ...(threads === undefined ? {} : { threads }),
    ...(values.provider === undefined ? {} : { provider: values.provider }),
    // SageMaker starts every image with this one word.
    models: positionals.filter(text => text !== 'serve').map(text => parseModelArgument(text, process.cwd())),
  };
  const readFile = (): unknown => {
    if (path === null) return undefined;
    try {
      return JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      throw invalid(`The settings file ${path} cannot be read: ${fileReason(error)}`, error);
    }
  };
  return {
    folder,
    packageFolder:
      values['runtime-path'] === undefined
        ? dirname(createRequire(join(ownFolder, 'serve.js')).resolve('onnxruntime-node/package.json'))
        : resolve(values['runtime-path']),
    settings: () =>
      readSettings(readFile(), overrides, {
        env: process.env,
        folder,
        processors: availableParallelism(),
        sections: Object.keys(SERVER_PARTS),
      }),
  };
}

async function main(): Promise<void> {
  const started = readArguments(process.argv.slice(2));
  const settings = started.settings();
  const world: ServingWorld = {
    env: process.env,
    now: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    writeLog: line => void process.stdout.write(line),
    folder: started.folder,
    toolVersion,
  };
  let wantsStop = false;
  let stop = (): void => {
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // Who asks twice does not want to wait.
      if (wantsStop) process.exit(1);
      wantsStop = true;
      stop();
    });
  }
  const server = await startServer({
    settings,
    world,
    launch: { workerPath, packageFolder: started.packageFolder },
    parts: SERVER_PARTS,
  });
  stop = () => void server.stop().then(() => process.exit(0));
  process.on('SIGHUP', () => {
    // What failed is in the log and in /health; the models before stay.
    server
      .replaceModels(() => started.settings().models)
      .catch(error => process.stderr.write(`quickserveml: reload failed: ${messageOf(error)}\n`));
  });
}

main().catch(error => {
  const text =
    error instanceof QuickServeError
      ? `${error.code}: ${error.message}\n${error.hint}`
      : error instanceof Error
        ? error.stack
        : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(error instanceof QuickServeError ? error.exitCode : 70);
});
