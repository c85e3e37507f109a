import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacks } from '../support/requirements.ts';
import { sayingsOf, ThreePlatforms } from '../support/three-platforms.ts';

const CONFIG = 'version: 1\nmodels:\n  digits: { path: models/digits.onnx }\n';

const CHANGES = [
  ['clean', { 'README.md': { text: 'words' } }, '2s', 0, 'identical'],
  ['breaks its callers', { 'models/digits.onnx': { model: 'digits-renamed-input' } }, '2s', 1, 'changed'],
  [
    'comes for the first time',
    {
      'models/reader.onnx': { model: 'digits-equivalent' },
      'quickserveml.yml': { text: `${CONFIG}  reader: { path: models/reader.onnx }\n` },
    },
    '2s',
    0,
    'added',
  ],
  ['is slower', { 'models/digits.onnx': { model: 'digits-wide' } }, '20s', 1, 'changed'],
] as const;

describe.skipIf(lacks('runtime') || lacks('rsync') || lacks('groovy'))(
  'the same change on three platforms',
  () => {
    let world: ThreePlatforms;
    beforeAll(async () => {
      world = await ThreePlatforms.create({
        'quickserveml.yml': { text: CONFIG },
        'models/digits.onnx': { model: 'digits' },
      });
    });
    afterAll(async () => {
      expect(world.violations).toEqual([]);
      await world[Symbol.asyncDispose]();
    });

    it.each(CHANGES)(
      'that %s has the same verdict, exit code and comment',
      { timeout: 400_000 },
      async (_name, contents, budget, exitCode, state) => {
        const files = world.starter.files('check', { budget, base: world.base });
        const change = world.propose({ ...files, ...contents });
        const hub = await world.onGitHub(change, { budget });
        const lab = await world.onGitLab(change);
        const jenkins = await world.onJenkins(change, { budget });
        expect(hub.exitCode, hub.comment).toBe(exitCode);
        expect(hub.states.join(' ')).toContain(state);
        for (const other of [lab, jenkins]) {
          expect(other).toMatchObject({
            exitCode: hub.exitCode,
            gate: hub.gate,
            states: hub.states,
            problems: hub.problems,
          });
          expect(sayingsOf(other.comment)).toEqual(sayingsOf(hub.comment));
        }
      },
    );
  },
);
