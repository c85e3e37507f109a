import { resolve } from 'node:path';
import * as core from '@actions/core';
import { readFormats } from './commands/check/report-files.ts';
import type { Surroundings } from './commands/surroundings.ts';
import type { RecordMode } from './config/config.ts';
import type { CiContext } from './platforms/context.ts';
import { readCiContext } from './platforms/detect.ts';
import type { ReportFormatName } from './report/formats.ts';
import { QuickServeError } from './shared/errors.ts';

/** An input, or null where it is empty. */
export const optional = (name: string): string | null => core.getInput(name) || null;

/** An input with few possible values, or null where it is empty. @throws QuickServeError USAGE. */
export function choice<T extends string>(name: string, allowed: readonly T[]): T | null {
  const given = optional(name);
  if (given === null) return null;
  const found = allowed.find(value => value === given);
  if (found !== undefined) return found;
  throw new QuickServeError({
    code: 'USAGE',
    message: `The input "${name}" is "${given}".`,
    hint: `It may be ${allowed.join(', ')}.`,
  });
}

/** Absolute path of the job's workspace. */
export const workspaceOf = ({ env }: Surroundings): string => resolve(env['GITHUB_WORKSPACE'] ?? '.');

/** What a check and a merge have in common: where they work, and how the verdict is shown. */
export interface ReviewInputs {
  readonly cwd: string;
  readonly configPath: string | null;
  readonly record: RecordMode | null;
  readonly context: CiContext;
  /** null: what the configuration says. */
  readonly comment: 'true' | 'false' | null;
  readonly commentKey: string | null;
  readonly commentAuthor: string;
  readonly checkRun: boolean;
  /** Beside the four that are always written. */
  readonly formats: readonly ReportFormatName[];
  readonly reportFolder: string;
  readonly token: string | null;
}

/** @throws QuickServeError USAGE. */
export function readReviewInputs(world: Surroundings): ReviewInputs {
  const workspace = workspaceOf(world);
  return {
    cwd: resolve(workspace, core.getInput('working-directory')),
    configPath: optional('config'),
    record: choice<RecordMode>('record', ['auto', 'always', 'never']),
    context: readCiContext(world.env),
    comment: choice('comment', ['true', 'false']),
    commentKey: optional('comment-key'),
    commentAuthor: core.getInput('comment-author'),
    checkRun: choice('check-run', ['true', 'false']) !== 'false',
    formats: readFormats(core.getInput('formats')),
    reportFolder: resolve(workspace, core.getInput('report-dir') || 'quickserveml-report'),
    token: optional('token'),
  };
}
