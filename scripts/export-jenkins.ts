/**
 * Writes jenkins/ as a shared library that needs no network: `node scripts/export-jenkins.ts FOLDER`. Its resources hold the
 * command line (dist/), which the steps unpack with `cli: 'library'`. The folder must be empty or not exist.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const [given] = process.argv.slice(2);
if (given === undefined) {
  process.stderr.write('usage: node scripts/export-jenkins.ts FOLDER\n');
  process.exitCode = 2;
} else if (existsSync(given) && readdirSync(given).length > 0) {
  process.stderr.write(`${given} is not empty\n`);
  process.exitCode = 2;
} else {
  const resources = join(given, 'resources/quickserveml');
  mkdirSync(resources, { recursive: true });
  cpSync(join(root, 'jenkins/vars'), join(given, 'vars'), { recursive: true });
  cpSync(join(root, 'LICENSE'), join(given, 'LICENSE'));
  const archive = resolve(resources, 'cli.tgz');
  // package.json says that dist/*.js are modules.
  execFileSync('tar', ['-czf', archive, '-C', root, 'dist', 'package.json', 'LICENSE']);
  process.stdout.write(
    `${given}: vars/, resources/quickserveml/cli.tgz (${(statSync(archive).size / 1e6).toFixed(1)} MB)\n`,
  );
}
