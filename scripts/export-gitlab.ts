/**
 * Writes gitlab/ as a repository of CI/CD components: `node scripts/export-gitlab.ts FOLDER`. GitLab takes components from
 * the folder templates/ of a project's root only. The folder must be empty or not exist; committing, tagging and
 * pushing it is the release's.
 */
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const [given] = process.argv.slice(2);
if (given === undefined) {
  process.stderr.write('usage: node scripts/export-gitlab.ts FOLDER\n');
  process.exitCode = 2;
} else if (existsSync(given) && readdirSync(given).length > 0) {
  process.stderr.write(`${given} is not empty\n`);
  process.exitCode = 2;
} else {
  mkdirSync(given, { recursive: true });
  cpSync(join(root, 'gitlab/templates'), join(given, 'templates'), { recursive: true });
  // A component project needs a README, and its licence has to go with it.
  cpSync(join(root, 'docs/gitlab.md'), join(given, 'README.md'));
  cpSync(join(root, 'LICENSE'), join(given, 'LICENSE'));
  process.stdout.write(`${given}: templates/${readdirSync(join(given, 'templates')).join(', templates/')}\n`);
}
