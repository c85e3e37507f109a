import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { QuickServeError, systemCodeOf } from '../shared/errors.ts';
import { maskSecrets } from '../shared/secrets.ts';
import { authoritiesConfig } from './git-authorities.ts';
import { type ConfigEntry, type GitEnvironment, processVariables } from './git-environment.ts';
import { gitFailureError } from './git-failure.ts';

export const DEFAULT_TIMEOUT_MS = 300_000;
/** How long a process may take to end after SIGTERM. */
const GRACE_MS = 2_000;
const STDERR_LIMIT = 256 * 1024;

export interface GitCommand {
  /** The command and its arguments, never with a secret: `['ls-tree', '-r', '-z', 'HEAD']`. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: GitEnvironment;
  /** Sets GIT_DIR; without it git finds the repository from `cwd`. */
  readonly gitDir?: string;
  /** Configuration for this command only; it travels in the environment. */
  readonly config?: readonly ConfigEntry[];
  /** More variables, such as GIT_AUTHOR_NAME. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array | Readable;
  /** The process is ended after this time. Default: five minutes. */
  readonly timeoutMs?: number;
  /** Masked in every message. */
  readonly secrets?: readonly string[];
  /** Exit codes that are answers, not failures. Default: 0 only. */
  readonly accept?: readonly number[];
}

export interface GitOutput {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

interface Ending {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function startFailure(error: Error, command: GitCommand): QuickServeError {
  if (systemCodeOf(error) === 'ENOENT' && existsSync(command.cwd)) {
    return new QuickServeError({
      code: 'GIT_NOT_FOUND',
      message: 'There is no git command in PATH.',
      hint: 'Install git 2.30 or newer and run again.',
      cause: error,
    });
  }
  return new QuickServeError({
    code: 'GIT_FAILED',
    message: `git could not be started in ${command.cwd}: ${error.message}`,
    hint: 'Check that the folder exists and may be entered.',
    cause: error,
  });
}

export function timeoutFailure(command: GitCommand, timeoutMs: number): QuickServeError {
  const name = command.args[0] ?? '';
  const overNetwork = ['fetch', 'push', 'ls-remote'].includes(name);
  return new QuickServeError({
    code: overNetwork ? 'REMOTE_UNREACHABLE' : 'GIT_FAILED',
    message: `git ${name} did not end within ${Math.round(timeoutMs / 1000)} s and was stopped.`,
    hint: overNetwork
      ? 'Check the network and the remote, then run again.'
      : 'Check that the disk is responsive and that no other git process blocks it.',
  });
}

/** Starts git with the environment that the command gives, all streams piped. */
export function spawnGit(command: GitCommand): ChildProcessWithoutNullStreams {
  const { environment } = command;
  const trusting = { ...environment, config: [...authoritiesConfig(environment), ...environment.config] };
  return spawn('git', [...command.args], {
    cwd: command.cwd,
    env: processVariables(trusting, command.config, {
      ...(command.gitDir === undefined ? {} : { GIT_DIR: command.gitDir }),
      ...command.variables,
    }),
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
}

async function run<T>(
  command: GitCommand,
  consume: (stdout: Readable) => Promise<T>,
): Promise<{ readonly ending: Ending; readonly stderr: string; readonly result: T }> {
  const timeoutMs = command.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const child = spawnGit(command);

  let timedOut = false;
  let forced: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill('SIGTERM');
    // git ends its own transport helpers on SIGTERM; one that hangs would keep our pipes open.
    forced ??= setTimeout(() => {
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
    }, GRACE_MS);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, timeoutMs);

  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', error => reject(startFailure(error, command)));
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  let stderr = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_LIMIT);
  });
  // A command may end without reading all of its input; its exit code tells whether that was an error.
  child.stdin.on('error', () => undefined);
  const fed =
    command.stdin === undefined || typeof command.stdin === 'string' || command.stdin instanceof Uint8Array
      ? void child.stdin.end(command.stdin ?? '')
      : pipeline(command.stdin, child.stdin);
  const consumed = Promise.all([consume(child.stdout), fed]).then(
    ([result]) => ({ ok: true as const, result }),
    (error: unknown) => {
      stop();
      return { ok: false as const, error };
    },
  );
  try {
    const ending = await ended;
    const outcome = await consumed;
    if (timedOut) throw timeoutFailure(command, timeoutMs);
    if (!outcome.ok) {
      // What git itself said explains more than the broken pipe that followed from it.
      if (ending.exitCode !== 0 && ending.exitCode !== null && systemCodeOf(outcome.error) === 'EPIPE') {
        throw gitFailureError({
          command: command.args[0] ?? '',
          exitCode: ending.exitCode,
          signal: ending.signal,
          stderr,
          secrets: command.secrets ?? [],
          folder: command.gitDir ?? command.cwd,
        });
      }
      throw outcome.error;
    }
    return { ending, stderr, result: outcome.result };
  } finally {
    clearTimeout(timer);
    clearTimeout(forced);
  }
}

function checkEnding(command: GitCommand, ending: Ending, stderr: string): number {
  const { exitCode, signal } = ending;
  if (exitCode !== null && (command.accept ?? [0]).includes(exitCode)) return exitCode;
  throw gitFailureError({
    command: command.args[0] ?? '',
    exitCode,
    signal,
    stderr,
    secrets: command.secrets ?? [],
    folder: command.gitDir ?? command.cwd,
  });
}

/**
 * Runs one git command with an explicit environment and collects what it prints.
 * @throws QuickServeError GIT_NOT_FOUND, GIT_FAILED, NOT_A_REPOSITORY, REMOTE_UNREACHABLE or REMOTE_REFUSED, secrets masked.
 */
export async function runGit(command: GitCommand): Promise<GitOutput> {
  const { ending, stderr, result } = await run(command, collect);
  return {
    exitCode: checkEnding(command, ending, stderr),
    stdout: result,
    stderr: maskSecrets(stderr, command.secrets ?? []),
  };
}

/** Like runGit, with standard output streamed into `sink`, which is ended. */
export async function streamGit(command: GitCommand, sink: Writable): Promise<void> {
  const { ending, stderr } = await run(command, stdout => pipeline(stdout, sink));
  checkEnding(command, ending, stderr);
}
