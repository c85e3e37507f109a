import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type InspectArguments, inspectCommand } from '../../src/commands/inspect.ts';
import type { Outline } from '../../src/model/drawing/outline.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

const folder = mkdtempSync(join(tmpdir(), 'inspect-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fixture = (name: string): string => join(projectRoot, 'fixtures/models', name, 'model.onnx');

const inspect = (model: string, more: Partial<InspectArguments> = {}) =>
  inspectCommand(
    { cwd: folder, model: fixture(model), threads: 1, provider: 'cpu', dim: [], ...more },
    testSurroundings(),
  );

describe('inspect', () => {
  it('adds the structure to the inspection, and nothing that was not asked for', async () => {
    const { document, text, exitCode } = await inspect('digits');
    expect(document).toMatchObject({ nodeCount: 13, structure: { functions: [] } });
    expect(Object.keys(document as object)).not.toEqual(
      expect.arrayContaining(['profile', 'advice', 'diff', 'netron']),
    );
    expect(text).toContain('4 Conv');
    expect(exitCode).toBe(0);
  });

  it('names the models as they were given', async () => {
    const models = join(projectRoot, 'fixtures/models');
    const given = { cwd: models, model: 'digits/model.onnx', threads: 1, provider: 'cpu', dim: [] };
    const alone = await inspectCommand(given, testSurroundings());
    expect(alone.document).toMatchObject({ path: 'digits/model.onnx' });
    expect(alone.text).toMatch(/^digits\/model\.onnx /);
    const both = await inspectCommand({ ...given, diff: 'digits-wide/model.onnx' }, testSurroundings());
    expect(both.text).toContain('digits-wide/model.onnx');
    expect(both.text).not.toContain(models);
  });

  it('answers --diff in place of the inspection', async () => {
    const { document, text } = await inspect('digits-int8', { diff: fixture('digits') });
    expect(document).toMatchObject({ diff: { verdict: 'other precision', nodes: { matched: 13 } } });
    expect(text).toMatch(/^The same graph in another precision/);
  });

  it.skipIf(lacks('runtime'))('profiles with the case beside the model, and gives advice', async () => {
    const { document, text } = await inspect('digits', { profile: true });
    expect(document).toMatchObject({
      profile: { provider: 'cpu', threads: 1, totals: { parameterCount: 68_170 } },
      advice: expect.any(Array),
    });
    expect(text).toMatch(/Time by operator\n +.*Conv/);
  });

  it('does not start the runtime for a model that it cannot run', async () => {
    const start = inspect('aborts', { profile: true, runtimePath: join(folder, 'nowhere') });
    await expect(start).rejects.toMatchObject({ code: 'RUNTIME_UNSUPPORTED_MODEL' });
  });

  it('writes the graph as a drawing and as data', async () => {
    await inspect('encoder', { graph: 'graph.svg' });
    expect(readFileSync(join(folder, 'graph.svg'), 'utf8')).toMatch(
      /^<svg xmlns=[\s\S]*MatMul[\s\S]*<\/svg>\n$/,
    );
    await inspect('encoder', { graph: 'graph.json' });
    const outline = JSON.parse(readFileSync(join(folder, 'graph.json'), 'utf8')) as Outline;
    expect(outline.boxes.length).toBeGreaterThan(5);
    expect(outline.arrows.length).toBeGreaterThan(5);
  });

  it.each([
    ['graph.png', 'USAGE'],
    ['missing/graph.svg', 'OUTPUT_UNWRITABLE'],
  ])('refuses to write the graph to %s', async (graph, code) => {
    await expect(inspect('digits', { graph })).rejects.toMatchObject({ code });
  });

  it('links to Netron for a public address, and for no other', async () => {
    const { document, text } = await inspect('digits', { url: 'https://example.org/a b/model.onnx?x=1&y=2' });
    const link = 'https://netron.app/?url=https%3A%2F%2Fexample.org%2Fa%20b%2Fmodel.onnx%3Fx%3D1%26y%3D2';
    expect((document as { netron: string }).netron).toBe(link.replace('%20', '%2520'));
    expect(text).toContain('Netron  https://netron.app/?url=');
    for (const url of [
      'http://example.org/m.onnx',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'https://user:secret@example.org/',
      'nothing',
    ]) {
      await expect(inspect('digits', { url })).rejects.toMatchObject({ code: 'USAGE' });
    }
  });

  it('wants sizes for --dim', async () => {
    await expect(inspect('digits', { profile: true, dim: ['batch'] })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});
