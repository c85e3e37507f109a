/**
 * Writes what is generated from the sources: references in docs/, schemas/, and parts of pages between markers.
 * `--check` writes nothing, names the files that are stale and exits 1 where there is one.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { generatedFiles } from './docs/generated-files.ts';

const root = resolve(import.meta.dirname, '..');

function current(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

const stale = generatedFiles(root).filter(({ path, text }) => current(path) !== text);
if (!process.argv.includes('--check')) {
  for (const { path, text } of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    process.stdout.write(`${path} written\n`);
  }
} else if (stale.length > 0) {
  process.stderr.write(`stale (run npm run docs and commit): ${stale.map(({ path }) => path).join(', ')}\n`);
  process.exitCode = 1;
}
