import type { Command, Option } from 'commander';
import { markdownTable } from 'markdown-table';
import { cell, code } from './markdown.ts';

/** What every command takes; said once at the top instead of in every table. */
const COMMON = ['--json', '--quiet', '--no-color', '--cwd'];

const isCommon = ({ long }: Option): boolean => COMMON.includes(long ?? '');

/** Default of an option as it would be typed; nothing where there is none worth saying. */
function defaultOf({ defaultValue }: Option): string {
  const isSaid =
    (typeof defaultValue === 'string' && defaultValue !== '') || typeof defaultValue === 'number';
  return isSaid ? code(String(defaultValue)) : '';
}

function describeOption(option: Option): readonly string[] {
  const choices =
    option.argChoices === undefined ? '' : `; one of ${option.argChoices.map(name => code(name)).join(', ')}`;
  const needed = option.mandatory ? '; required' : '';
  return [code(option.flags), defaultOf(option), `${cell(option.description)}${choices}${needed}`];
}

function usageOf(command: Command, path: readonly string[]): string {
  const names = command.registeredArguments.map(argument => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [...path, command.name(), ...names].join(' ');
}

function sectionsOf(command: Command, path: readonly string[]): readonly string[] {
  if (command.commands.length > 0) {
    const inner = [...path, command.name()];
    return command.commands.flatMap(child => sectionsOf(child, inner));
  }
  const options = command.options.filter(option => !isCommon(option));
  return [
    `## ${[...path.slice(1), command.name()].join(' ')}`,
    '',
    `\`${usageOf(command, path)}\``,
    '',
    `${cell(command.description()).replace(/^./, first => first.toUpperCase())}.`,
    '',
    ...(options.length === 0
      ? []
      : [
          markdownTable([['option', 'default', ''], ...options.map(describeOption)], {
            alignDelimiters: false,
          }),
          '',
        ]),
  ];
}

/** docs/cli.md from the definitions of the commands. */
export function cliPage(program: Command): string {
  return [
    '# The command line',
    '',
    'Written from the definitions that the command line itself uses; `quickserveml COMMAND --help` says the same.',
    'Exit codes are in [errors.md](errors.md). Every command takes:',
    '',
    '- `--json`: exactly one JSON document on stdout, errors included; all else goes to stderr.',
    '- `--quiet`: no progress on stderr. `--no-color`: no colours (`NO_COLOR` does the same).',
    '- `--cwd <folder>`: work as if started there.',
    '',
    ...program.commands.flatMap(command => sectionsOf(command, [program.name()])),
  ].join('\n');
}
