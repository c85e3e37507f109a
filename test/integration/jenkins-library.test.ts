import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runStep, type StepResult, type StepRun } from '../support/jenkins-pipeline.ts';
import { lacks, projectRoot } from '../support/requirements.ts';

const vars = join(projectRoot, 'jenkins/vars');
const PLUGINS = ['junit', 'recordIssues', 'publishHTML'];
/** Prints its words one a line, and the tokens it was given, and ends with what EXIT says. */
const COMMAND = `sh -c 'printf "%s\\n" "$@" "github=$GITHUB_TOKEN" "gitlab=$GITLAB_TOKEN" > words; exit \${EXIT:-0}' --`;

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'jenkins workspace '));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

const words = (): readonly string[] => readFileSync(join(workspace, 'words'), 'utf8').trimEnd().split('\n');
const step = (name: string, options: object, run: Partial<StepRun> = {}): Promise<StepResult> =>
  runStep({ step: name, arguments: [{ cli: COMMAND, ...options }], workspace, plugins: PLUGINS, ...run });
const stepsOf = ({ calls }: StepResult): readonly string[] => calls.map(call => call.step);

describe.skipIf(lacks('groovy'))('the Jenkins library', () => {
  it('hands every option to the command as one word, whatever is in it', async () => {
    const nasty = `a b; touch pwned $(touch pwned) \`touch pwned\` 'quoted' "twice"`;
    const { result } = await step('quickservemlCheck', {
      config: nasty,
      models: ['digits', nasty],
      budget: '30s',
      commentAuthor: 'my-app[bot]',
    });
    expect(result).toBe('SUCCESS');
    expect(words()).toEqual(
      expect.arrayContaining([
        'check',
        nasty,
        'digits',
        '30s',
        '--comment',
        '--comment-author',
        'my-app[bot]',
      ]),
    );
    expect(existsSync(join(workspace, 'pwned'))).toBe(false);
  });

  it('shows each report by its plugin, and says which are missing', async () => {
    expect(stepsOf(await step('quickservemlCheck', {}))).toEqual(
      expect.arrayContaining(['junit', 'recordIssues', 'publishHTML', 'archiveArtifacts']),
    );
    const without = await step('quickservemlCheck', {}, { plugins: ['junit'] });
    expect(without.result).toBe('SUCCESS');
    expect(JSON.stringify(without.calls)).toContain('without the plugins warnings-ng, htmlpublisher');
  });

  it.each([
    [0, {}, 'SUCCESS'],
    [1, {}, 'FAILURE'],
    [2, {}, 'FAILURE'],
    [3, {}, 'UNSTABLE'],
    [3, { unstableOn: [] }, 'FAILURE'],
    [1, { unstableOn: [1, 3] }, 'UNSTABLE'],
    [70, {}, 'FAILURE'],
  ])('turns exit code %d with %j into %s, after the reports were kept', async (exit, options, result) => {
    const outcome = await step('quickservemlCheck', options, { environment: { EXIT: String(exit) } });
    expect(outcome.result).toBe(result);
    expect(stepsOf(outcome)).toContain('archiveArtifacts');
    if (exit !== 0) expect(outcome.message).toContain(`exit code ${exit}`);
  });

  it.each([
    ['https://github.com/acme/models/pull/7', ['github=s3cret', 'gitlab=']],
    ['https://gitlab.example/acme/models/-/merge_requests/7', ['github=', 'gitlab=s3cret']],
  ])('gives the token of %s to its own variable, and no argument has it', async (url, expected) => {
    const outcome = await step(
      'quickservemlCheck',
      { credentialsId: 'api' },
      {
        // The change decides, not a name that happens to have the other platform in it.
        environment: { CHANGE_URL: url, GIT_URL: 'https://github.com/acme/gitlab-models.git' },
        secrets: { api: 's3cret' },
      },
    );
    expect(words()).toEqual(expect.arrayContaining(expected));
    expect(JSON.stringify(outcome.calls)).not.toContain('s3cret');
  });

  it('refuses an option that it does not have, and agents that are not Linux', async () => {
    expect(await step('quickservemlCheck', { buget: '3s' })).toMatchObject({
      result: 'FAILURE',
      message: expect.stringContaining('no option "buget"'),
    });
    expect(await step('quickservemlCheck', {}, { unix: false })).toMatchObject({
      result: 'FAILURE',
      message: expect.stringContaining('Linux'),
    });
    expect(existsSync(join(workspace, 'words'))).toBe(false);
  });

  it('runs in a container where one is named', async () => {
    const outcome = await step('quickservemlCheck', { image: 'node:24' });
    expect(outcome.calls).toContainEqual({ step: 'docker.image', args: ['node:24'] });
    expect(words()[0]).toBe('check');
  });

  it('publishes what is named, and asks for a name', async () => {
    const options = {
      model: 'digits@1.2.0',
      target: 'registry.example/digits',
      promote: 'production',
      allowMove: true,
    };
    expect((await step('quickservemlPublish', options)).result).toBe('SUCCESS');
    expect(words().slice(0, 7)).toEqual([
      'publish',
      'digits@1.2.0',
      '--image',
      'registry.example/digits',
      '--promote',
      'production',
      '--allow-move',
    ]);
    expect(await step('quickservemlPublish', {})).toMatchObject({ result: 'FAILURE' });
  });

  it('takes the command line from its own resources in closed networks', async () => {
    const library = mkdtempSync(join(tmpdir(), 'jenkins-library-'));
    try {
      execFileSync(process.execPath, [join(projectRoot, 'scripts/export-jenkins.ts'), library]);
      mkdirSync(join(workspace, 'models'));
      const outcome = await runStep({
        step: 'quickservemlCli',
        arguments: [{ cli: 'library' }, ['--version']],
        workspace,
        resources: join(library, 'resources'),
      });
      expect(outcome).toMatchObject({ result: 'SUCCESS', returned: 0 });
      expect(outcome.log).toMatch(/^\d+\.\d+\.\d+/m);
    } finally {
      rmSync(library, { recursive: true, force: true });
    }
  });
});

