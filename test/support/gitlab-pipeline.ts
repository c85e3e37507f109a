import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { runtimePath } from './installed-copy.ts';
import type { Contents } from './pull-request.ts';
import { projectRoot } from './requirements.ts';

export interface PipelineRun {
  /** A clone that has the pipeline's files (`PipelineStarter.files`). */
  readonly clone: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Whose exit code and state count; left out: the check, or what merges its shards. */
  readonly job?: string;
}

type Template = 'check' | 'publish' | 'scheduled' | 'shards';

/** How jobs start the command line on this machine: by a script that names its runtime. */
export interface PipelineStarter extends Disposable {
  /** The files of a repository that uses a shipped component, as its users would commit them. */
  files(template: Template, inputs?: Readonly<Record<string, unknown>>): Contents;
  /** The same out of a .gitlab-ci.yml that includes components from their project. */
  filesOf(pipeline: string, inputs?: Readonly<Record<string, unknown>>): Contents;
}

/** As people write it: what other readers of YAML take for a time or a boolean is in quotes. */
const inQuotes = (pipeline: object): string => stringify(pipeline, { version: '1.1' });

interface ProjectInclude {
  readonly project: string;
  readonly file: string;
  readonly ref: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/**
 * @param cli the built command line
 * @param publishing options that `publish` needs on this machine: registries on loopback, a small base image
 */
export function createPipelineStarter(cli: string, publishing: readonly string[] = []): PipelineStarter {
  const folder = mkdtempSync(join(tmpdir(), 'gitlab-cli-'));
  const starter = join(folder, 'quickserveml');
  const withRuntime = `case "$1" in check | publish | watch) set -- "$@" --runtime-path '${runtimePath}';; esac`;
  const withRegistries = `case "$1" in publish) set -- "$@" ${publishing.join(' ')};; esac`;
  writeFileSync(
    starter,
    `#!/bin/sh\n${withRuntime}\n${withRegistries}\nexec '${process.execPath}' '${cli}' "$@"\n`,
  );
  chmodSync(starter, 0o755);
  const templateFile = (path: string): Contents => ({ [path]: { file: join(projectRoot, path) } });
  return {
    files(template, inputs = {}) {
      const local = `gitlab/templates/${template}.yml`;
      const include = [{ local, inputs: { cli: starter, ...inputs } }];
      return {
        ...templateFile(local),
        '.gitlab-ci.yml': { text: inQuotes({ stages: ['test', 'deploy'], include }) },
      };
    },
    filesOf(text, inputs = {}) {
      const pipeline = parse(text) as { readonly include: readonly ProjectInclude[] };
      // Only the project's address is replaced: the runner here reaches no GitLab.
      const include = pipeline.include.map(({ file, inputs: own = {} }) => ({
        local: file,
        inputs: { cli: starter, ...inputs, ...own },
      }));
      return {
        ...Object.assign({}, ...pipeline.include.map(({ file }) => templateFile(file))),
        '.gitlab-ci.yml': { text: inQuotes({ ...pipeline, include }) },
      };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface PipelineResult {
  /** Exit code of the job; null: it did not run. */
  readonly jobExitCode: number | null;
  readonly state: 'passed' | 'warned' | 'failed' | 'not-run';
  /** What the runner and the job printed. */
  readonly log: string;
  /** Text of a file that the job left, or null. */
  artifact(path: string): string | null;
}

const TIMEOUT_MS = 180_000;
const STATES: Readonly<Record<string, PipelineResult['state']>> = {
  PASS: 'passed',
  WARN: 'warned',
  FAIL: 'failed',
};

/** A merge request's predefined variables; gitlab-ci-local sets none of them. */
export const mergeRequestVariables = (facts: {
  readonly apiUrl: string;
  readonly projectId: string;
  readonly iid: number;
  readonly headSha: string;
  readonly baseSha: string;
}): Readonly<Record<string, string>> => ({
  GITLAB_CI: 'true',
  CI_PIPELINE_SOURCE: 'merge_request_event',
  CI_API_V4_URL: facts.apiUrl,
  CI_PROJECT_ID: facts.projectId,
  CI_MERGE_REQUEST_PROJECT_ID: facts.projectId,
  CI_MERGE_REQUEST_SOURCE_PROJECT_ID: facts.projectId,
  CI_MERGE_REQUEST_PROJECT_URL: 'https://gitlab.example/acme/models',
  CI_MERGE_REQUEST_IID: String(facts.iid),
  CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
  CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'change',
  CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: facts.headSha,
  CI_MERGE_REQUEST_DIFF_BASE_SHA: facts.baseSha,
  CI_MERGE_REQUEST_EVENT_TYPE: 'detached',
  CI_COMMIT_SHA: facts.headSha,
  CI_DEFAULT_BRANCH: 'main',
});

/** Runs a shipped component by gitlab-ci-local with the shell executor. */
export async function runPipeline(run: PipelineRun): Promise<PipelineResult> {
  const home = mkdtempSync(join(tmpdir(), 'gitlab-ci-local-'));
  const variables = Object.entries(run.variables).flatMap(([name, value]) => [
    '--variable',
    `${name}=${value}`,
  ]);
  const args = [
    join(projectRoot, 'node_modules/gitlab-ci-local/dist/index.js'),
    '--force-shell-executor',
    ...variables,
    ...(run.variables['CI_MERGE_REQUEST_IID'] === undefined ? [] : ['--unset-variable', 'CI_COMMIT_BRANCH']),
  ];
  try {
    return await new Promise((done, failed) => {
      const child = spawn(process.execPath, args, {
        cwd: run.clone,
        env: {
          PATH: process.env['PATH'],
          HOME: home,
          NO_COLOR: '1',
          FORCE_COLOR: '0',
          GCL_IGNORE_PREDEFINED_VARS: Object.keys(run.variables).join(','),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL',
      });
      const output: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
      child.on('error', failed);
      child.on('close', () => {
        const log = Buffer.concat(output).toString('utf8');
        const { job = 'quickserveml' } = run;
        const [, shown] = new RegExp(`^\\s*(PASS|WARN|FAIL)\\s+${job}(?:\\s|$)`, 'm').exec(log) ?? [];
        const ended = new RegExp(`^${job}\\s+finished in [\\d.]+ \\w+\\s+(?:FAIL|WARN)\\s+(\\d+)`, 'm');
        const code = ended.exec(log)?.[1];
        done({
          log,
          state: STATES[shown ?? ''] ?? 'not-run',
          jobExitCode: shown === 'PASS' ? 0 : code === undefined ? null : Number(code),
          artifact(path) {
            const file = join(run.clone, path);
            return existsSync(file) ? readFileSync(file, 'utf8') : null;
          },
        });
      });
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
