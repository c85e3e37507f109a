// Runs a project command on a machine that may have nothing but Node 20 and git: installs the dependencies from the
// lock file first where they are missing or stale, then starts the command with the project's own Node 24.
// Plain JavaScript without imports from the project: it must run before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const stamp = join(root, 'node_modules/.quickserveml-set-up');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(`${process.platform} ${process.arch}`)
  .digest('hex');

function run(command, args, env) {
  const onWindows = process.platform === 'win32';
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', env, shell: onWindows });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  process.stderr.write('Setting up: npm ci\n');
  // The script of onnxruntime-node downloads GPU files from outside the registry; nothing here needs them.
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    ...process.env,
    ONNXRUNTIME_NODE_INSTALL: 'skip',
  });
  writeFileSync(stamp, wanted);
}

const [command, ...args] = process.argv.slice(2);
if (command !== undefined) {
  const bin = join(root, 'node_modules/.bin');
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
  run(join(bin, command), args, env);
}
