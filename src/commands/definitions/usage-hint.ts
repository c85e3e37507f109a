import type { Command } from 'commander';

const TWO_FILES =
  'Two files are compared by `quickserveml compare OLD NEW` (the whole verdict), `quickserveml benchmark NEW --against OLD` (speed) and `quickserveml inspect NEW --diff OLD` (content).';

/** What to do about arguments that the parser refused, by the command that they name. */
export function usageHint(program: Command, args: readonly string[], message: string): string {
  let command = program;
  const path = [program.name()];
  for (const arg of args) {
    const next = command.commands.find(each => each.name() === arg);
    if (next === undefined) break;
    command = next;
    path.push(arg);
  }
  const help = `\`${path.join(' ')} --help\``;
  if (command === program) {
    if (args.length === 0)
      return `${help} lists the commands. \`quickserveml check\` checks the models of this repository, \`quickserveml demo\` shows how.`;
    return `${help} lists the commands and their options.`;
  }
  const lists = `Usage: ${path.join(' ')} ${command.usage()}\n${help} lists its arguments and options.`;
  if (!message.startsWith('too many arguments')) return lists;
  if (path[1] === 'check')
    return `It finds the models of the repository itself; --model chooses one. ${TWO_FILES}`;
  return path[1] === 'benchmark' || path[1] === 'inspect' ? TWO_FILES : lists;
}
