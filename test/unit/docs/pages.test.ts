import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createProgram } from '../../../src/commands/definitions/program.ts';
import {
  anchorsOf,
  localLinks,
  markdownPages,
  readMarkdown,
  readPage,
  type ShownCommand,
  shellWords,
  shownCommands,
} from '../../support/markdown-pages.ts';
import { projectRoot } from '../../support/requirements.ts';

const pages = markdownPages();

test('the decision on dependencies names each that package.json has, and no other', () => {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readPage('package.json')) as {
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
  };
  const firstCells = [...readPage('docs/decisions/0002-dependencies.md').matchAll(/^\| (`[^|]+) \|/gm)].map(
    ([, cell]) => cell!,
  );
  const documented = firstCells.flatMap(cell => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
  expect(documented.sort()).toEqual([...Object.keys(dependencies), ...Object.keys(devDependencies)].sort());
});

describe('links', () => {
  /** Why a link leads nowhere; null where it is fine. */
  function complaint(page: string, link: string): string | null {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? join(projectRoot, page) : join(projectRoot, dirname(page), decodeURI(path));
    if (relative(projectRoot, target).startsWith('..')) return `${link}: outside the project`;
    if (!existsSync(target)) return `${link}: no such file`;
    if (anchor === undefined || !target.endsWith('.md') || statSync(target).isDirectory()) return null;
    return anchorsOf(readFileSync(target, 'utf8')).has(anchor) ? null : `${link}: no such heading`;
  }

  test.each(pages)('of %s lead to a file, and to a heading of it', page => {
    const complaints = localLinks(readPage(page)).map(link => complaint(page, link));
    expect(complaints.filter(each => each !== null)).toEqual([]);
  });

  test('that lead nowhere are found', () => {
    const links = localLinks(
      '[a](nowhere.md) [b](README.md#what-it-promises) <img src="docs/no.png"> `[c](d.md)`',
    );
    expect(links.map(link => complaint('README.md', link))).toEqual([
      'nowhere.md: no such file',
      null,
      'docs/no.png: no such file',
    ]);
    expect(complaint('docs/serving.md', 'errors.md#no-such-heading')).toBe(
      'errors.md#no-such-heading: no such heading',
    );
  });

  test('every page of docs/ is reached from its index', () => {
    const linked = new Set(
      localLinks(readPage('docs/README.md')).map(link => join('docs', link.split('#')[0]!)),
    );
    const apart = pages.filter(page => page.startsWith('docs/') && page !== 'docs/README.md');
    expect(apart.filter(page => !linked.has(page))).toEqual([]);
  });
});

describe('commands', () => {
  /** Values that stand for something of the reader's own. */
  const PLACEHOLDERS: Readonly<Record<string, string>> = {
    N: '1',
    'I/N': '1/2',
    DURATION: '30s',
    PORT: '8000',
  };

  /** What is no mistake where a sentence mentions a command: something left out, or a word that stands for a value. */
  const PARTIAL = [
    'commander.missingArgument',
    'commander.missingMandatoryOptionValue',
    'commander.optionMissingArgument',
    'commander.invalidArgument',
  ];

  /** What the real program says against a command line of a page; null where it takes it. */
  async function complaint({ kind, words }: ShownCommand): Promise<string | null> {
    const given = words
      .map(word => word.replaceAll(/[[\]]/g, ''))
      .map(word => PLACEHOLDERS[word] ?? word)
      .filter(word => !/^(\.\.\.|…)?$/.test(word));
    const program = createProgram({ run: async () => undefined, usesColor: () => false });
    for (const command of [program, ...program.commands])
      command.configureOutput({ writeOut: () => undefined });
    try {
      await program.parseAsync([...given], { from: 'user' });
      return null;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      const isHelp = /^commander\.(help|version)/.test(error.code);
      // A sentence may name a command without what it is about, or with a word in capitals for it.
      const isPart = PARTIAL.includes(error.code);
      return isHelp || (kind === 'mentioned' && isPart) ? null : `${given.join(' ')}: ${error.message}`;
    }
  }

  const shown = pages
    // What has been renamed since stays in the history as it was.
    .filter(page => page !== 'CHANGELOG.md')
    .map(page => [page, shownCommands(readPage(page))] as const)
    .filter(([, commands]) => commands.length > 0);

  test.each(shown)('that %s shows are taken by the program', async (_page, commands) => {
    const complaints = await Promise.all(commands.map(complaint));
    expect(complaints.filter(each => each !== null)).toEqual([]);
  });

  test('that the program does not know are found', async () => {
    const page =
      'a `quickserveml chekc` and `quickserveml inspect`\n\n```console\n$ quickserveml inspect --digest x.onnx | cat\n$ quickserveml validate\n```\n';
    const complaints = await Promise.all(shownCommands(page).map(complaint));
    expect(complaints.map(each => each?.replace(/\n[\s\S]*/, '') ?? null)).toEqual([
      "inspect --digest x.onnx: error: unknown option '--digest'",
      "validate: error: missing required argument 'model'",
      "chekc: error: unknown command 'chekc'",
      null,
    ]);
  });

  test('are split as a shell does', () => {
    expect(shellWords(`test m.onnx --metric "top-1>=0.95" 'a b' > out # why`)).toEqual([
      'test',
      'm.onnx',
      '--metric',
      'top-1>=0.95',
      'a b',
    ]);
  });
});

describe('YAML', () => {
  const blocks = pages.flatMap(page =>
    readMarkdown(readPage(page))
      .code.filter(({ language }) => language === 'yaml' || language === 'yml')
      .map(({ text }, index) => [`${page}, block ${index + 1}`, text] as const),
  );

  test.each(blocks)('of %s can be read', (_where, text) => {
    expect(
      parseAllDocuments(text).flatMap(document => ('errors' in document ? document.errors : [])),
    ).toEqual([]);
  });
});
