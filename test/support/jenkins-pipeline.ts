import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './requirements.ts';

interface Surroundings {
  /** The agent's folder; agents of a pipeline get folders below it. */
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

export interface StepRun extends Surroundings {
  /** A file of jenkins/vars. */
  readonly step: string;
  readonly arguments?: readonly unknown[];
}

export interface JenkinsfileRun extends Surroundings {
  /** The text of a Jenkinsfile, scripted or declarative; what of the latter is known, harness.groovy says. */
  readonly pipeline: string;
  /** The shell command that stands for `checkout scm`. */
  readonly checkout: string;
  /** Values of the parameters that somebody started it with. */
  readonly parameters?: Readonly<Record<string, string>>;
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
export function javaHome(): string {
  const given = process.env['JAVA_HOME'];
  if (given !== undefined && existsSync(join(given, 'bin/java'))) return given;
  const folder = '/usr/lib/jvm';
  const found = readdirSync(folder)
    .filter(name => existsSync(join(folder, name, 'bin/java')))
    // Groovy 2.4 runs on 17; newer ones have class files that it cannot read.
    .sort((one, other) => Number(other.includes('17')) - Number(one.includes('17')))[0];
  return join(folder, found ?? 'default-java');
}

/**
 * Runs steps of the shared library and Jenkinsfiles under Groovy 2.4, one after the other in one process
 * (test/support/groovy/harness.groovy); `sh` runs for real.
 */
export async function runJenkins(
  runs: readonly (StepRun | JenkinsfileRun)[],
): Promise<readonly StepResult[]> {
  const home = mkdtempSync(join(tmpdir(), 'jenkins-home-'));
  try {
    const file = join(home, 'runs.json');
    const complete = runs.map(run => ({
      secrets: {},
      plugins: [],
      parameters: {},
      arguments: [{}],
      unix: true,
      resources: home,
      ...run,
      environment: { PATH: process.env['PATH'], HOME: home, ...run.environment },
    }));
    writeFileSync(file, JSON.stringify(complete));
    return await runHarness(file, home);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function runHarness(runs: string, home: string): Promise<readonly StepResult[]> {
  const harness = join(projectRoot, 'test/support/groovy/harness.groovy');
  return new Promise((done, failed) => {
    const child = spawn('groovy', [harness, join(projectRoot, 'jenkins/vars'), runs], {
      // One C1 tier: the process lives for seconds.
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        JAVA_HOME: javaHome(),
        JAVA_OPTS: '-XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8 -Dsun.stdout.encoding=UTF-8',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 300_000,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', failed);
    child.on('close', () => {
      const last = Buffer.concat(out).toString('utf8').trimEnd().split('\n').at(-1) ?? '';
      try {
        done(JSON.parse(last) as readonly StepResult[]);
      } catch {
        failed(new Error(`the harness printed no result: ${last}\n${Buffer.concat(err).toString('utf8')}`));
      }
    });
  });
}
