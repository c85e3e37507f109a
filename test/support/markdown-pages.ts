import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './requirements.ts';

const FOLDERS = ['docs', 'fixtures', 'test', 'gitlab', 'jenkins', 'bench'];

/** Every Markdown page of the project, relative to its root. Golden files are reports, not pages. */
export function markdownPages(): readonly string[] {
  const top = readdirSync(projectRoot).filter(name => name.endsWith('.md'));
  const inner = FOLDERS.flatMap(folder =>
    readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.md') && !name.startsWith('golden'))
      .map(name => join(folder, name)),
  );
  return [...top, ...inner].sort();
}

/** A piece of code on a page: its language (empty where none is said, or where it is within a line) and its text. */
export interface CodePiece {
  readonly kind: 'block' | 'inline';
  readonly language: string;
  readonly text: string;
}

export interface MarkdownPage {
  readonly code: readonly CodePiece[];
  /** Everything but the code. */
  readonly prose: string;
}

const FENCE = /^( *)(`{3,}|~{3,})(\w*)[^\n]*\n([\s\S]*?)^ *\2 *$/gm;
const INDENTED = /(?<=\n\n)(?: {4}\S[^\n]*\n+)+/g;

/** Takes a page apart into code and prose. */
export function readMarkdown(text: string): MarkdownPage {
  const code: CodePiece[] = [];
  const withoutFences = text.replaceAll(
    FENCE,
    (_all, indent: string, _fence, language: string, body: string) => {
      code.push({ kind: 'block', language, text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), '') });
      return '';
    },
  );
  const withoutBlocks = withoutFences.replaceAll(INDENTED, block => {
    code.push({ kind: 'block', language: '', text: block.replaceAll(/^ {4}/gm, '') });
    return '';
  });
  const prose = withoutBlocks.replaceAll(/`([^`]+)`/g, (_all, inline: string) => {
    code.push({ kind: 'inline', language: '', text: inline.replaceAll('\n', ' ') });
    return '';
  });
  return { code, prose };
}

/** Targets of links and pictures, those in HTML too, without addresses of the web. */
export function localLinks(text: string): readonly string[] {
  const { prose } = readMarkdown(text);
  const markdown = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  const html = [...prose.matchAll(/(?:src|srcset|href)="([^"]+)"/g)].map(([, target = '']) => target);
  return [...markdown, ...html].filter(target => !/^(https?:|mailto:)/.test(target));
}

/** The anchors that GitHub gives the headings of a page. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const withoutCode = text.replaceAll(FENCE, '');
  return new Set(
    [...withoutCode.matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading = '']) => {
      const slug = heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
        .replaceAll(' ', '-');
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

/** The text of a page of the project. */
export const readPage = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

const WORD = /"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"']+)/g;

/** The words of a line of shell up to a pipe, a redirection or a comment; values are kept as they are written. */
export function shellWords(line: string): readonly string[] {
  const words: string[] = [];
  for (const [word, double, single] of line.matchAll(WORD)) {
    if (/^(\||>|<$|&&|;|#)/.test(word)) break;
    words.push(double ?? single ?? word.replace(/;$/, ''));
  }
  return words;
}

/** A command line of ours on a page, without the program's name. `mentioned`: within a sentence, so perhaps only in part. */
export interface ShownCommand {
  readonly kind: 'whole' | 'mentioned';
  readonly words: readonly string[];
}

const START = /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npx (?:--yes )?)?quickserveml(?:@\d+)? (.*)$/;

/** The command lines of ours that a page shows; lines that end with a backslash go on in the next. */
export function shownCommands(text: string): readonly ShownCommand[] {
  return readMarkdown(text).code.flatMap(({ kind, language, text: code }) => {
    if (['yaml', 'yml', 'json', 'groovy', 'mermaid', 'python'].includes(language)) return [];
    return code
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .flatMap(line => {
        const rest = START.exec(line.trim())?.[1];
        // With its sign before it, or in a block without output, it is there to be typed; else it may be output.
        if (rest === undefined || (language === 'console' && !line.trim().startsWith('$ '))) return [];
        return [{ kind: kind === 'block' ? 'whole' : 'mentioned', words: shellWords(rest) } as const];
      });
  });
}
