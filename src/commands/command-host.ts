import { type Command, CommanderError } from 'commander';
import type { CommandResult } from './command-result.ts';
import type { Surroundings } from './surroundings.ts';

/** The options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color: boolean;
  readonly cwd: string;
}

/** What a front door lends to the definitions of its commands. */
export interface CommandHost {
  /** Adds the options that every command has. */
  readonly common: (command: Command) => Command;
  /** Runs a command and prints its result, or what it threw. */
  readonly run: (
    options: CommonOptions,
    command: (world: Surroundings, cwd: string) => Promise<CommandResult>,
  ) => Promise<void>;
  readonly usesColor: (options: CommonOptions) => boolean;
}

/** For an option that may be repeated. */
export const collect = (value: string, previous: readonly string[] = []): readonly string[] => [
  ...previous,
  value,
];

/** For an option that counts something. */
export function positiveInteger(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) {
    throw new CommanderError(2, 'quickserveml.usage', `"${value}" is not a whole number of at least 1`);
  }
  return number;
}
