import { resolve } from 'node:path';
import type { RecordMode } from '../config/config.ts';
import { visibleText } from '../report/escape.ts';
import { REPORT_FORMATS } from '../report/formats.ts';
import { readFormats, writeReportFiles } from './check/report-files.ts';
import type { CommandResult } from './command-result.ts';
import type { ContainerRegistryOptions } from './container-registries.ts';
import { readDuration } from './duration-option.ts';
import { watchPlanText } from './plan-text.ts';
import type { RegistryCommandOptions } from './registry/session.ts';
import type { Surroundings } from './surroundings.ts';
import type { Told } from './watch/tell-places.ts';
import { planWatch, runWatch, type WatchOptions } from './watch.ts';

/** The options of `quickserveml watch` as the argument parser gives them. */
export interface WatchArguments extends RegistryCommandOptions, ContainerRegistryOptions {
  readonly model?: readonly string[];
  readonly accept?: readonly string[];
  readonly record?: RecordMode;
  readonly budget?: string;
  readonly runtime?: string;
  readonly runtimePath?: string;
  readonly reportDir?: string;
  readonly reportFormat?: string;
  readonly color: boolean;
}

/** One line for the log. */
export function toldLine({ place, kind, outcome }: Pick<Told, 'place' | 'kind' | 'outcome'>): string {
  const what =
    outcome.kind === 'arrived'
      ? `arrived${outcome.detail === '' ? '' : ` (${outcome.detail})`}`
      : `did not arrive: ${outcome.reason}`;
  return visibleText(`${place} (${kind}): ${what}`);
}

/** `watch` on the command line and in the Action. */
export async function watchCommand(given: WatchArguments, world: Surroundings): Promise<CommandResult> {
  const options: WatchOptions = {
    ...given,
    models: given.model ?? [],
    accept: given.accept ?? [],
    record: given.record ?? null,
    budgetMs: given.budget === undefined ? null : readDuration('--budget', given.budget),
    runtimeVersion: given.runtime ?? null,
    runtimePath: given.runtimePath ?? null,
  };
  if (given.dryRun === true) {
    const plan = await planWatch(options, world);
    return { document: { plan }, text: watchPlanText(plan), exitCode: 0 };
  }
  const formats = readFormats(given.reportFormat ?? '');
  const { report, exitCode, told } = await runWatch(options, world);
  const format = { commentKey: 'watch', color: given.color, reportUrl: null };
  if (given.reportDir !== undefined) {
    const files = await writeReportFiles(report, resolve(given.cwd, given.reportDir), { ...format, formats });
    world.progress.step(`Report: ${files.html}`);
  }
  for (const each of told) world.progress.step(toldLine(each));
  return { document: report, text: REPORT_FORMATS.text.render(report, format), exitCode };
}
