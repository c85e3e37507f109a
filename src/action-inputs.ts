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

/** Lines of an input that has to be there. @throws QuickServeError USAGE. */
export function requiredLines(name: string): readonly [string, ...string[]] {
  const [first, ...others] = core.getMultilineInput(name);
  if (first !== undefined) return [first, ...others];
  throw new QuickServeError({
    code: 'USAGE',
    message: `The input "${name}" is missing.`,
    hint: `Add it under the \`with:\` of the step.`,
  });
}

/** Reads inputs so that a wrong one does not hide the others: it counts as not given until `requireRight` is asked. */
export interface InputReader {
  /** What `read` gives, or `otherwise` where it refuses. */
  readonly take: <T>(read: () => T, otherwise: T) => T;
  /** @throws QuickServeError what was refused; several as one of them, line by line. */
  readonly requireRight: () => void;
}

export function inputReader(): InputReader {
  const refused: QuickServeError[] = [];
  return {
    take: (read, otherwise) => {
      try {
        return read();
      } catch (thrown) {
        if (!(thrown instanceof QuickServeError)) throw thrown;
        refused.push(thrown);
        return otherwise;
      }
    },
    requireRight: () => {
      const [first, ...others] = refused;
      if (first === undefined) return;
      if (others.length === 0) throw first;
      const lines = refused.map(({ message, hint }) => `${message} ${hint}`);
      throw new QuickServeError({
        code: 'USAGE',
        message: `${refused.length} inputs of the action are wrong:\n${lines.join('\n')}`,
        hint: 'Mend them under the `with:` of the step.',
      });
    },
  };
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

/** What is wrong is left to the reader. */
export function readReviewInputs(world: Surroundings, { take }: InputReader): ReviewInputs {
  const workspace = workspaceOf(world);
  return {
    cwd: resolve(workspace, core.getInput('working-directory')),
    configPath: optional('config'),
    record: take(() => choice<RecordMode>('record', ['auto', 'always', 'never']), null),
    context: readCiContext(world.env),
    comment: take(() => choice('comment', ['true', 'false']), null),
    commentKey: optional('comment-key'),
    commentAuthor: core.getInput('comment-author'),
    checkRun: take(() => choice('check-run', ['true', 'false']), null) !== 'false',
    formats: take(() => readFormats(core.getInput('formats')), []),
    reportFolder: resolve(workspace, core.getInput('report-dir') || 'quickserveml-report'),
    token: optional('token'),
  };
}
