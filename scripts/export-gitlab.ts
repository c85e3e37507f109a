/**
 * Writes gitlab/ as a repository of CI/CD components: `node scripts/export-gitlab.ts FOLDER`. The folder must be empty or not
 * exist; committing, tagging and pushing it is the release's.
 */
import { writeFolder } from './release/files.ts';
import { gitLabProject } from './release/libraries.ts';

const [given] = process.argv.slice(2);
try {
  if (given === undefined) throw new Error('usage: node scripts/export-gitlab.ts FOLDER');
  const files = gitLabProject();
  writeFolder(given, files);
  process.stdout.write(`${given}: ${files.map(({ path }) => path).join(', ')}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
