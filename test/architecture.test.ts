import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PACKAGE_ROOMS, roomOf, STAGES, VALUE_IMPORTS } from '../scripts/architecture/rooms.ts';
import { readSources, type SourceFile } from '../scripts/architecture/source-files.ts';

/** The import rules of docs/architecture.md. */

const root = resolve(import.meta.dirname, '..');
const files = readSources(join(root, 'src'));
const stages: readonly string[] = STAGES;

/** Files that run as a process of their own: they read their own environment, clock and exit like a front door. */
const entryFiles = [
  'cli.ts',
  'action.ts',
  'runtime/worker.ts',
  'serving/serve.ts',
  'serving/worker/serving-worker.ts',
];
/** The processes that may load onnxruntime. */
const runtimeProcesses = ['runtime/worker.ts', 'serving/worker/serving-worker.ts'];

const violations = (find: (file: SourceFile) => readonly string[]): readonly string[] =>
  files.flatMap(file => find(file).map(what => `${file.path}: ${what}`));

describe('architecture', () => {
  it('has every source file in a known room', () => {
    expect(violations(file => (file.room in VALUE_IMPORTS ? [] : ['is in an unknown room']))).toEqual([]);
  });

  it('imports values only along the allowed arrows', () => {
    expect(
      violations(file =>
        file.imports
          .filter(({ target, typeOnly }) => {
            const room = roomOf(target);
            return !typeOnly && room !== file.room && !(VALUE_IMPORTS[file.room] ?? []).includes(room);
          })
          .map(({ target }) => `imports values of ${target}`),
      ),
    ).toEqual([]);
  });

  it('takes types in a stage only from stages before it', () => {
    expect(
      violations(file => {
        const position = stages.indexOf(file.room);
        if (position < 0) return [];
        return (
          file.imports
            .filter(({ target }) => {
              const room = roomOf(target);
              return (
                room !== file.room &&
                room !== 'shared' &&
                (stages.indexOf(room) < 0 || stages.indexOf(room) > position)
              );
            })
            // The vocabulary of policies is owned by regression/, which uses it; config/ only parses it.
            .filter(({ target }) => !(file.room === 'config' && target === 'regression/verdict.ts'))
            .map(({ target }) => `takes types of ${target}`)
        );
      }),
    ).toEqual([]);
  });

  it('uses each package only in the rooms that are listed for it, and lists none in vain', () => {
    expect(
      violations(file =>
        file.packages
          .filter(name => !(PACKAGE_ROOMS[name] ?? []).includes(file.room))
          .map(name => `uses ${name}`),
      ),
    ).toEqual([]);
    const used = new Set(files.flatMap(file => file.packages.map(name => `${name} in ${file.room}`)));
    const listed = Object.entries(PACKAGE_ROOMS).flatMap(([name, rooms]) =>
      rooms.map(room => `${name} in ${room}`),
    );
    expect(listed.filter(each => !used.has(each))).toEqual([]);
  });

  it('has no import cycles', () => {
    const byPath = new Map(files.map(file => [file.path, file]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
        return;
      }
      if (done.has(path)) return;
      for (const { target, typeOnly } of byPath.get(path)?.imports ?? []) {
        if (!typeOnly) visit(target, [...trail, path]);
      }
      done.add(path);
    };
    for (const { path } of files) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it('reads the environment, the clock and chance only in front doors', () => {
    const forbidden = [
      /\bprocess\.env\b/,
      /\bprocess\.exit\b/,
      /\bDate\.now\(/,
      /\bnew Date\(\)/,
      /\bMath\.random\(/,
      /\bprocess\.argv\b/,
    ];
    expect(
      violations(file =>
        entryFiles.includes(file.path)
          ? []
          : forbidden.filter(pattern => pattern.test(file.text)).map(pattern => `uses ${pattern.source}`),
      ),
    ).toEqual([]);
  });

  it('keeps the network and processes out of the pure stages', () => {
    const forbidden =
      /from '(undici(?:\/[^']*)?|simple-git|node:(http|https|net|child_process|worker_threads)|@actions\/[a-z]+|onnxruntime-node)'/;
    expect(
      violations(file =>
        stages.includes(file.room) && forbidden.test(file.text) ? ['talks to the outside'] : [],
      ),
    ).toEqual([]);
  });

  it('opens connections in one place, where proxies and private authorities are obeyed', () => {
    const modules = /(?:from|import\()\s*'node:(?:https|http2)'/;
    const isItsOwn = (text: string): boolean =>
      /\bfetch: Fetch\b|\bconst fetch = |\/network\/(?:dispatcher|fetch)\.ts'/.test(text);
    expect(
      violations(file =>
        file.room !== 'network' &&
        (modules.test(file.text) ||
          /globalThis\.fetch/.test(file.text) ||
          (/(?:await|return|=>) fetch\(/.test(file.text) && !isItsOwn(file.text)))
          ? ['opens connections past network/']
          : [],
      ),
    ).toEqual([]);
  });

  it('loads of undici the parts that it needs, since the whole takes long', () => {
    expect(
      violations(file =>
        /^(?:import|export) (?!type\b)[^;]*from 'undici';/m.test(file.text) ||
        /import\('undici'\)/.test(file.text)
          ? ['loads the whole of undici']
          : [],
      ),
    ).toEqual([]);
  });

  it('loads the runtime in its worker processes only', () => {
    expect(
      violations(file =>
        !runtimeProcesses.includes(file.path) &&
        /(?:from|import\()\s*'onnxruntime-(?:node|common)'/.test(file.text) &&
        !/import type/.test(file.text)
          ? ['loads onnxruntime']
          : [],
      ),
    ).toEqual([]);
  });

  it('has no file over 350 lines without a reason in docs/decisions/0001-layout.md', () => {
    const excused = [
      ...readFileSync(join(root, 'docs/decisions/0001-layout.md'), 'utf8').matchAll(/^\| `([^`]+\.ts)` \|/gm),
    ].map(([, path]) => path);
    const long = ['src', 'scripts', 'test', 'bench', 'fixtures'].flatMap(folder =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.ts'))
        .map(name => join(folder, name))
        .filter(path => readFileSync(join(root, path), 'utf8').trimEnd().split('\n').length > 350),
    );
    expect(long.filter(path => !excused.includes(path))).toEqual([]);
  });
});
