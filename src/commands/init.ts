import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { resolveModels } from '../config/discovery.ts';
import { defaultConfig } from '../config/parse.ts';
import { gitEnvironment } from '../git/git-environment.ts';
import { openRepository, type Repository, readGit } from '../git/repository.ts';
import { workTreeFiles } from '../git/work-tree.ts';
import { CONFIG_NAME } from '../shared/config-name.ts';
import { QuickServeError } from '../shared/errors.ts';
import { terminalSafe } from '../shared/terminal-text.ts';
import type { CommandResult } from './command-result.ts';
import { detectPlatform, type InitPlatform, planCiFile } from './init/ci-files.ts';
import { configurationText, type FoundModel, findModel } from './init/model-files.ts';
import type { Surroundings } from './surroundings.ts';
import { replaceTextFile } from './text-file.ts';

export interface InitOptions {
  readonly cwd: string;
  /** Undefined: what the repository shows. */
  readonly ci?: InitPlatform;
  /** Write the files; without it they are only shown. */
  readonly yes?: boolean;
}

/** One file of the plan. */
type PlannedFile =
  | { readonly kind: 'new' | 'changed'; readonly path: string; readonly text: string }
  /** Is there already, with something else in it: left alone. */
  | { readonly kind: 'kept'; readonly path: string; readonly reason: string }
  /** Cannot be changed by a tool. */
  | { readonly kind: 'by-hand'; readonly path: string; readonly lines: string };

interface InitPlan {
  readonly platform: InitPlatform;
  readonly files: readonly PlannedFile[];
  readonly next: readonly string[];
}

const NEXT: Readonly<Record<InitPlatform, readonly string[]>> = {
  github: ['Commit the files on a branch and open a pull request. The job token is enough.'],
  gitlab: [
    'Commit the files on a branch and open a merge request.',
    'For the note: a project access token (role Reporter, scope api) as the masked variable GITLAB_TOKEN.',
  ],
  jenkins: [
    'Add the shared library "quickserveml" to Jenkins, and a credential "api-token" (docs/jenkins.md).',
    'Put the login of that token into commentAuthor, commit, and open a pull request.',
  ],
};

/**
 * `init`: what brings the check into a repository. Shows every file; writes with `--yes`. A file that is there already is
 * never overwritten, so that running it again changes nothing.
 * @throws QuickServeError USAGE where no CI can be recognised, NO_MODELS, GIT_*, OUTPUT_UNWRITABLE.
 */
export async function initCommand(options: InitOptions, world: Surroundings): Promise<CommandResult> {
  const repository = await openRepository(options.cwd, { environment: gitEnvironment(world.env) });
  const files = [...(await workTreeFiles(repository)).keys()];
  const read = (path: string): string | null => {
    try {
      return readFileSync(join(repository.root, path), 'utf8');
    } catch {
      return null;
    }
  };
  const platform = options.ci ?? detectPlatform(files, repository.remote?.url ?? null);
  if (platform === null) {
    throw new QuickServeError({
      code: 'USAGE',
      message: 'Neither the files of the repository nor its remote say which CI it has.',
      hint: 'Name it: --ci github, --ci gitlab or --ci jenkins.',
    });
  }
  const models = resolveModels(defaultConfig(), files).map(model => findModel(repository.root, model));
  if (models.length === 0) {
    throw new QuickServeError({
      code: 'NO_MODELS',
      message: 'The repository has no .onnx file.',
      hint: 'Add a model, or run this in the repository that has them.',
    });
  }
  const plan: InitPlan = {
    platform,
    files: [
      ...plannedCi(platform, await defaultBranchOf(repository), read),
      ...plannedModelFiles(models, read),
    ],
    next: NEXT[platform],
  };
  const written = options.yes === true ? await write(repository.root, plan) : [];
  return {
    document: { ...plan, written },
    text: describe(plan, options.yes === true),
    exitCode: 0,
  };
}

/** What the remote calls its default branch, else the current one. */
async function defaultBranchOf(repository: Repository): Promise<string> {
  const { stdout } = await readGit(
    repository,
    ['symbolic-ref', '--quiet', '--short', 'refs/remotes/origin/HEAD'],
    { accept: [0, 1] },
  );
  const remote = stdout
    .toString('utf8')
    .trim()
    .replace(/^origin\//u, '');
  return remote === '' ? (repository.branch ?? 'main') : remote;
}

function plannedCi(
  platform: InitPlatform,
  defaultBranch: string,
  read: (path: string) => string | null,
): readonly PlannedFile[] {
  const usesLfs = /filter=lfs/u.test(read('.gitattributes') ?? '');
  const file = planCiFile({ platform, defaultBranch, usesLfs, read });
  if (file === null) return [];
  const { path, text, lines } = file;
  if (text === null) return [{ kind: 'by-hand', path, lines }];
  return [{ kind: read(path) === null ? 'new' : 'changed', path, text }];
}

function plannedModelFiles(
  models: readonly FoundModel[],
  read: (path: string) => string | null,
): readonly PlannedFile[] {
  const once = (path: string, text: string): PlannedFile => {
    const existing = read(path);
    return existing === null
      ? { kind: 'new', path, text }
      : {
          kind: 'kept',
          path,
          reason: existing === text ? 'is there already' : 'is there, with your own content',
        };
  };
  return [
    once(CONFIG_NAME, configurationText(models)),
    ...models.map(({ contractPath, contract, path }) =>
      contract.kind === 'text'
        ? once(contractPath, contract.text)
        : ({
            kind: 'kept',
            path: contractPath,
            reason: `is not written: ${path}: ${contract.reason}`,
          } as const),
    ),
  ];
}

async function write(root: string, plan: InitPlan): Promise<readonly string[]> {
  const written: string[] = [];
  for (const file of plan.files) {
    if (file.kind !== 'new' && file.kind !== 'changed') continue;
    const path = join(root, file.path);
    await mkdir(dirname(path), { recursive: true });
    await replaceTextFile(path, file.text);
    written.push(file.path);
  }
  return written;
}

const LONGEST_SHOWN_LINES = 60;

function shown(text: string): readonly string[] {
  const lines = text.trimEnd().split('\n');
  const rest = lines.length - LONGEST_SHOWN_LINES;
  return [
    ...lines.slice(0, LONGEST_SHOWN_LINES).map(line => `    ${terminalSafe(line)}`),
    ...(rest > 0 ? [`    … ${rest} more lines`] : []),
  ];
}

function described(file: PlannedFile, isWritten: boolean): readonly string[] {
  const path = terminalSafe(file.path);
  switch (file.kind) {
    case 'new':
      return [`${isWritten ? 'Written' : 'New'}: ${path}`, ...shown(file.text), ''];
    case 'changed':
      return [`${isWritten ? 'Written' : 'Changed'}: ${path}`, ...shown(file.text), ''];
    case 'kept':
      return [`Left alone: ${path} ${terminalSafe(file.reason)}`];
    case 'by-hand':
      return [`By hand: add to ${path}`, ...shown(file.lines), ''];
  }
}

function describe({ platform, files, next }: InitPlan, isWritten: boolean): string {
  const blocks = files.flatMap(file => described(file, isWritten));
  const isOpen = !isWritten && files.some(({ kind }) => kind === 'new' || kind === 'changed');
  const last = isOpen ? ['Nothing is written yet: run it again with --yes.', ...next] : next;
  return [`QuickServeML for ${platform}`, '', ...blocks, '', ...last].join('\n');
}
