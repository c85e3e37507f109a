import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  attribute,
  buildModel,
  type ModelSpec,
  node,
  tensor,
  tensorValue,
} from '../../../../fixtures/generator/onnx-writer.ts';
import { diffModels, type ModelDiff } from '../../../../src/model/diff/model-diff.ts';
import { readModel } from '../../../../src/model/model-reader.ts';
import { renderDiff } from '../../../../src/report/diff-text.ts';
import { projectRoot } from '../../../support/requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'diff-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fixture = (name: string) => readModel(join(projectRoot, 'fixtures/models', name, 'model.onnx'));
const diffFixtures = (before: string, after: string): ModelDiff =>
  diffModels(fixture(before), fixture(after));

let written = 0;
function write(spec: ModelSpec) {
  written += 1;
  const path = join(folder, `${written}.onnx`);
  writeFileSync(path, buildModel(spec));
  return readModel(path);
}

/** Convolutions in a row; names get a prefix, since exporters choose them anew each time. */
function convolutions(
  count: number,
  prefix = 'n',
  change: { readonly at: number; readonly stride: number } | null = null,
): ModelSpec {
  return {
    producerName: 'test',
    graph: {
      inputs: [tensorValue('x', 'float32', [1, 2, 16, 16])],
      outputs: [tensorValue('y', 'float32', null)],
      nodes: Array.from({ length: count }, (_, index) => [
        node(
          'Conv',
          [index === 0 ? 'x' : `${prefix}r${index - 1}`, `${prefix}w${index}`],
          [`${prefix}c${index}`],
          { strides: attribute.ints(change?.at === index ? [change.stride, change.stride] : [1, 1]) },
          { name: `${prefix}conv${index}` },
        ),
        node(
          'Relu',
          [`${prefix}c${index}`],
          [index === count - 1 ? 'y' : `${prefix}r${index}`],
          {},
          { name: `${prefix}relu${index}` },
        ),
      ]).flat(),
      initializers: Array.from({ length: count }, (_, index) =>
        tensor(`${prefix}w${index}`, 'float32', [2, 2, 1, 1], [index + 1, 2, 3, 4]),
      ),
    },
  };
}

