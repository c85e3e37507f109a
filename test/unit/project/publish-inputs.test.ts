import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { createProgram } from '../../../src/commands/definitions/program.ts';
import { PROOF_MODES } from '../../../src/config/proof-modes.ts';
import { projectRoot } from '../../support/requirements.ts';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

interface Inputs {
  readonly inputs: Readonly<Record<string, { readonly options?: readonly string[] }>>;
}
const action: Inputs = parse(read('action.yml'));
const template = read('gitlab/templates/publish.yml');
const component = Object(parseAllDocuments(template)[0]?.toJS()).spec as Inputs;
const step = read('jenkins/vars/quickservemlPublish.groovy');
const stepOptions = [...(/allowed = \[([^\]]*)\]/.exec(step)?.[1] ?? '').matchAll(/'(\w+)'/g)].map(
  ([, name]) => name,
);

/**
 * Every option of `publish`, and what it is called where CI gives it: by the Action, the GitLab component and the Jenkins
 * step. null: it is left to the configuration and the command line.
 */
const CALLED: Readonly<Record<string, readonly [string | null, string | null, string | null]>> = {
  config: ['config', 'config', 'config'],
  branch: ['registry-branch', null, null],
  remote: [null, null, null],
  image: ['image', 'target', 'target'],
  'base-image': ['base-image', null, null],
  platform: ['platforms', null, null],
  output: ['output', null, null],
  tag: ['tags', null, null],
  'allow-move': ['allow-move', 'allow-move', 'allowMove'],
  force: ['force', null, null],
  reason: ['reason', 'reason', 'reason'],
  promote: ['promote', 'promote', 'promote'],
  port: ['port', 'port', 'port'],
  created: ['created', 'created', 'created'],
  insecure: ['insecure-registries', null, null],
  'registry-ca': ['registry-ca', null, null],
  'runtime-path': ['runtime-path', null, null],
  proofs: ['proofs', 'proofs', 'proofs'],
  'dry-run': ['dry-run', null, null],
  cwd: ['working-directory', 'working-directory', 'workingDirectory'],
};
/** How all commands speak. */
const SPEECH = ['json', 'quiet', 'no-color'];

describe('the options of publish', () => {
  const command = createProgram({ run: () => Promise.resolve(), usesColor: false } as never).commands.find(
    each => each.name() === 'publish',
  );
  const options = (command?.options ?? []).map(({ long }) => long?.replace('--', '') ?? '');

  test('are all decided on for the Action, the GitLab component and the Jenkins step', () => {
    expect(options.filter(name => !SPEECH.includes(name)).sort()).toEqual(Object.keys(CALLED).sort());
  });

  test.each(Object.entries(CALLED))('%s is taken wherever it is said to be', (option, names) => {
    const [inAction, inComponent, inStep] = names;
    if (inAction !== null) expect(Object.keys(action.inputs)).toContain(inAction);
    if (inComponent !== null) {
      expect(Object.keys(component.inputs)).toContain(inComponent);
      expect(template).toContain(`--${option}`);
    }
    if (inStep !== null) expect(stepOptions).toContain(inStep);
  });

  test('have the same choices of proofs everywhere', () => {
    expect(command?.options.find(({ long }) => long === '--proofs')?.argChoices).toEqual([...PROOF_MODES]);
    expect(component.inputs['proofs']?.options).toEqual(['', ...PROOF_MODES]);
    for (const mode of PROOF_MODES) expect(read('action.yml')).toContain(`\`${mode}\``);
  });
});
