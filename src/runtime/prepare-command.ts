import { spawn } from 'node:child_process';
import { messageOf, QuickServeError } from '../shared/errors.ts';

export interface PrepareCommand {
  /** Of the model, for messages. */
  readonly model: string;
  /** For the shell. */
  readonly command: string;
  /** Absolute: the root of the repository. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeLimitMs: number;
}

export const PREPARE_TIME_LIMIT_MS = 30 * 60_000;
const KEPT_OUTPUT = 4000;
const END_GRACE_MS = 5000;

/** Names under which tokens, passwords and keys travel; and what CI systems hand to their own steps. */
const SECRET_NAME =
  /TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|AUTH|API_?KEY|ACCESS_?KEY|SIGNING|^INPUT_|^GIT_CONFIG|^CI_JOB_JWT|^ACTIONS_|COOKIE|NETRC|_KEY$|_PAT$/i;
/** An address that carries a user and a password. */
const SECRET_VALUE = /:\/\/[^/\s:@]*:[^/\s@]+@/;

/**
 * The environment for code of the repository: what the shell and a toolchain need, nothing that authenticates. Variables
 * are left out by name (TOKEN, SECRET, PASSWORD, KEY, ...) and where their value is an address with a password.
 */
export function environmentWithoutTokens(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined || SECRET_NAME.test(name) || SECRET_VALUE.test(value)
        ? []
        : [[name, value] as const],
    ),
  );
}

function failure(request: PrepareCommand, what: string, output: string): QuickServeError {
  const tail = output.trimEnd().slice(-KEPT_OUTPUT);
  return new QuickServeError({
    code: 'PREPARE_FAILED',
    message: `The prepare command of ${request.model} ${what}.${tail === '' ? '' : ` It wrote:\n${tail}`}`,
    hint: `Run it yourself in the root of the repository: ${request.command}`,
  });
}

/**
 * Runs the export command of a model in a shell, in a process group of its own that is killed as a whole when the time
 * is over. Its output goes nowhere but into the error. @throws QuickServeError PREPARE_FAILED.
 */
export function runPrepare(request: PrepareCommand): Promise<void> {
  const ownGroup = process.platform !== 'win32';
  return new Promise((done, failed) => {
    const child = spawn(request.command, {
      shell: true,
      cwd: request.folder,
      env: environmentWithoutTokens(request.environment),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: ownGroup,
      windowsHide: true,
    });
    let output = '';
    let timedOut = false;
    const keep = (piece: Buffer): void => {
      output = (output + piece.toString('utf8')).slice(-2 * KEPT_OUTPUT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const kill = (signal: NodeJS.Signals): void => {
      try {
        if (ownGroup && child.pid !== undefined) process.kill(-child.pid, signal);
        else child.kill(signal);
      } catch {
        // It is gone already.
      }
    };
    let hardKill: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => {
      timedOut = true;
      kill('SIGTERM');
      hardKill = setTimeout(() => kill('SIGKILL'), END_GRACE_MS);
    }, request.timeLimitMs);
    const end = (): void => {
      clearTimeout(timer);
      clearTimeout(hardKill);
    };
    child.on('error', error => {
      end();
      failed(failure(request, `could not be started: ${messageOf(error)}`, ''));
    });
    child.on('close', (code, signal) => {
      end();
      if (timedOut)
        failed(failure(request, `did not end within ${Math.round(request.timeLimitMs / 1000)} s`, output));
      else if (code !== 0)
        failed(
          failure(
            request,
            signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`,
            output,
          ),
        );
      else done();
    });
  });
}
