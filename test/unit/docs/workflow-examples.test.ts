import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadLanguageService } from '../../support/github-language-service.ts';
import { projectRoot } from '../../support/requirements.ts';

/** A workflow in a document or a file: where it starts, for people, and its text. */
interface Example {
  readonly where: string;
  readonly text: string;
}

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
const action = read('action.yml');
const OWN_ACTION = 'quickserveml/quickserveml';

function filesOf(folder: string, ending: string): readonly string[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith(ending))
    .map(entry => relative(projectRoot, join(entry.parentPath, entry.name)))
    .sort();
}

function yamlBlocks(path: string): readonly Example[] {
  const text = read(path);
  return [...text.matchAll(/^( *)```ya?ml\n([\s\S]*?)^ *```$/gm)].map(
    ([, indent = '', block = ''], index) => ({
      where: `${path}, yaml block ${index + 1}`,
      text: block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
}

const isWorkflow = ({ text }: Example): boolean => /^on:/m.test(text) && /^jobs:/m.test(text);

const examples = [
  ...['README.md', ...filesOf('docs', '.md')].flatMap(yamlBlocks),
  ...filesOf('docs/examples', '.yml').map(path => ({ where: path, text: read(path) })),
].filter(isWorkflow);

/** The outputs of our action that a workflow reads: `steps.<id>.outputs.<name>`. */
function outputsRead(text: string): readonly string[] {
  const workflow: { jobs: Record<string, { steps?: { id?: string; uses?: string }[] }> } = parse(text);
  const ids = Object.values(workflow.jobs)
    .flatMap(job => job.steps ?? [])
    .filter(step => step.uses?.startsWith(`${OWN_ACTION}@`))
    .flatMap(step => (step.id === undefined ? [] : [step.id]));
  return [...text.matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)].flatMap(([, id, name]) =>
    ids.includes(id!) ? [name!] : [],
  );
}

let service: Awaited<ReturnType<typeof loadLanguageService>>;
beforeAll(async () => {
  service = await loadLanguageService();
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

const complaints = (text: string): Promise<readonly string[]> =>
  service.validate('.github/workflows/models.yml', text, { [OWN_ACTION]: action });

describe("GitHub's own language service", () => {
  test('finds nothing wrong with action.yml', async () => {
    expect(await service.validate('action.yml', action)).toEqual([]);
  });

  test.each(examples)('finds nothing wrong with the workflow in $where', async ({ text }) => {
    expect(await complaints(text)).toEqual([]);
    const { outputs } = parse(action) as { outputs: Record<string, unknown> };
    expect(Object.keys(outputs)).toEqual(expect.arrayContaining([...outputsRead(text)]));
  });

  test('does find an input that the action does not have, and a key that workflows do not have', async () => {
    const [example] = examples;
    const broken = example!.text
      .replace('runs-on:', 'run-son:')
      .replace(/( +)- uses: quickserveml.*/, '$&\n$1  with: { bugdet: 30s }');
    const found = (await complaints(broken)).join('\n');
    expect(found).toContain("Unexpected value 'run-son'");
    expect(found).toContain("Invalid action input 'bugdet'");
  });
});

test('the README and the guides have workflows to validate', () => {
  const places = examples.map(({ where }) => where.split(',')[0]);
  expect(places).toEqual(expect.arrayContaining(['README.md', 'docs/examples/github-check.yml']));
});

test('every workflow uses the action by the same name and version', () => {
  const uses = examples.flatMap(({ text }) =>
    [...text.matchAll(/uses: (quickserveml\/\S+)/g)].map(([, name]) => name),
  );
  expect(uses.length).toBeGreaterThan(0);
  expect(new Set(uses)).toEqual(new Set([`${OWN_ACTION}@v0`]));
});

const actionsIn = (text: string): readonly string[] =>
  [...text.matchAll(/^\s*(?:- )?uses: (.+)$/gm)].map(([, used = '']) => used.trim());

test.each(examples)('$where pins every action to a commit, with the version beside it', ({ text }) => {
  // Our own has no released commit to name yet; the examples say to pin it.
  const foreign = actionsIn(text).filter(used => !used.startsWith(`${OWN_ACTION}@`));
  for (const used of foreign) expect(used).toMatch(/^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*$/u);
});

describe('the pair of workflows for forks', () => {
  interface Workflow {
    readonly name: string;
    readonly on: Readonly<Record<string, { readonly workflows?: readonly string[] } | null>>;
    readonly permissions: Readonly<Record<string, string>>;
    readonly jobs: Readonly<
      Record<
        string,
        {
          readonly steps: readonly {
            readonly uses?: string;
            readonly run?: string;
            readonly if?: string;
            readonly with?: Readonly<Record<string, string>>;
          }[];
        }
      >
    >;
  }
  const check = parse(read('docs/examples/github-check.yml')) as Workflow;
  const followUp = parse(read('docs/examples/github-follow-up.yml')) as Workflow;
  const stepsOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ steps }) => steps);
  const nameOf = (used: string | undefined): string => used?.split('@')[0] ?? '';

  test('belongs together: name of the workflow, name of the artifact, path of the report', () => {
    expect(followUp.on['workflow_run']?.workflows).toEqual([check.name]);
    const upload = stepsOf(check).find(({ uses }) => nameOf(uses) === 'actions/upload-artifact');
    const download = stepsOf(followUp).find(({ uses }) => nameOf(uses) === 'actions/download-artifact');
    expect(upload?.if).toBe('always()');
    expect(download?.with?.['name']).toBe(upload?.with?.['name']);
    const post = stepsOf(followUp).find(({ uses }) => nameOf(uses) === OWN_ACTION);
    expect(post?.with).toEqual({ command: 'comment', report: `${download?.with?.['path']}/report.json` });
  });

  test('gives the privileged one only what it needs, no code and no shell', () => {
    expect(followUp.permissions).toEqual({ actions: 'read', 'pull-requests': 'write' });
    expect(Object.keys(followUp.on)).toEqual(['workflow_run']);
    const steps = stepsOf(followUp);
    expect(steps.map(({ uses }) => nameOf(uses))).toEqual(['actions/download-artifact', OWN_ACTION]);
    expect(steps.flatMap(({ run }) => (run === undefined ? [] : [run]))).toEqual([]);
  });

  test('measures without secrets, on an event whose token is read-only for forks', () => {
    expect(Object.keys(check.on).sort()).toEqual(['pull_request', 'push']);
    expect(read('docs/examples/github-check.yml')).not.toContain('secrets.');
    expect(read('docs/forks.md')).toContain(
      read('docs/examples/github-follow-up.yml').split('\n').slice(-16).join('\n').trim(),
    );
  });
});
