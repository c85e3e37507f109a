import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';

/** A `::name key=value::data` line of an action's stdout. */
export interface WorkflowCommand {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly data: string;
}

export interface ActionRun {
  /** The folder with action.yml, or the file itself. */
  readonly actionPath: string;
  readonly inputs?: Readonly<Record<string, string>>;
  /** Beside what the runner sets; wins over it. Nothing of this process's environment but PATH and HOME reaches the action. */
  readonly env?: Readonly<Record<string, string>>;
  readonly event?: unknown;
  readonly eventName?: string;
  readonly cwd: string;
  readonly timeoutMs?: number;
  /** What `${{ github.token }}` stands for. */
  readonly token?: string;
  /** Runs the action as this user, who gets the runner's files; null: as whoever runs the test. */
  readonly user?: { readonly uid: number; readonly gid: number } | null;
}

export interface ActionResult {
  /** null: killed, by the time limit or a signal. */
  readonly exitCode: number | null;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly commands: readonly WorkflowCommand[];
  readonly stdout: string;
  readonly stderr: string;
}

/** Everything that the product wrote where somebody might read it; the runner takes the lines that mask. */
export const written = (result: ActionResult): string =>
  result.stdout
    .split('\n')
    .filter(line => !line.startsWith('::add-mask::'))
    .join('\n') +
  result.stderr +
  result.summary +
  JSON.stringify(result.outputs);

interface ActionMetadata {
  readonly inputs?: Readonly<
    Record<string, { readonly default?: unknown; readonly required?: boolean } | null>
  >;
  readonly runs: { readonly using: string; readonly main: string };
}

const FILE_COMMANDS = [
  'GITHUB_OUTPUT',
  'GITHUB_ENV',
  'GITHUB_STATE',
  'GITHUB_PATH',
  'GITHUB_STEP_SUMMARY',
] as const;

/**
 * Runs a JavaScript action as GitHub's runner does: defaults of action.yml, `INPUT_*`, the file commands, the event file,
 * then reads outputs, summary, workflow commands and exit code. Runs the file that `runs.main` names with this Node.
 */
export async function runAction(run: ActionRun): Promise<ActionResult> {
  const metadataPath = run.actionPath.endsWith('.yml') ? run.actionPath : join(run.actionPath, 'action.yml');
  const metadata = parse(readFileSync(metadataPath, 'utf8')) as ActionMetadata;
  if (!/^node\d+$/.test(metadata.runs.using))
    throw new Error(`not a JavaScript action: runs.using is ${metadata.runs.using}`);
  const folder = mkdtempSync(join(tmpdir(), 'runner-'));
  try {
    const files = Object.fromEntries(FILE_COMMANDS.map(name => [name, join(folder, name.toLowerCase())]));
    for (const file of Object.values(files)) writeFileSync(file, '');
    const eventPath = join(folder, 'event.json');
    writeFileSync(eventPath, JSON.stringify(run.event ?? {}));
    mkdirSync(join(folder, 'temp'));
    if (run.user != null) execFileSync('chown', ['-R', `${run.user.uid}:${run.user.gid}`, folder]);
    const environment = {
      PATH: process.env['PATH'] ?? '',
      HOME: run.user != null ? folder : (process.env['HOME'] ?? folder),
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_EVENT_NAME: run.eventName ?? 'push',
      GITHUB_EVENT_PATH: eventPath,
      GITHUB_WORKSPACE: run.cwd,
      RUNNER_TEMP: join(folder, 'temp'),
      RUNNER_OS: 'Linux',
      RUNNER_ARCH: 'X64',
      ...files,
      ...inputVariables(metadata, run),
      ...run.env,
    };
    const main = resolve(dirname(metadataPath), metadata.runs.main);
    const child = spawn(process.execPath, [main], {
      cwd: run.cwd,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(run.user ?? {}),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), run.timeoutMs ?? 120_000);
    const [exitCode] = (await once(child, 'close')) as [number | null];
    clearTimeout(timer);
    const printed = Buffer.concat(stdout).toString('utf8');
    return {
      exitCode,
      outputs: parseFileCommand(readFileSync(join(folder, 'github_output'), 'utf8')),
      summary: readFileSync(join(folder, 'github_step_summary'), 'utf8'),
      commands: parseWorkflowCommands(printed),
      stdout: printed,
      stderr: Buffer.concat(stderr).toString('utf8'),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `INPUT_*` with the runner's spelling: upper case, spaces become underscores, dashes stay. */
function inputVariables(metadata: ActionMetadata, run: ActionRun): Readonly<Record<string, string>> {
  const declared = metadata.inputs ?? {};
  for (const name of Object.keys(run.inputs ?? {})) {
    if (!Object.hasOwn(declared, name)) throw new Error(`action.yml declares no input "${name}"`);
  }
  return Object.fromEntries(
    Object.entries(declared).map(([name, input]) => {
      const value =
        run.inputs?.[name] ??
        String(input?.default ?? '').replace(/\$\{\{\s*github\.token\s*\}\}/g, run.token ?? '');
      if (value.includes('${{'))
        throw new Error(`the default of input "${name}" has an expression that this runner does not know`);
      return [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value];
    }),
  );
}

/** `name=value` lines and `name<<DELIMITER` blocks of a file command; throws where the runner would fail the step. */
export function parseFileCommand(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    if (line === '') continue;
    const block = /^([^=]+?)<<(.+)$/.exec(line);
    const equals = line.indexOf('=');
    if (block !== null && (equals < 0 || equals > line.indexOf('<<'))) {
      const [, name = '', delimiter = ''] = block;
      const end = lines.indexOf(delimiter, index + 1);
      if (end < 0) throw new Error(`Matching delimiter not found '${delimiter}'`);
      values[name] = lines.slice(index + 1, end).join('\n');
      index = end;
    } else if (equals > 0) values[line.slice(0, equals)] = line.slice(equals + 1);
    else throw new Error(`Invalid format '${line}'`);
  }
  return values;
}

const unescapeData = (text: string): string =>
  text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
const unescapeProperty = (text: string): string =>
  unescapeData(text.replaceAll('%3A', ':').replaceAll('%2C', ','));

/** Every line that the runner takes for a command: also one that merely slipped out of a log. */
export function parseWorkflowCommands(stdout: string): readonly WorkflowCommand[] {
  return stdout.split(/\r?\n/).flatMap(line => {
    const match = /^\s*::([a-zA-Z-]+)(?: (.*?))?::(.*)$/s.exec(line);
    if (match === null) return [];
    const [, name = '', properties = '', data = ''] = match;
    const pairs = properties
      .split(',')
      .filter(part => part.includes('='))
      .map(part => {
        const at = part.indexOf('=');
        return [part.slice(0, at).trim(), unescapeProperty(part.slice(at + 1))] as const;
      });
    return [{ name, properties: Object.fromEntries(pairs), data: unescapeData(data) }];
  });
}
