import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProgram } from '../../src/commands/definitions/program.ts';
import { gitHubWorkflow } from '../../src/commands/init/ci-files.ts';
import { CONFIG_SCHEMA } from '../../src/config/schema.ts';
import { VERDICT_SCHEMA } from '../../src/container/proof/verdict-schema.ts';
import { REPORT_SCHEMA } from '../../src/report/report-schema.ts';
import { ERROR_CATALOG } from '../../src/shared/error-catalog.ts';
import { actionTables } from './action-tables.ts';
import { cliPage } from './cli-page.ts';
import { configurationPage } from './configuration-page.ts';
import { errorsPage } from './errors-page.ts';
import { goldenComments } from './golden-comments.ts';
import { replaceGenerated } from './markdown.ts';

/** A file that is made from sources: its path relative to the project's root, and what it should hold. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** Every generated document of the project, from the sources under `root`. Writes nothing. */
export function generatedFiles(root: string): readonly GeneratedFile[] {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const { inputs, outputs } = actionTables(read('action.yml'));
  const readme = replaceGenerated(replaceGenerated(read('README.md'), 'inputs', inputs), 'outputs', outputs);
  const golden = goldenComments(name => read(`fixtures/golden/${name}.md`));
  return [
    {
      path: 'docs/configuration.md',
      text: configurationPage(CONFIG_SCHEMA, read('docs/examples/quickserveml.yml')),
    },
    {
      path: 'docs/cli.md',
      text: cliPage(createProgram({ run: async () => undefined, usesColor: () => false })),
    },
    { path: 'docs/examples/github-check.yml', text: gitHubWorkflow('main', false) },
    { path: 'docs/errors.md', text: errorsPage(ERROR_CATALOG) },
    { path: 'schemas/quickserveml.schema.json', text: json(CONFIG_SCHEMA) },
    { path: 'schemas/report.schema.json', text: json(REPORT_SCHEMA) },
    { path: 'schemas/verdict.schema.json', text: json(VERDICT_SCHEMA) },
    { path: 'README.md', text: readme },
    {
      path: 'docs/comments.md',
      text: replaceGenerated(read('docs/comments.md'), 'golden-comments', golden),
    },
  ];
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