describe('the difference of two models', () => {
  it.each([
    ['digits', 'digits', 'same model'],
    ['digits', 'digits-equivalent', 're-export'],
    ['digits', 'digits-external', 'same model'],
    ['digits', 'digits-damaged', 'new weights'],
    ['digits', 'digits-fp16', 'other precision'],
    ['digits', 'digits-int8', 'other precision'],
    ['digits', 'digits-renamed-input', 'changed interface'],
    ['digits', 'digits-wide', 'changed architecture'],
    ['digits', 'encoder', 'changed architecture'],
  ] as const)('from %s to %s is: %s', (before, after, verdict) => {
    expect(diffFixtures(before, after).verdict).toBe(verdict);
  });

  it('matches nodes by structure when every generated name differs', () => {
    const diff = diffModels(write(convolutions(6, 'n')), write(convolutions(6, 'other_')));
    expect(diff.nodes).toMatchObject({ matched: 12, renamed: 12, changed: [], added: [], removed: [] });
    expect(diff.verdict).toBe('re-export');
    expect(diff.weights).toMatchObject({ compared: 6, equal: 6 });
  });

  it('finds the one changed attribute between nodes that all look alike', () => {
    const diff = diffModels(write(convolutions(6)), write(convolutions(6, 'm', { at: 3, stride: 2 })));
    expect(diff.nodes.changed).toEqual([
      {
        name: 'mconv3',
        operatorBefore: 'Conv',
        operatorAfter: 'Conv',
        changes: ['strides: [1, 1] → [2, 2]'],
      },
    ]);
    expect(diff.verdict).toBe('changed architecture');
  });

  it('says which operator stands in the place of another', () => {
    const base = convolutions(4);
    const nodes = base.graph.nodes.map(each => (each.outputs[0] === 'nr1' ? { ...each, op: 'Tanh' } : each));
    const diff = diffModels(write(base), write({ ...base, graph: { ...base.graph, nodes } }));
    expect(diff.nodes).toMatchObject({
      changed: [{ name: 'nrelu1', operatorBefore: 'Relu', operatorAfter: 'Tanh', changes: [] }],
      added: [],
      removed: [],
    });
  });

  it('says that blocks were added, and matches the rest', () => {
    const diff = diffModels(write(convolutions(4)), write(convolutions(6)));
    expect(diff.nodes).toMatchObject({ matched: 8, removed: [] });
    expect(diff.nodes.added.map(({ operator }) => operator).sort()).toEqual(['Conv', 'Conv', 'Relu', 'Relu']);
  });

  it('looks through conversions, so that a quantised graph still matches', () => {
    const { nodes, weights } = diffFixtures('digits', 'digits-int8');
    expect(nodes).toMatchObject({
      matched: 13,
      added: [],
      removed: [],
      conversions: { before: 0, after: 24 },
    });
    expect(weights.reshaped).toBe(8);
  });

  it('measures how far weights have moved as relative L2, over one and over all', () => {
    const base = convolutions(2);
    const moved: ModelSpec = {
      ...base,
      graph: {
        ...base.graph,
        initializers: [
          tensor('nw0', 'float32', [2, 2, 1, 1], [1, 2, 3, 4.3]),
          tensor('nw1', 'float32', [2, 2, 1, 1], [2, 2, 3, 4]),
        ],
      },
    };
    const { weights, verdict } = diffModels(write(base), write(moved));
    expect(verdict).toBe('new weights');
    expect(weights).toMatchObject({ compared: 2, equal: 1, moved: 1 });
    expect(weights.movedMost[0]?.relativeL2).toBeCloseTo(0.3 / Math.sqrt(30), 5);
    expect(weights.relativeL2).toBeCloseTo(0.3 / Math.sqrt(30), 5);
  });

  it('compares external data like data of the file', () => {
    expect(diffFixtures('digits', 'digits-external').weights).toMatchObject({
      compared: 10,
      equal: 10,
      unknown: 0,
    });
    expect(diffFixtures('digits-external', 'digits-damaged').weights).toMatchObject({ equal: 9, moved: 1 });
  });

  it('compares weights that are written as lists of integers, and lists of integers with raw data', () => {
    const withBias = (values: readonly number[], fields: boolean): ModelSpec => ({
      graph: {
        inputs: [tensorValue('x', 'int64', [3])],
        outputs: [tensorValue('y', 'int64', [3])],
        nodes: [node('Add', ['x', 'b'], ['y'])],
        initializers: [
          { name: 'b', dtype: 'int64', dims: [3], content: { kind: 'values', values: [...values], fields } },
        ],
      },
    });
    const list = write(withBias([-1, 2, 300], true));
    expect(diffModels(list, write(withBias([-1, 2, 300], false))).weights).toMatchObject({
      compared: 1,
      equal: 1,
    });
    expect(diffModels(list, write(withBias([-1, 2, 301], true))).weights).toMatchObject({
      moved: 1,
      unknown: 0,
    });
  });

  it('is the same whichever side is asked: what one calls added the other calls removed', () => {
    const [small, large] = [write(convolutions(4)), write(convolutions(6))];
    expect(diffModels(small, large).nodes.added.length).toBe(diffModels(large, small).nodes.removed.length);
  });

  it('fits on one screen and starts with the answer', () => {
    const text = renderDiff(diffFixtures('digits', 'digits-wide'));
    expect(text.split('\n').length).toBeLessThan(40);
    expect(text).toMatch(/^A changed architecture: 4 nodes have other settings or sizes/);
    expect(renderDiff(diffFixtures('digits', 'digits-damaged'))).toMatch(/^The same graph with new weights/);
  });
});
