import { Command } from 'commander';
import { toolVersion } from '../../shared/tool-version.ts';
import type { CommandHost } from '../command-host.ts';
import { declareBatch, declareKey } from './batch.ts';
import { declareDelivery } from './delivery.ts';
import { declareImages } from './images.ts';
import { declareModels } from './models.ts';
import { declareRegistry } from './registry.ts';
import { declareReview } from './review.ts';
import { declareRuntime } from './runtime.ts';
import { declareServing } from './serving.ts';
import { declareStart } from './start.ts';
import { declareTests } from './tests.ts';
import { declareWatching } from './watching.ts';

/** The command line as a value: what the front door parses with, and what docs/cli.md is written from. */
export function createProgram(door: Pick<CommandHost, 'run' | 'usesColor'>): Command {
  const program = new Command('quickserveml')
    .description('CI/CD for ONNX models: a change to a model, as reviewable and as safe as a change to code.')
    .version(toolVersion)
    .showSuggestionAfterError(true)
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();

  const common = (command: Command): Command =>
    command
      .option('--json', 'print exactly one JSON document on stdout')
      .option('--quiet', 'no progress on stderr')
      .option('--no-color', 'no colours')
      .option('--cwd <folder>', 'work as if started there', '.');

  for (const declare of [
    declareReview,
    declareModels,
    declareTests,
    declareBatch,
    declareServing,
    declareKey,
    declareRegistry,
    declareImages,
    declareDelivery,
    declareRuntime,
    declareStart,
    declareWatching,
  ]) {
    declare(program, { ...door, common });
  }
  return program;
}
