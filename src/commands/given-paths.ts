import { sep } from 'node:path';

/**
 * How messages name files: as the caller did, relative to the working folder. Where an argument names that folder itself,
 * paths stay absolute, since that is how they were given.
 * @param cwd absolute
 * @param args of the command line, without the value of --cwd
 */
export function namingAsGiven(cwd: string, args: readonly string[]): (text: string) => string {
  if (args.some(arg => arg.includes(cwd))) return text => text;
  return text =>
    text.replaceAll(`${cwd}${sep}`, (match, at: number) =>
      // The end of a longer path, such as one in a container, is another folder.
      /[\w./\\-]/.test(text[at - 1] ?? ' ') ? match : '',
    );
}
