/**
 * Writes jenkins/ as a shared library that needs no network: `node scripts/export-jenkins.ts FOLDER`. Its resources hold the
 * command line (dist/), which the steps unpack with `cli: 'library'`. The folder must be empty or not exist.
 */
import { writeFolder } from './release/files.ts';
import { jenkinsLibrary } from './release/libraries.ts';

const [given] = process.argv.slice(2);
try {
  if (given === undefined) throw new Error('usage: node scripts/export-jenkins.ts FOLDER');
  const files = await jenkinsLibrary();
  writeFolder(given, files);
  const shown = files.map(({ path, bytes }) => `${path} (${(bytes.length / 1e6).toFixed(1)} MB)`);
  process.stdout.write(`${given}: ${shown.at(-1)} and ${files.length - 1} other files\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
