import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gitEnvironment } from '../git/git-environment.ts';
import { runGit } from '../git/git-process.ts';
import { CONFIG_NAME } from '../shared/config-name.ts';
import { QuickServeError } from '../shared/errors.ts';
import { checkCommand } from './check-command.ts';
import type { CommandResult } from './command-result.ts';
import { listModels } from './registry/list.ts';
import type { Surroundings } from './surroundings.ts';

export interface DemoOptions {
  /** Time to measure one model; undefined: as `check` does it. */
  readonly budget?: string;
  readonly runtimePath?: string;
  readonly color: boolean;
}

/** The three models of the demo, and from which sample they come on main. */
const MODELS = { digits: 'digits', reader: 'digits', encoder: 'encoder' } as const;
/** What the branch makes of two of them. */
const CHANGES = { digits: 'digits-wide', reader: 'digits-renamed-input' } as const;

/** The demo is a laptop, also where it runs inside somebody's CI. */
const CI_VARIABLES =
  /^(?:CI$|CI_|GITHUB_|GITEA_|GITLAB_|JENKINS_|BUILD_|CHANGE_|BRANCH_|GIT_)|^TF_BUILD$|^TRAVIS|^CIRCLE|^BITBUCKET_|^DRONE|^BUILDKITE|^TEAMCITY_/;

const IDENTITY = {
  GIT_AUTHOR_NAME: 'Demo',
  GIT_AUTHOR_EMAIL: 'demo@example.invalid',
  GIT_COMMITTER_NAME: 'Demo',
  GIT_COMMITTER_EMAIL: 'demo@example.invalid',
};

/** One chapter of what is shown. */
interface Chapter {
  readonly title: string;
  readonly lines: readonly string[];
  readonly exitCode: CommandResult['exitCode'];
}

function laptop(env: Surroundings['env']): Surroundings['env'] {
  const kept = Object.entries(env).filter(([name]) => !CI_VARIABLES.test(name));
  return { ...Object.fromEntries(kept), GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
}

/** The folder of the sample models: beside dist/, in the npm package and in a clone. @throws QuickServeError FILE_UNREADABLE. */
function samplesOf(world: Surroundings): string {
  const found = world.packageFolders.map(folder => join(folder, '../fixtures/models')).find(existsSync);
  if (found !== undefined) return found;
  throw new QuickServeError({
    code: 'FILE_UNREADABLE',
    message: 'The sample models are not in this copy of QuickServeML.',
    hint: 'Run `npx quickserveml demo`, or clone the repository.',
  });
}

interface Scene {
  readonly folder: string;
  readonly clone: string;
  readonly samples: string;
  readonly world: Surroundings;
  git(...args: readonly string[]): Promise<string>;
}

async function setScene(world: Surroundings): Promise<Scene> {
  const samples = samplesOf(world);
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'quickserveml-demo-')));
  const clone = join(folder, 'team-models');
  await mkdir(clone);
  const env = laptop(world.env);
  const environment = gitEnvironment(env);
  return {
    folder,
    clone,
    samples,
    world: { ...world, env },
    async git(...args) {
      const { stdout } = await runGit({ args, cwd: clone, environment, variables: IDENTITY });
      return stdout.toString('utf8').trimEnd();
    },
  };
}

async function putModel({ clone, samples }: Scene, name: string, sample: string): Promise<void> {
  const target = join(clone, 'models', name);
  await mkdir(target, { recursive: true });
  for (const part of ['model.onnx', 'test_data_set_0']) {
    await cp(join(samples, sample, part), join(target, part), { recursive: true });
  }
}

async function repositoryChapter(scene: Scene): Promise<Chapter> {
  const { git, folder, clone } = scene;
  const remote = join(folder, 'remote.git');
  await git('init', '--quiet', '--bare', '--initial-branch=main', remote);
  await git('init', '--quiet', '--initial-branch=main');
  await git('remote', 'add', 'origin', remote);
  for (const [name, sample] of Object.entries(MODELS)) await putModel(scene, name, sample);
  const entries = Object.keys(MODELS).map(name => `  ${name}: { path: models/${name}/model.onnx }\n`);
  const configuration = `version: 1\nmodels:\n${entries.join('')}`;
  await writeFile(join(clone, CONFIG_NAME), configuration);
  await git('add', '.');
  await git('commit', '--quiet', '-m', 'Three models');
  await git('push', '--quiet', '-u', 'origin', 'main');
  const files = await git('ls-files', 'models');
  return {
    title: 'A repository with three models',
    lines: [files, '', configuration.trimEnd()],
    exitCode: 0,
  };
}

