import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProgram } from '../../src/commands/definitions/program.ts';
import { gitHubWorkflow } from '../../src/commands/init/ci-files.ts';
import { CONFIG_SCHEMA } from '../../src/config/schema.ts';
import { VERDICT_SCHEMA } from '../../src/container/proof/verdict-schema.ts';
import { REPORT_SCHEMA } from '../../src/report/report-schema.ts';
import { ERROR_CATALOG } from '../../src/shared/error-catalog.ts';
import { readSources } from '../architecture/source-files.ts';
import { actionPage } from './action-page.ts';
import { architectureDrawing } from './architecture-drawing.ts';
import { cliPage } from './cli-page.ts';
import { configurationPage } from './configuration-page.ts';
import { errorsPage } from './errors-page.ts';
import { gitLabInputs } from './gitlab-inputs.ts';
import { goldenComments } from './golden-comments.ts';
import { httpApiPage } from './http-api-page.ts';
import { jenkinsOptions } from './jenkins-options.ts';
import { replaceGenerated } from './markdown.ts';
import { registryRecords } from './registry-records.ts';
import { DESCRIBED_RECORDS, REGISTRY_SCHEMA } from './registry-schema.ts';
import { reportPage } from './report-page.ts';

/** A file that is made from sources: its path relative to the project's root, and what it should hold. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** Every generated document of the project, from the sources under `root`. Writes nothing. */
export function generatedFiles(root: string): readonly GeneratedFile[] {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const step = (name: string): string =>
    jenkinsOptions(
      { groovy: read(`jenkins/vars/${name}.groovy`), help: read(`jenkins/vars/${name}.txt`) },
      read('jenkins/vars/quickservemlCli.groovy'),
    );
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
    { path: 'docs/images/architecture.svg', text: architectureDrawing(readSources(join(root, 'src'))) },
    { path: 'docs/errors.md', text: errorsPage(ERROR_CATALOG) },
    { path: 'schemas/quickserveml.schema.json', text: json(CONFIG_SCHEMA) },
    { path: 'schemas/report.schema.json', text: json(REPORT_SCHEMA) },
    { path: 'schemas/registry.schema.json', text: json(REGISTRY_SCHEMA) },
    { path: 'schemas/verdict.schema.json', text: json(VERDICT_SCHEMA) },
    { path: 'docs/action.md', text: actionPage(read('action.yml')) },
    { path: 'docs/report.md', text: reportPage(REPORT_SCHEMA) },
    { path: 'docs/http-api.md', text: httpApiPage('0') },
    {
      path: 'docs/gitlab.md',
      text: withParts(read('docs/gitlab.md'), {
        'check-inputs': gitLabInputs(read('gitlab/templates/check.yml')),
        'shards-inputs': gitLabInputs(read('gitlab/templates/shards.yml')),
        'scheduled-inputs': gitLabInputs(read('gitlab/templates/scheduled.yml')),
        'publish-inputs': gitLabInputs(read('gitlab/templates/publish.yml')),
      }),
    },
    {
      path: 'docs/jenkins.md',
      text: withParts(read('docs/jenkins.md'), {
        'check-options': step('quickservemlCheck'),
        'merge-options': step('quickservemlMerge'),
        'publish-options': step('quickservemlPublish'),
      }),
    },
    {
      path: 'docs/registry-format.md',
      text: withParts(read('docs/registry-format.md'), { records: registryRecords(DESCRIBED_RECORDS) }),
    },
    {
      path: 'docs/comments.md',
      text: withParts(read('docs/comments.md'), { 'golden-comments': golden }),
    },
  ];
}

/** The page with its generated parts in place, each by its name. */
function withParts(page: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((text, [name, body]) => replaceGenerated(text, name, body), page);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
