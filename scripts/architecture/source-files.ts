import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { roomOf } from './rooms.ts';

export interface Import {
  /** Path of the imported file, relative to src/. */
  readonly target: string;
  readonly typeOnly: boolean;
}

export interface SourceFile {
  /** Relative to src/, with `/`. */
  readonly path: string;
  readonly room: string;
  /** Without comments. */
  readonly text: string;
  readonly imports: readonly Import[];
  /** Names of the packages that it imports, Node's own modules left out. */
  readonly packages: readonly string[];
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"](\.{1,2}\/[^'"]+)['"]|import\(\s*['"](\.{1,2}\/[^'"]+)['"]\s*\)/g;

const PACKAGE = /(?:from|import|import\()\s*'((?:@[\w.-]+\/)?[a-z][\w.-]*)(?:\/[^']*)?'/g;

const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

function readSource(folder: string, path: string): SourceFile {
  const text = withoutComments(readFileSync(join(folder, path), 'utf8'));
  const imports = [...text.matchAll(IMPORT)].map(match => ({
    target: posix.normalize(posix.join(dirname(path), match[2] ?? match[3] ?? '')),
    typeOnly: match[1] !== undefined,
  }));
  const packages = [...text.matchAll(PACKAGE)].map(([, name = '']) => name);
  return {
    path,
    room: roomOf(path),
    text,
    imports: imports.filter(({ target }) => target.endsWith('.ts')),
    packages: [...new Set(packages)],
  };
}

/** Every source file below a folder, with what it imports of ours. */
export function readSources(folder: string): readonly SourceFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .map(path => readSource(folder, path));
}
