import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runJenkins, type StepResult, type StepRun } from '../support/jenkins-pipeline.ts';
import { lacks, projectRoot } from '../support/requirements.ts';

const vars = join(projectRoot, 'jenkins/vars');
const PLUGINS = ['junit', 'recordIssues', 'publishHTML'];
/** Prints its words one a line, and the tokens it was given, and ends with what EXIT says. */
const COMMAND = `sh -c 'printf "%s\\n" "$@" "github=$GITHUB_TOKEN" "gitlab=$GITLAB_TOKEN" > "$WORKSPACE/words"; mkdir -p "$WORKSPACE/quickserveml-shards/2"; echo {} > "$WORKSPACE/quickserveml-shards/2/report.json"; exit \${EXIT:-0}' --`;
const NASTY = `a b; touch pwned $(touch pwned) \`touch pwned\` 'quoted' "twice"`;

type Scenario = Omit<StepRun, 'workspace'>;
const check = (options: object, more: Partial<Scenario> = {}): Scenario => ({
  step: 'quickservemlCheck',
  arguments: [{ cli: COMMAND, ...options }],
  plugins: PLUGINS,
  ...more,
});
const exiting = (code: number, options: object = {}): Scenario =>
  check(options, { environment: { EXIT: String(code) } });
const changeAt = (url: string): Scenario =>
  check(
    { credentialsId: 'api' },
    {
      // The change decides, not a name that happens to have the other platform in it.
      environment: { CHANGE_URL: url, GIT_URL: 'https://github.com/acme/gitlab-models.git' },
      secrets: { api: 's3cret' },
    },
  );

const EXITS = [
  [0, {}, 'SUCCESS'],
  [1, {}, 'FAILURE'],
  [2, {}, 'FAILURE'],
  [3, {}, 'UNSTABLE'],
  [3, { unstableOn: [] }, 'FAILURE'],
  [1, { unstableOn: [1, 3] }, 'UNSTABLE'],
  [70, {}, 'FAILURE'],
] as const;
const CHANGES = [
  ['https://github.com/acme/models/pull/7', ['github=s3cret', 'gitlab=']],
  ['https://gitlab.example/acme/models/-/merge_requests/7', ['github=', 'gitlab=s3cret']],
] as const;

const PUBLISHED = {
  model: 'digits@1.2.0',
  target: 'registry.example/digits',
  promote: 'production',
  allowMove: true,
  port: 8080,
  created: '2026-11-26T12:00:00Z',
  proofs: 'off',
};

/** All of them run in one Groovy process, each in a workspace of its own. */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  nasty: check({ config: NASTY, models: ['digits', NASTY], budget: '30s', commentAuthor: 'my-app[bot]' }),
  folder: check({ workingDirectory: 'models', reportDir: 'out' }),
  plain: check({}),
  'without plugins': check({}, { plugins: ['junit'] }),
  ...Object.fromEntries(
    EXITS.map(([code, options]) => [`exit ${code} ${JSON.stringify(options)}`, exiting(code, options)]),
  ),
  ...Object.fromEntries(CHANGES.map(([url]) => [url, changeAt(url)])),
  misspelt: check({ buget: '3s' }),
  windows: check({}, { unix: false }),
  container: check({ image: 'node:24' }),
  shard: check({ shard: '2/4', commentAuthor: 'my-app[bot]' }),
  'failed shard': check({ shard: '2/4', unstableOn: [3] }, { environment: { EXIT: '3' } }),
  publish: check({}, { step: 'quickservemlPublish', arguments: [{ cli: COMMAND, ...PUBLISHED }] }),
  'publish nothing': check({}, { step: 'quickservemlPublish', arguments: [{ cli: COMMAND }] }),
  'merge nothing': check({}, { step: 'quickservemlMerge', arguments: [{ cli: COMMAND }] }),
};