async function check(
  scene: Scene,
  options: DemoOptions,
  words: { readonly base?: string; readonly reportDir?: string; readonly record: 'always' | 'never' },
): Promise<Omit<Chapter, 'title'>> {
  const shown = [
    ...(words.base === undefined ? [] : ['--base', words.base]),
    ...(words.reportDir === undefined ? [] : ['--report-dir', words.reportDir]),
    '--record',
    words.record,
  ];
  const { text, exitCode } = await checkCommand({ ...options, ...words, cwd: scene.clone }, scene.world);
  return {
    lines: [`$ quickserveml check ${shown.join(' ')}`, text.trimEnd(), `(exit code ${exitCode})`],
    exitCode,
  };
}

async function changeChapter(scene: Scene, options: DemoOptions, reportDir: string): Promise<Chapter> {
  const { git } = scene;
  await git('checkout', '--quiet', '-b', 'wider');
  for (const [name, sample] of Object.entries(CHANGES)) await putModel(scene, name, sample);
  await git('add', '.');
  await git('commit', '--quiet', '-m', 'Wider digits, nicer input name');
  const outcome = await check(scene, options, { base: 'main', reportDir, record: 'never' });
  return { title: 'A branch makes digits wider and renames the input of reader', ...outcome };
}

async function registryChapter({ git, clone, world }: Scene): Promise<Chapter> {
  await git('fetch', '--quiet', 'origin', 'quickserveml:refs/remotes/origin/quickserveml');
  const log = await git('log', '--oneline', 'origin/quickserveml');
  const files = await git('ls-tree', '-r', '--name-only', 'origin/quickserveml');
  const { text } = await listModels({ cwd: clone, status: [], tag: [], where: [] }, world);
  return {
    title: 'The registry branch',
    lines: [log, files, '', '$ quickserveml registry list', text.trimEnd()],
    exitCode: 0,
  };
}

/**
 * `demo`: the whole job on real input, in a temporary folder that is kept so that its results can be opened: three models, a
 * branch that breaks a contract, the check, the comment, the report and the registry branch. Nothing of the caller's is read
 * but the environment.
 * @returns exit code 0 where the checks ended as they should (0 on main, 1 on the branch), else that of the check.
 * @throws QuickServeError as `check`, and FILE_UNREADABLE where this copy has no sample models.
 */
export async function demoCommand(options: DemoOptions, world: Surroundings): Promise<CommandResult> {
  const scene = await setScene(world);
  const reportDir = join(scene.folder, 'report');
  const chapters: Chapter[] = [];
  const finish = (exitCode: CommandResult['exitCode']): CommandResult => ({
    document: {
      folder: scene.folder,
      report: join(reportDir, 'report.html'),
      chapters: chapters.map(({ title, exitCode: code }) => ({ title, exitCode: code })),
    },
    text: [
      ...chapters.flatMap(({ title, lines }) => [`== ${title}`, ...lines, '']),
      `Report: ${join(reportDir, 'report.html')}`,
      `Everything is in ${scene.folder}, which may be deleted.`,
    ].join('\n'),
    exitCode,
  });
  const show = async (chapter: Promise<Chapter>): Promise<Chapter> => {
    const shown = await chapter;
    chapters.push(shown);
    return shown;
  };

  world.progress.step('demo: a repository with three models');
  await show(repositoryChapter(scene));
  world.progress.step('demo: a first record on main');
  const first = await show(
    check(scene, options, { record: 'always' }).then(outcome => ({
      title: 'On main: a first record, so that there are versions',
      ...outcome,
    })),
  );
  if (first.exitCode !== 0) return finish(first.exitCode);
  world.progress.step('demo: a branch that changes two models');
  const second = await show(changeChapter(scene, options, reportDir));
  if (second.exitCode === 0) throw new Error('the demo broke a contract, and the check let it pass');
  if (second.exitCode !== 1) return finish(second.exitCode);
  const comment = await readFile(join(reportDir, 'report.md'), 'utf8');
  chapters.push({
    title: 'The comment that the pull request would get',
    lines: [comment.trimEnd()],
    exitCode: 0,
  });
  await show(registryChapter(scene));
  return finish(0);
}
