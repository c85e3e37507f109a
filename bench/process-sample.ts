import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const projectRoot = resolve(import.meta.dirname, '..');
const preload = import.meta.resolve('./peak-memory.mjs');

/** The built command line. Throws where it has not been built. */
export function builtCli(): string {
  const path = join(projectRoot, 'dist/cli.js');
  if (!existsSync(path)) throw new Error('dist/cli.js is missing: npm run build');
  return path;
}

export interface ProcessSample {
  readonly wallMs: number;
  /** null where it was not asked for. */
  readonly peakRssBytes: number | null;
  readonly stdout: string;
}

/**
 * Runs this Node with the arguments and takes its time from spawn to exit; with `memory`, its peak resident size too
 * (by a preload, which costs a few milliseconds). Throws where it does not end with `exit`.
 */
export async function sampleNode(
  args: readonly string[],
  {
    cwd = projectRoot,
    memory = false,
    exit = 0,
  }: { readonly cwd?: string; readonly memory?: boolean; readonly exit?: number } = {},
): Promise<ProcessSample> {
  const nodeArgs = memory ? ['--import', preload, ...args] : [...args];
  const startMs = performance.now();
  const child = spawn(process.execPath, nodeArgs, { cwd, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const texts = [1, 2, 3].map(descriptor => {
    const chunks: Buffer[] = [];
    child.stdio[descriptor]?.on('data', (chunk: Buffer) => chunks.push(chunk));
    return () => Buffer.concat(chunks).toString();
  });
  const [stdout, stderr, peak] = texts as [() => string, () => string, () => string];
  return new Promise((done, fail) => {
    let wallMs = 0;
    child.once('error', fail);
    child.once('exit', () => {
      wallMs = performance.now() - startMs;
    });
    child.once('close', code => {
      if (code !== exit) fail(new Error(`node ${args.join(' ')} ended with ${code}: ${stderr()}${stdout()}`));
      else done({ wallMs, peakRssBytes: memory ? Number(peak()) : null, stdout: stdout() });
    });
  });
}
