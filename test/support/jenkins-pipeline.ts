import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './requirements.ts';

export interface StepRun {
  /** A file of jenkins/vars. */
  readonly step: string;
  readonly arguments?: readonly unknown[];
  readonly workspace: string;
  /** What the controller and the agent set; PATH is added. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Values of credentials by id. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Steps of plugins that are installed. */
  readonly plugins?: readonly string[];
  readonly unix?: boolean;
  /** Folder that `libraryResource` reads. */
  readonly resources?: string;
}

export interface StepResult {
  readonly result: 'SUCCESS' | 'UNSTABLE' | 'FAILURE';
  readonly message: string | null;
  readonly returned: unknown;
  readonly calls: readonly { readonly step: string; readonly args: readonly unknown[] }[];
  /** What shell steps printed. */
  readonly log: string;
}

/** Debian's launcher looks for a JDK that is not there: any installed one does. */
function javaHome(): string {
  const given = process.env['JAVA_HOME'];
  if (given !== undefined && existsSync(join(given, 'bin/java'))) return given;
  const folder = '/usr/lib/jvm';
  const found = readdirSync(folder)
    .filter(name => existsSync(join(folder, name, 'bin/java')))
    // Groovy 2.4 runs on 17; newer ones have class files that it cannot read.
    .sort((one, other) => Number(other.includes('17')) - Number(one.includes('17')))[0];
  return join(folder, found ?? 'default-java');
}

/** Runs a step of the shared library under Groovy 2.4 (test/support/groovy/harness.groovy); `sh` runs for real. */
export function runStep(run: StepRun): Promise<StepResult> {
  const folder = mkdtempSync(join(tmpdir(), 'jenkins-step-'));
  const setup = join(folder, 'setup.json');
  writeFileSync(
    setup,
    JSON.stringify({
      workspace: run.workspace,
      environment: { PATH: process.env['PATH'], HOME: folder, ...run.environment },
      secrets: run.secrets ?? {},
      plugins: run.plugins ?? [],
      arguments: run.arguments ?? [{}],
      unix: run.unix ?? true,
      resources: run.resources ?? folder,
    }),
  );
  const harness = join(projectRoot, 'test/support/groovy/harness.groovy');
  return new Promise((done, failed) => {
    const child = spawn('groovy', [harness, join(projectRoot, 'jenkins/vars'), run.step, setup], {
      env: { PATH: process.env['PATH'], HOME: folder, JAVA_HOME: javaHome() },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 180_000,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', failed);
    child.on('close', () => {
      rmSync(folder, { recursive: true, force: true });
      const log = Buffer.concat(err).toString('utf8');
      const last = Buffer.concat(out).toString('utf8').trimEnd().split('\n').at(-1) ?? '';
      try {
        done({ ...(JSON.parse(last) as Omit<StepResult, 'log'>), log });
      } catch {
        failed(new Error(`the harness printed no result: ${last}\n${log}`));
      }
    });
  });
}
