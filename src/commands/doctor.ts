import type { Config } from '../config/config.ts';
import { defaultConfig } from '../config/parse.ts';
import { gitEnvironment } from '../git/git-environment.ts';
import { openRepository, type Repository } from '../git/repository.ts';
import { workTreeFiles } from '../git/work-tree.ts';
import { readCiContext } from '../platforms/detect.ts';
import { maskSecrets } from '../shared/secrets.ts';
import { terminalLines, terminalSafe } from '../shared/terminal-text.ts';
import type { CommandResult } from './command-result.ts';
import { loadConfig } from './config-file.ts';
import type { ContainerRegistryOptions } from './container-registries.ts';
import { imageLines } from './doctor/images.ts';
import { AREAS, type DoctorLine, exitCodeOf, linesOf, ok, problemOf } from './doctor/line.ts';
import { machineLines, networkLines } from './doctor/machine.ts';
import { platformLines } from './doctor/platform.ts';
import { registryLines } from './doctor/registry.ts';
import { findModels, lfsLines, repositoryLines } from './doctor/repository.ts';
import { runtimeLines } from './doctor/runtime.ts';
import { runtimeOptions } from './runtime-source.ts';
import type { Surroundings } from './surroundings.ts';

export interface DoctorOptions extends ContainerRegistryOptions {
  readonly config?: string;
  readonly commentAuthor?: string;
  readonly runtimePath?: string;
}

/** A step of which others depend: its value, or the line that says why there is none. */
type Step<T> = { readonly value: T } | { readonly failure: DoctorLine };

async function attempt<T>(area: DoctorLine['area'], step: () => Promise<T>): Promise<Step<T>> {
  try {
    return { value: await step() };
  } catch (thrown) {
    return { failure: problemOf(area, thrown) };
  }
}

async function configurationStep(
  repository: Repository,
  options: DoctorOptions,
): Promise<{ readonly config: Config; readonly line: DoctorLine }> {
  const step = await attempt('configuration', () =>
    loadConfig(repository.root, options.cwd, options.config ?? null),
  );
  if ('failure' in step) return { config: defaultConfig(), line: step.failure };
  const { source } = step.value;
  return {
    config: step.value,
    line: ok(
      'configuration',
      source === null ? 'No quickserveml.yml: the defaults hold' : `${source} is valid`,
    ),
  };
}

/** All that needs the clone. */
async function cloneLines(
  repository: Repository,
  options: DoctorOptions,
  world: Surroundings,
): Promise<readonly DoctorLine[]> {
  const { config, line } = await configurationStep(repository, options);
  const lines: DoctorLine[] = [...repositoryLines(repository), line];
  const step = async (
    area: DoctorLine['area'],
    find: () => Promise<readonly DoctorLine[]>,
  ): Promise<void> => {
    world.progress.update(`looking at: ${area}`);
    lines.push(...(await linesOf(area, find)));
  };
  const found = await attempt('models', async () =>
    findModels(config, repository, new Set((await workTreeFiles(repository)).keys())),
  );
  if ('failure' in found) lines.push(found.failure);
  else {
    lines.push(...found.value.lines);
    await step('lfs', () => lfsLines(repository, found.value, world));
  }
  const runtime = runtimeOptions(
    {
      runtimePath: options.runtimePath,
      version: config.runtime.version,
      cwd: options.cwd,
    },
    world,
  );
  const context = readCiContext(world.env);
  const models = 'failure' in found ? [] : found.value.models;
  await step('runtime', () => runtimeLines(runtime, config.runtime, world));
  await step('registry', () => registryLines(config, context, repository, world));
  await step('platform', () => platformLines(config, context, options.commentAuthor ?? null, world));
  await step('images', () => imageLines(config, models, options, world));
  return lines;
}

/** Values of the environment that must show nowhere, whatever a server or a tool quotes. */
function secretsIn(env: Surroundings['env']): readonly string[] {
  return Object.entries(env).flatMap(([name, value = '']) =>
    /TOKEN|PASSWORD|PASSWD|SECRET|(?:^|_)KEY$|CREDENTIAL/i.test(name) && value.length >= 6 ? [value] : [],
  );
}

const INDENT = ' '.repeat(11);
const MARKS = { ok: 'ok', warning: 'warning', problem: 'problem' } as const;

function describe(lines: readonly DoctorLine[]): string {
  const blocks = AREAS.flatMap(area => {
    const own = lines.filter(line => line.area === area);
    if (own.length === 0) return [];
    return [
      area,
      ...own.flatMap(({ state, message, hint }) => [
        `  ${MARKS[state].padEnd(8)} ${terminalLines(message, INDENT)}`,
        ...(hint === null ? [] : [`${INDENT}→ ${terminalSafe(hint)}`]),
      ]),
    ];
  });
  const count = (state: DoctorLine['state']): number => lines.filter(line => line.state === state).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  const words = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
  const end =
    problems + warnings === 0
      ? 'Everything is in place.'
      : `${words(problems, 'problem')}, ${words(warnings, 'warning')}.`;
  return [...blocks, '', end].join('\n');
}

/**
 * `doctor`: what a check needs on this machine, and whether it is there. Nothing is changed, here or on a server; nothing
 * secret is shown. Exits with 2 where something here is to be mended, 3 where only others stand in the way.
 */
export async function doctorCommand(options: DoctorOptions, world: Surroundings): Promise<CommandResult> {
  const environment = gitEnvironment(world.env);
  const lines: DoctorLine[] = [
    ...(await machineLines(options.cwd, environment, world)),
    ...(await networkLines(world.env)),
  ];
  const repository = await attempt('repository', () => openRepository(options.cwd, { environment }));
  if ('failure' in repository) {
    // Without git it is said once.
    if (!lines.some(({ code }) => code === 'GIT_NOT_FOUND')) lines.push(repository.failure);
  } else {
    lines.push(...(await cloneLines(repository.value, options, world)));
  }
  const secrets = [
    ...secretsIn(world.env),
    ...('failure' in repository ? [] : (repository.value.remote?.credentials.secrets ?? [])),
  ];
  const shown = lines.map(line => ({
    ...line,
    message: maskSecrets(line.message, secrets),
    hint: line.hint === null ? null : maskSecrets(line.hint, secrets),
  }));
  return {
    document: { checks: [...shown].sort((a, b) => AREAS.indexOf(a.area) - AREAS.indexOf(b.area)) },
    text: describe(shown),
    exitCode: exitCodeOf(shown),
  };
}