/** What the script sandbox refuses or an administrator would have to approve, and what continuation passing breaks. */
const FORBIDDEN: Readonly<Record<string, RegExp>> = {
  'internals of Jenkins': /\b(?:Jenkins|Hudson)\.|\bmanager\b|\bcurrentBuild\.rawBuild/,
  'files of the controller': /\bnew\s+(?:File|URL|FileReader)\b/,
  'processes of the controller': /\.execute\(|\bProcessBuilder\b/,
  reflection: /\bClass\.forName|\.getClass\(|\.metaClass|\bGroovyShell\b|\bevaluate\(/,
  'static state': /^\s*(?:static|@Field)\b/m,
  'imports and grapes': /^\s*(?:import\b|@Grab)/m,
  'closures over iterations': /\.(?:each|collect|findAll|every|any|inject|sort)\w*\s*\{/,
  'matchers, which cannot be serialised': /=~|\.matcher\(/,
};

describe('the sources of the Jenkins library', () => {
  const sources = readdirSync(vars).filter(name => name.endsWith('.groovy'));
  it.each(sources)('%s needs no approval and survives a restart, as far as its text shows', name => {
    const text = readFileSync(join(vars, name), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    expect(Object.keys(FORBIDDEN).filter(what => FORBIDDEN[what]!.test(text))).toEqual([]);
  });
  it.each(sources)('%s has a help text', name => {
    expect(readFileSync(join(vars, name.replace('.groovy', '.txt')), 'utf8')).toContain('<p>');
  });
  it('every option of a step is in its help text and on the page', () => {
    const page = readFileSync(join(projectRoot, 'docs/jenkins.md'), 'utf8');
    for (const name of ['quickservemlCheck', 'quickservemlPublish']) {
      const [, list = ''] =
        /allowed = \[([\s\S]*?)\]/.exec(readFileSync(join(vars, `${name}.groovy`), 'utf8')) ?? [];
      const help = readFileSync(join(vars, `${name}.txt`), 'utf8');
      for (const [, option = ''] of list.matchAll(/'(\w+)'/g)) {
        expect(help, name).toContain(option);
        expect(page, name).toContain(`\`${option}\``);
      }
    }
  });
});
