import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { commentSettingsOf } from '../../config/comment-settings.ts';
import type { CommentConfig } from '../../config/config.ts';
import { defaultConfig } from '../../config/parse.ts';
import { gitEnvironment } from '../../git/git-environment.ts';
import { openRepository } from '../../git/repository.ts';
import type { Report } from '../../report/report.ts';
import { CONFIG_NAME } from '../../shared/config-name.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { headShaOf, reportedChange } from '../reported-run.ts';
import type { Surroundings } from '../surroundings.ts';
import type { CheckOptions } from './check-options.ts';
import { findingOf } from './measured-model.ts';

/** A check that an error ended before it had a verdict, in the form of one that had. */
export interface StoppedCheck {
  readonly report: Report;
  /** 2: a mistake of usage, configuration or input; 3: infrastructure. */
  readonly exitCode: 2 | 3;
  readonly comment: CommentConfig;
}

/** What is known of a check or a merge before it has begun. */
export type StoppableOptions = Pick<CheckOptions, 'cwd' | 'configPath' | 'context' | 'registryBranch'>;

/** As far as it can be read: the error may be in this very file, or in the repository that it lies in. */
async function commentSettings(
  { cwd, configPath }: StoppableOptions,
  world: Surroundings,
): Promise<CommentConfig> {
  try {
    const path =
      configPath === null
        ? join((await openRepository(cwd, { environment: gitEnvironment(world.env) })).root, CONFIG_NAME)
        : resolve(cwd, configPath);
    return commentSettingsOf(await readFile(path, 'utf8'));
  } catch {
    return commentSettingsOf('');
  }
}

/**
 * The report of a check that could not be made, so that the pull request does not go on showing the verdict of an earlier
 * commit. Rethrows what is no QuickServeError.
 */
export async function stoppedCheck(
  thrown: unknown,
  options: StoppableOptions,
  world: Surroundings,
): Promise<StoppedCheck> {
  if (!(thrown instanceof QuickServeError)) throw thrown;
  const { context } = options;
  const headSha = headShaOf(context);
  return {
    exitCode: thrown.exitCode,
    comment: await commentSettings(options, world),
    report: {
      schemaVersion: 1,
      tool: { name: 'quickserveml', version: world.toolVersion },
      createdAt: new Date(world.now()).toISOString(),
      gate: 'no-verdict',
      base: null,
      head: headSha === null ? null : { sha: headSha, role: 'head' },
      change: reportedChange(context),
      models: [],
      findings: [findingOf(thrown)],
      environment: null,
      seed: 0,
      durationMs: 0,
      registry: {
        branch: options.registryBranch ?? defaultConfig().registry.branch,
        recording: 'skipped',
        reason: 'the check could not be made',
        entries: [],
      },
    },
  };
}
