/** `npm run demo`: the command `demo` of the built command line. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const cli = resolve(import.meta.dirname, '../dist/cli.js');
const { status } = spawnSync(process.execPath, [cli, 'demo', ...process.argv.slice(2)], { stdio: 'inherit' });
process.exitCode = status ?? 1;
