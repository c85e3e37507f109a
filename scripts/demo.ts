/**
 * The main job on real input: a temporary repository with three models, a branch that makes one slower and breaks the
 * contract of another, the whole check through the built command line, the comment, the HTML report and the registry
 * branch. Everything happens in a temporary folder that is kept, so that its results can be opened.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const cli = join(root, 'dist/cli.js');
const fixture = (name: string): string => join(root, 'fixtures/models', name);
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'quickserveml-demo-')));
const remote = join(scratch, 'remote.git');
const clone = join(scratch, 'team-models');
const reportFolder = join(scratch, 'report');

const gitEnv = {
  ...process.env,
  GIT_AUTHOR_NAME: 'Demo',
  GIT_AUTHOR_EMAIL: 'demo@example.invalid',
  GIT_COMMITTER_NAME: 'Demo',
  GIT_COMMITTER_EMAIL: 'demo@example.invalid',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
};

function git(...args: readonly string[]): string {
  return execFileSync('git', args, {
    cwd: clone,
    env: gitEnv,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function say(title: string): void {
  process.stdout.write(`\n\u001b[1m== ${title}\u001b[0m\n`);
}

function quickserveml(args: readonly string[], expected: readonly number[]): void {
  process.stdout.write(`$ quickserveml ${args.join(' ')}\n`);
  // The demo is a laptop, also where it runs inside somebody's CI.
  const {
    CI: _ci,
    GITHUB_ACTIONS: _github,
    GITLAB_CI: _gitlab,
    JENKINS_URL: _jenkins,
    ...env
  } = gitEnv as NodeJS.ProcessEnv;
  const { status } = spawnSync(process.execPath, [cli, ...args], { cwd: clone, env, stdio: 'inherit' });
  if (status === null || !expected.includes(status)) {
    throw new Error(`quickserveml ended with ${status}, expected ${expected.join(' or ')}`);
  }
  process.stdout.write(`(exit code ${status})\n`);
}

function putModel(name: string, source: string): void {
  const folder = join(clone, 'models', name);
  mkdirSync(folder, { recursive: true });
  cpSync(join(fixture(source), 'model.onnx'), join(folder, 'model.onnx'));
  cpSync(join(fixture(source), 'test_data_set_0'), join(folder, 'test_data_set_0'), { recursive: true });
}

const startedMs = performance.now();

say('A repository with three models');
execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', remote], { env: gitEnv });
execFileSync('git', ['clone', '--quiet', remote, clone], { env: gitEnv, stdio: 'ignore' });
git('checkout', '--quiet', '-B', 'main');
putModel('digits', 'digits');
putModel('reader', 'digits');
putModel('encoder', 'encoder');
writeFileSync(
  join(clone, 'quickserveml.yml'),
  `version: 1
models:
${['digits', 'reader', 'encoder'].map(name => `  ${name}: { path: models/${name}/model.onnx }`).join('\n')}
`,
);
git('add', '.');
git('commit', '--quiet', '-m', 'Three models');
git('push', '--quiet', '-u', 'origin', 'main');
process.stdout.write(
  `${git('ls-files', '*.onnx')}\n${readFileSync(join(clone, 'quickserveml.yml'), 'utf8')}`,
);

say('On main: a first record, so that there are versions');
quickserveml(['check', '--record', 'always', '--quiet'], [0]);

say('A branch makes digits wider and renames the input of reader');
git('checkout', '--quiet', '-b', 'wider');
putModel('digits', 'digits-wide');
putModel('reader', 'digits-renamed-input');
git('add', '.');
git('commit', '--quiet', '-m', 'Wider digits, nicer input name');
quickserveml(['check', '--base', 'main', '--report-dir', reportFolder, '--record', 'never'], [1]);

say('The comment that the pull request would get');
process.stdout.write(readFileSync(join(reportFolder, 'report.md'), 'utf8'));

say('The registry branch');
git('fetch', '--quiet', 'origin', 'quickserveml:refs/remotes/origin/quickserveml');
process.stdout.write(git('log', '--oneline', 'origin/quickserveml'));
process.stdout.write(git('ls-tree', '-r', '--name-only', 'origin/quickserveml'));
quickserveml(['registry', 'list', '--quiet'], [0]);

const html = join(reportFolder, 'report.html');
writeFileSync(join(scratch, 'README.txt'), 'Made by `npm run demo`. Safe to delete.\n');
process.stdout.write(
  `\nReport: ${html}\nDone in ${((performance.now() - startedMs) / 1000).toFixed(0)} s.\n`,
);
