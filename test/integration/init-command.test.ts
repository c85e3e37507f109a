import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type InitOptions, initCommand } from '../../src/commands/init.ts';
import { parseConfig } from '../../src/config/parse.ts';
import { parseContract } from '../../src/contract/contract-file.ts';
import { fixtureModel, git } from '../support/pull-request.ts';
import { testSurroundings } from '../support/surroundings.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'init repository '));
  git(folder, 'init', '--quiet', '--initial-branch=main');
  mkdirSync(join(folder, 'models'));
  cpSync(join(fixtureModel('digits'), 'model.onnx'), join(folder, 'models/digits.onnx'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const commit = (remote: string, files: Readonly<Record<string, string>> = {}): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  git(folder, 'add', '--all');
  git(folder, 'commit', '--quiet', '-m', 'Models');
  git(folder, 'remote', 'add', 'origin', remote);
};
const init = (options: Partial<InitOptions> = {}) =>
  initCommand({ cwd: folder, ...options }, testSurroundings());
const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
const GITHUB = 'https://github.com/acme/models.git';
const GITLAB = 'git@gitlab.example:acme/models.git';

describe('init', () => {
  it('shows every file and writes none until it is told to', async () => {
    commit(GITHUB);
    const { text } = await init();
    expect(text).toContain('New: .github/workflows/models.yml');
    expect(text).toContain('uses: quickserveml/quickserveml@v0');
    expect(text).toContain('New: models/digits.contract.json');
    expect(text).toContain('Nothing is written yet');
    expect(git(folder, 'status', '--porcelain')).toBe('');
  });

  it('writes a configuration and contracts that the tool itself takes', async () => {
    commit(GITHUB);
    await init({ yes: true });
    const config = parseConfig({ text: read('quickserveml.yml'), path: 'quickserveml.yml' });
    expect(config.models).toMatchObject([{ name: 'models/digits', path: 'models/digits.onnx' }]);
    const contract = parseContract(read('models/digits.contract.json'), 'digits.contract.json');
    expect(contract.interface.inputs.map(({ name }) => name)).toEqual(['image']);
  });

  it('changes nothing when it is run again, and leaves files of others alone', async () => {
    commit(GITHUB, { 'quickserveml.yml': 'version: 1\n' });
    await init({ yes: true });
    git(folder, 'add', '--all');
    git(folder, 'commit', '--quiet', '-m', 'Set up');
    const { document } = await init({ yes: true });
    expect(document).toMatchObject({ written: [] });
    expect(git(folder, 'status', '--porcelain')).toBe('');
    expect(read('quickserveml.yml')).toBe('version: 1\n');
  });

  it.each([
    ['stages: [build] # ours\nbuild:\n  script: [make]\n', 1],
    ['include:\n  - local: other.yml\nbuild:\n  script: [make]\n', 2],
    ['include: other.yml\n', 2],
  ])('adds the component to the .gitlab-ci.yml that is there: %j', async (existing, includes) => {
    commit(GITLAB, { '.gitlab-ci.yml': existing });
    await init({ yes: true });
    const after = parse(read('.gitlab-ci.yml')) as { include: unknown[] };
    expect(after).toMatchObject(existing.startsWith('include: other') ? {} : { build: { script: ['make'] } });
    expect(after.include).toHaveLength(includes);
    expect(after.include.at(-1)).toMatchObject({ file: 'gitlab/templates/check.yml' });
    if (existing.includes('# ours')) expect(read('.gitlab-ci.yml')).toContain('# ours');
  });

  it('leaves a Jenkinsfile to its author and says what to add', async () => {
    commit('https://git.example/models.git', { Jenkinsfile: 'node {}\n' });
    const { text } = await init({ yes: true });
    expect(text).toContain('By hand: add to Jenkinsfile');
    expect(text).toContain('quickservemlCheck');
    expect(read('Jenkinsfile')).toBe('node {}\n');
  });

  it('asks for models that are in Git LFS in the workflow', async () => {
    commit(GITHUB, { '.gitattributes': '*.onnx filter=lfs diff=lfs merge=lfs -text\n' });
    expect((await init()).text).toContain('lfs: true');
  });

  it('says why a contract is not written, and goes on', async () => {
    commit(GITHUB, { 'models/broken.onnx': 'no model' });
    const { text } = await init({ yes: true });
    expect(text).toContain('Left alone: models/broken.contract.json is not written');
    expect(text).toContain('Written: models/digits.contract.json');
  });

  it('asks which CI where nothing says it, and for a model where there is none', async () => {
    commit('https://git.example/models.git');
    await expect(init()).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--ci') });
    expect((await init({ ci: 'jenkins' })).text).toContain('New: Jenkinsfile');
    rmSync(join(folder, 'models'), { recursive: true });
    await expect(init({ ci: 'github' })).rejects.toMatchObject({ code: 'NO_MODELS' });
  });
});
