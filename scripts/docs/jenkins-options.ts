import { markdownTable } from 'markdown-table';
import { cell } from './markdown.ts';

/** A step of the shared library: its code, and the help that Jenkins shows beside it. */
export interface JenkinsStep {
  readonly groovy: string;
  readonly help: string;
}

/** What `refuseUnknown` lets through for every step; listed in the code of quickservemlCli. */
function listAfter(groovy: string, start: RegExp): readonly string[] {
  const list = new RegExp(`${start.source}\\s*\\[([^\\]]*)\\]`).exec(groovy)?.[1];
  if (list === undefined) throw new Error(`the step has no list after ${start.source}`);
  return [...list.matchAll(/'(\w+)'/g)].map(([, name = '']) => name);
}

const withCode = (html: string): string =>
  cell(
    html
      .replaceAll(/<\/?code>/g, '`')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&'),
  );

/**
 * The table of a step's options, from its help text.
 * @param cli code of quickservemlCli, which names the options that every step has
 * @throws Error where the help and the code do not name the same options
 */
export function jenkinsOptions(step: JenkinsStep, cli: string): string {
  const entries = [...step.help.matchAll(/<dt>(.*?)<\/dt><dd>(.*?)<\/dd>/gs)].map(
    ([, names = '', text = '']) => ({ names: names.split(',').map(name => name.trim()), text }),
  );
  const documented = entries.flatMap(({ names }) => names).sort();
  const taken = [
    ...listAfter(step.groovy, /List<String> allowed =/),
    ...listAfter(cli, /List known = allowed \+/),
  ].sort();
  if (documented.join() !== taken.join()) {
    throw new Error(`the help names ${documented.join(', ')}; the step takes ${taken.join(', ')}`);
  }
  const rows = entries.map(({ names, text }) => [
    names.map(name => `\`${name}\``).join(', '),
    withCode(text),
  ]);
  return markdownTable([['option', ''], ...rows], { alignDelimiters: false });
}
