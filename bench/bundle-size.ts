import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { gzipSync } from 'node:zlib';
import { builtCli, projectRoot } from './process-sample.ts';
import { against, megabytes, table } from './table.ts';

const GOAL_BYTES = 2.5e6;
const ENTRIES = ['cli.js', 'action.js', 'worker.js'];

/** A bundle and the chunks that it imports statically: what is read before its first line runs. */
function loadedWith(folder: string, name: string, seen: Set<string> = new Set()): ReadonlySet<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  const text = readFileSync(join(folder, name), 'utf8');
  for (const [, target] of text.matchAll(/\b(?:from|import)\s*["'](\.{1,2}\/[^"']+)["']/g)) {
    if (target !== undefined) loadedWith(folder, posix.join(posix.dirname(name), target), seen);
  }
  return seen;
}

/** Size of the entry bundles in dist/, alone, with what they always load, and everything. */
export async function bundleSize(): Promise<string> {
  builtCli();
  const folder = join(projectRoot, 'dist');
  const row = (title: string, names: readonly string[], goal: boolean): readonly string[] => {
    const bytes = Buffer.concat(names.map(name => readFileSync(join(folder, name))));
    const { length } = bytes;
    const verdict = goal ? against(length, GOAL_BYTES, megabytes(GOAL_BYTES)) : '';
    return [title, String(names.length), megabytes(length), megabytes(gzipSync(bytes).length), verdict];
  };
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.js'));
  return table(
    ['bundle', 'files', 'size', 'gzip', 'goal'],
    [
      ...ENTRIES.flatMap(name => [
        row(`dist/${name}`, [name], true),
        row(`dist/${name} with what it always loads`, [...loadedWith(folder, name)], true),
      ]),
      row('all of dist/', all, false),
    ],
  );
}