describe.skipIf(lacks('groovy'))('the Jenkins library', () => {
  let root: string;
  let results: ReadonlyMap<string, StepResult>;
  const workspaceOf = (name: string): string =>
    join(root, `workspace ${Object.keys(SCENARIOS).indexOf(name)}`);
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'jenkins '));
    const resources = join(root, 'library');
    execFileSync(process.execPath, [join(projectRoot, 'scripts/export-jenkins.ts'), resources]);
    const runs = Object.entries(SCENARIOS).map(([name, scenario]) => ({
      ...scenario,
      workspace: workspaceOf(name),
    }));
    const own = {
      step: 'quickservemlCli',
      arguments: [{ cli: 'library' }, ['--version']],
      workspace: join(root, 'closed network'),
      resources: join(resources, 'resources'),
    };
    for (const { workspace } of [...runs, own]) mkdirSync(workspace);
    const outcomes = await runJenkins([...runs, own]);
    results = new Map([...Object.keys(SCENARIOS), 'closed network'].map((name, at) => [name, outcomes[at]!]));
  }, 300_000);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const resultOf = (name: string): StepResult => {
    const result = results.get(name);
    if (result === undefined) throw new Error(`no scenario ${name}`);
    return result;
  };
  const words = (name: string): readonly string[] =>
    readFileSync(join(workspaceOf(name), 'words'), 'utf8')
      .trimEnd()
      .split('\n');
  const stepsOf = (name: string): readonly string[] => resultOf(name).calls.map(call => call.step);

  it('hands every option to the command as one word, whatever is in it', () => {
    expect(resultOf('nasty').result).toBe('SUCCESS');
    expect(words('nasty')).toEqual(
      expect.arrayContaining([
        'check',
        NASTY,
        'digits',
        '30s',
        '--comment',
        '--comment-author',
        'my-app[bot]',
      ]),
    );
    expect(existsSync(join(workspaceOf('nasty'), 'pwned'))).toBe(false);
  });

  it('writes reports below the workspace, also where the models are in a folder of it', () => {
    const given = words('folder');
    expect(given.slice(0, 5)).toEqual([
      'check',
      '--cwd',
      'models',
      '--report-dir',
      join(workspaceOf('folder'), 'out'),
    ]);
    expect(resultOf('folder').calls).toContainEqual({
      step: 'archiveArtifacts',
      args: [{ artifacts: 'out/**', allowEmptyArchive: true }],
    });
  });

  it('shows each report by its plugin, and says which are missing', () => {
    expect(stepsOf('plain')).toEqual(
      expect.arrayContaining(['junit', 'recordIssues', 'publishHTML', 'archiveArtifacts']),
    );
    const without = resultOf('without plugins');
    expect(without.result).toBe('SUCCESS');
    expect(JSON.stringify(without.calls)).toContain('without the plugins warnings-ng, htmlpublisher');
  });

  it.each(EXITS)(
    'turns exit code %d with %j into %s, after the reports were kept',
    (exit, options, result) => {
      const name = `exit ${exit} ${JSON.stringify(options)}`;
      expect(resultOf(name).result).toBe(result);
      expect(stepsOf(name)).toContain('archiveArtifacts');
      if (exit !== 0) expect(resultOf(name).message).toContain(`exit code ${exit}`);
    },
  );

  it.each(CHANGES)('gives the token of %s to its own variable, and no argument has it', (url, expected) => {
    expect(words(url)).toEqual(expect.arrayContaining([...expected]));
    expect(JSON.stringify(resultOf(url).calls)).not.toContain('s3cret');
  });

  it('refuses an option that it does not have, and agents that are not Linux', () => {
    expect(resultOf('misspelt')).toMatchObject({
      result: 'FAILURE',
      message: expect.stringContaining('no option "buget"'),
    });
    expect(resultOf('windows')).toMatchObject({
      result: 'FAILURE',
      message: expect.stringContaining('Linux'),
    });
    for (const name of ['misspelt', 'windows'])
      expect(existsSync(join(workspaceOf(name), 'words'))).toBe(false);
  });

  it('runs in a container where one is named', () => {
    expect(resultOf('container').calls).toContainEqual({ step: 'docker.image', args: ['node:24'] });
    expect(words('container')[0]).toBe('check');
  });

  it('leaves a shard without comment and views, and stashes its report for the merge', () => {
    expect(resultOf('shard').result).toBe('SUCCESS');
    expect(words('shard')).toEqual(expect.arrayContaining(['--shard', '2/4']));
    expect(words('shard').join(' ')).not.toContain('--comment');
    expect(stepsOf('shard')).not.toContain('junit');
    expect(resultOf('shard').calls).toContainEqual({
      step: 'stash',
      args: [{ name: 'quickserveml-shard-2', includes: 'quickserveml-shards/2/report.json' }],
    });
    // Without a report there is nothing to be lenient about.
    expect(resultOf('failed shard').result).toBe('FAILURE');
    expect(stepsOf('failed shard')).not.toContain('stash');
  });

  it('publishes what is named; asks for a name, and for the number of shards', () => {
    expect(resultOf('publish').result).toBe('SUCCESS');
    expect(words('publish').slice(0, 13)).toEqual([
      'publish',
      'digits@1.2.0',
      ...['--image', 'registry.example/digits'],
      ...['--promote', 'production'],
      ...['--port', '8080'],
      ...['--created', '2026-11-26T12:00:00Z'],
      ...['--proofs', 'off'],
      '--allow-move',
    ]);
    expect(resultOf('publish nothing')).toMatchObject({ result: 'FAILURE' });
    expect(resultOf('merge nothing')).toMatchObject({
      result: 'FAILURE',
      message: expect.stringContaining('shards: 4'),
    });
  });

  it('takes the command line from its own resources in closed networks', () => {
    const outcome = resultOf('closed network');
    expect(outcome).toMatchObject({ result: 'SUCCESS', returned: 0 });
    expect(outcome.log).toMatch(/^\d+\.\d+\.\d+/m);
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

/** A line for each that must not pass. */
const PLANTED: Readonly<Record<string, string>> = {
  'internals of Jenkins': "Jenkins.instance.getItem('x')",
  'files of the controller': "new File('/etc/passwd').text",
  'processes of the controller': "'id'.execute()",
  reflection: "Class.forName('x')",
  'static state': '@Field Map seen = [:]',
  'imports and grapes': 'import hudson.model.Run',
  'closures over iterations': 'names.each { echo it }',
  'matchers, which cannot be serialised': "if (name =~ 'x') { return }",
};

const brokenRules = (text: string): readonly string[] =>
  Object.keys(FORBIDDEN).filter(what => FORBIDDEN[what]!.test(text.replace(/\/\*[\s\S]*?\*\//g, '')));

describe('the sources of the Jenkins library', () => {
  const sources = readdirSync(vars).filter(name => name.endsWith('.groovy'));
  it.each(sources)('%s needs no approval and survives a restart, as far as its text shows', name => {
    expect(brokenRules(readFileSync(join(vars, name), 'utf8'))).toEqual([]);
  });
  it.each(Object.keys(FORBIDDEN))('would not pass with %s', what => {
    const planted = `Map call(Map options = [:]) {\n${PLANTED[what]}\n}\n`;
    expect(brokenRules(planted)).toContain(what);
  });
  it.each(sources)('%s has a help text', name => {
    expect(readFileSync(join(vars, name.replace('.groovy', '.txt')), 'utf8')).toContain('<p>');
  });
  it('every option of a step is in its help text and on the page', () => {
    const page = readFileSync(join(projectRoot, 'docs/jenkins.md'), 'utf8');
    for (const name of ['quickservemlCheck', 'quickservemlMerge', 'quickservemlPublish']) {
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
