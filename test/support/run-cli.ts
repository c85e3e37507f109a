import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handOver, unprivilegedUser } from './installed-copy.ts';

export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The one document of `--json`. */
  json<T>(): T;
}

export interface CliRun {
  readonly cli: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Runs the built command line as an unprivileged user, with nothing of this environment but PATH, in a home of its own. */
export async function runCli(run: CliRun): Promise<CliResult> {
  const home = mkdtempSync(join(tmpdir(), 'quickserveml-home-'));
  handOver(home);
  try {
    return await new Promise((done, failed) => {
      const child = spawn(process.execPath, [run.cli, ...run.args], {
        cwd: run.cwd,
        env: { PATH: process.env['PATH'], HOME: home, ...run.env },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: run.timeoutMs ?? 120_000,
        killSignal: 'SIGKILL',
        ...(unprivilegedUser ?? {}),
      });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
      child.on('error', failed);
      child.on('close', exitCode => {
        const stdout = Buffer.concat(out).toString('utf8');
        done({
          exitCode,
          stdout,
          stderr: Buffer.concat(err).toString('utf8'),
          json: <T>() => JSON.parse(stdout) as T,
        });
      });
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
