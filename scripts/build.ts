/**
 * Compiles what is WebAssembly and bundles the entry points into dist/. `--check` builds into a temporary folder and compares,
 * so that what is committed cannot drift from the sources.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { build, type Plugin } from 'rolldown';
import { REPORT_SCHEMA } from '../src/report/report-schema.ts';
import { REPORT_VALIDATION } from '../src/report/report-validator.ts';
import { NUMBER_ROWS_MODULE, numberRowsModule } from './assembly.ts';
import { thirdPartyFiles } from './third-party.ts';

const root = resolve(import.meta.dirname, '..');

/** Modules that read files when they are loaded: the bundle gets what they export as literals, and reads nothing. */
const TEXT_MODULES = /serving\/pages\/[a-z]+-files\.ts$/;

const textModules: Plugin = {
  name: 'text-modules',
  async load(id) {
    if (!TEXT_MODULES.test(id)) return null;
    const exported = Object.entries((await import(pathToFileURL(id).href)) as Record<string, string>);
    const code = exported.map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};`).join('\n');
    return { code, moduleType: 'js' };
  },
};

/** The schema of a report as the program that Ajv makes of it: to compile it takes longer than to merge ten reports. */
const compiledSchema: Plugin = {
  name: 'compiled-schema',
  load(id) {
    if (id !== join(root, 'src/report/report-validator.ts')) return null;
    const ajv = new Ajv2020({ ...REPORT_VALIDATION, code: { source: true, esm: true } });
    const program = standaloneCode.default(ajv, ajv.compile(REPORT_SCHEMA));
    return { code: `${program}\nexport const reportValidator = () => validate;\n`, moduleType: 'js' };
  },
};

async function bundle(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const { output } = await build({
    cwd: root,
    input: {
      cli: 'src/cli.ts',
      action: 'src/action.ts',
      worker: 'src/runtime/worker.ts',
      serve: 'src/serving/serve.ts',
      'serving-worker': 'src/serving/worker/serving-worker.ts',
    },
    platform: 'node',
    plugins: [textModules, compiledSchema],
    // What jspdf loads only to turn HTML and SVG into PDF, which nobody asks of it here.
    external: ['canvg', 'dompurify', 'html2canvas'],
    // The oldest Node that package.json promises: newer syntax (`await using`) is written out.
    transform: { target: 'node22.12' },
    output: {
      dir: folder,
      format: 'esm',
      minify: true,
      cleanDir: true,
      entryFileNames: '[name].js',
      chunkFileNames: 'chunks/[name].js',
      banner: chunk => (chunk.name === 'cli' && chunk.isEntry ? '#!/usr/bin/env node' : ''),
    },
    logLevel: 'warn',
  });
  const chunks = output.filter(each => each.type === 'chunk');
  for (const [name, text] of thirdPartyFiles(chunks)) writeFileSync(join(folder, name), text);
}

function listFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function differences(fresh: string, committed: string): readonly string[] {
  const names = new Set([...listFiles(fresh), ...listFiles(committed)]);
  const read = (folder: string, name: string): string | undefined => {
    try {
      return readFileSync(join(folder, name), 'latin1');
    } catch {
      return undefined;
    }
  };
  return [...names].filter(name => read(fresh, name) !== read(committed, name)).sort();
}

const numberRows = await numberRowsModule();
if (process.argv.includes('--check')) {
  if (readFileSync(NUMBER_ROWS_MODULE, 'utf8') !== numberRows) {
    process.stderr.write(`${NUMBER_ROWS_MODULE} is stale (run npm run build and commit)\n`);
    process.exitCode = 1;
  }
  const scratch = mkdtempSync(join(tmpdir(), 'quickserveml-build-'));
  try {
    await bundle(join(scratch, 'dist'));
    const stale = differences(join(scratch, 'dist'), join(root, 'dist'));
    if (stale.length > 0) {
      process.stderr.write(`dist/ is stale (run npm run build and commit): ${stale.join(', ')}\n`);
      process.exitCode = 1;
    } else process.stdout.write('dist/ is fresh\n');
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
} else {
  writeFileSync(NUMBER_ROWS_MODULE, numberRows);
  await bundle(join(root, 'dist'));
  for (const name of listFiles(join(root, 'dist'))) {
    process.stdout.write(
      `dist/${name} ${(readFileSync(join(root, 'dist', name)).length / 1e3).toFixed(0)} kB\n`,
    );
  }
}
