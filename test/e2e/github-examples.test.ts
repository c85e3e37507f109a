import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver, takeBack } from '../support/installed-copy.ts';
import { type LfsServer, startLfsServer } from '../support/lfs-server.ts';
import { type Content, fixtureModel } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { NUMBER, ThreePlatforms } from '../support/three-platforms.ts';
import { actionInputs, exampleSteps } from '../support/workflow-example.ts';

describe.skipIf(lacks('runtime'))('the example that checks pull requests', () => {
  let world: ThreePlatforms;
  beforeAll(async () => {
    world = await ThreePlatforms.create({ 'models/digits.onnx': { model: 'digits' } });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it('needs no configuration, comments, fails, and leaves the report where it is uploaded from', async () => {
    const steps = exampleSteps('github-check.yml');
    const change = world.propose({ 'models/digits.onnx': { model: 'digits-renamed-input' } });
    const clone = world.checkoutForGitHub(change);
    const result = await world.runOnGitHub(clone, change, actionInputs(steps));
    expect(result.exitCode).toBe(1);
    expect(world.github.commentsOf(NUMBER)).toMatchObject([
      { body: expect.stringContaining('accept-break:models/digits') },
    ]);
    const upload = steps.find(({ uses }) => uses?.startsWith('actions/upload-artifact@'));
    expect(existsSync(join(clone, String(upload?.with?.['path']), 'report.html'))).toBe(true);
    expect(world.violations).toEqual([]);
  });
});

describe.skipIf(lacks('runtime') || lacks('git-lfs'))('the example with models in Git LFS', () => {
  let lfs: LfsServer;
  let world: ThreePlatforms;
  const pointerTo = (name: string): Content => {
    const bytes = readFileSync(join(fixtureModel(name), 'model.onnx'));
    const oid = createHash('sha256').update(bytes).digest('hex');
    lfs.objects.set(oid, bytes);
    return { text: `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${bytes.length}\n` };
  };
  beforeAll(async () => {
    lfs = await startLfsServer();
    world = await ThreePlatforms.create({
      '.lfsconfig': { text: `[lfs]\n\turl = ${lfs.url}/info/lfs\n` },
      '.gitattributes': { text: '*.onnx filter=lfs diff=lfs merge=lfs -text\n' },
      'ml/quickserveml.yml': { text: 'version: 1\nmodels:\n  digits: { path: ml/digits.onnx }\n' },
      'ml/digits.onnx': pointerTo('digits'),
    });
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await lfs[Symbol.asyncDispose]();
  });

  it('compares the objects that git-lfs put there with those of the base, which the check fetches', async () => {
    const steps = exampleSteps('github-git-lfs.yml');
    const [checkout] = steps;
    expect(checkout?.with).toEqual({ lfs: 'true' });
    const change = world.propose({ 'ml/digits.onnx': pointerTo('digits-optional-output') });
    const clone = world.checkoutForGitHub(change);
    takeBack(clone);
    // What actions/checkout does where `lfs` is true.
    for (const args of [
      ['lfs', 'install', '--local'],
      ['lfs', 'pull'],
    ])
      await promisify(execFile)('git', args, { cwd: clone });
    handOver(clone);
    expect(readFileSync(join(clone, 'ml/digits.onnx')).length).toBeGreaterThan(100_000);
    const fetched = lfs.requests.length;
    const result = await world.runOnGitHub(clone, change, { ...actionInputs(steps), budget: '2s' });
    expect(result).toMatchObject({
      exitCode: 0,
      outputs: { 'changed-models': expect.stringContaining('digits') },
    });
    expect(['passed', 'warned']).toContain(result.outputs['verdict']);
    expect(lfs.requests.length).toBeGreaterThan(fetched);
    // The outputs that the last step prints.
    const printed = Object.values(steps.at(-1)?.env ?? {}).map(
      text => /outputs\.([\w-]+)/.exec(text)?.[1] ?? '',
    );
    expect(printed.filter(name => result.outputs[name] === undefined)).toEqual([]);
    expect(world.violations).toEqual([]);
  });
});
