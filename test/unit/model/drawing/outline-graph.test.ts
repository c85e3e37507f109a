import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  attribute,
  buildModel,
  node,
  tensor,
  tensorValue,
} from '../../../../fixtures/generator/onnx-writer.ts';
import type { Outline } from '../../../../src/model/drawing/outline.ts';
import { outlineGraph } from '../../../../src/model/drawing/outline-graph.ts';
import { findRepeat } from '../../../../src/model/drawing/repeats.ts';
import { readModel, readModelBytes } from '../../../../src/model/model-reader.ts';
import { renderGraphSvg } from '../../../../src/report/graph-svg.ts';
import { HOSTILE_NAMES } from '../../../support/hostile-set.ts';
import { lacks, modelsFolder, projectRoot } from '../../../support/requirements.ts';

const outlineOf = (path: string): Outline => outlineGraph(readModel(path).graph);
const shared = (name: string): string => join(modelsFolder, name, 'model.onnx');

/** `count` residual blocks of five nodes. */
function residual(count: number): Outline {
  const nodes = Array.from({ length: count }, (_, index) => {
    const from = index === 0 ? 'x' : `o${index - 1}`;
    return [
      node('Conv', [from, 'w'], [`a${index}`]),
      node('Relu', [`a${index}`], [`b${index}`]),
      node('Conv', [`b${index}`, 'w'], [`c${index}`]),
      node('Add', [`c${index}`, from], [`d${index}`]),
      node('Relu', [`d${index}`], [`o${index}`]),
    ];
  }).flat();
  const bytes = buildModel({
    graph: {
      inputs: [tensorValue('x', 'float32', [1, 2, 8, 8])],
      outputs: [tensorValue(`o${count - 1}`, 'float32', null)],
      nodes,
      initializers: [tensor('w', 'float32', [2, 2, 1, 1], [1, 2, 3, 4])],
    },
  });
  return outlineGraph(readModelBytes(bytes, 'm.onnx').graph);
}

describe('what is drawn of a graph', () => {
  it('is every node where there are few', () => {
    const outline = outlineOf(join(projectRoot, 'fixtures/models/digits/model.onnx'));
    expect(outline.frames).toEqual([]);
    expect(outline.boxes.filter(({ kind }) => kind !== 'input' && kind !== 'output').length).toBe(
      outline.nodeCount,
    );
  });

  it('is one block in a frame where it repeats', () => {
    const outline = residual(20);
    expect(outline.frames.map(({ repeats }) => repeats)).toEqual([20]);
    expect(outline.boxes.length).toBeLessThan(8);
    expect(
      outline.boxes.find(({ kind }) => kind === 'product')?.lines.map(({ operator }) => operator),
    ).toEqual(['Conv', 'Relu', 'Conv']);
  });

  it('has arrows only between boxes that are there, and none from a box to itself', () => {
    for (const outline of [
      residual(20),
      residual(3),
      outlineOf(join(projectRoot, 'fixtures/models/encoder/model.onnx')),
    ]) {
      const ids = new Set(outline.boxes.map(({ id }) => id));
      expect(outline.arrows.length).toBeGreaterThan(0);
      expect(outline.arrows.every(({ from, to }) => ids.has(from) && ids.has(to) && from !== to)).toBe(true);
    }
  });

  it.skipIf(lacks('models'))('makes a transformer of 3,836 nodes readable', () => {
    expect(existsSync(shared('tfbert_qa_3836_nodes'))).toBe(true);
    const outline = outlineOf(shared('tfbert_qa_3836_nodes'));
    expect(outline.nodeCount).toBe(3836);
    expect(outline.boxes.length).toBeLessThan(80);
    expect(outline.frames.some(({ repeats }) => repeats >= 23)).toBe(true);
    const svg = renderGraphSvg(outline, 'tfbert');
    expect(svg).toContain('× 23');
    expect(svg.length).toBeLessThan(100_000);
  });

  it('draws a graph with a cycle without going round', () => {
    const bytes = buildModel({
      graph: {
        inputs: [tensorValue('x', 'float32', [1])],
        outputs: [tensorValue('y', 'float32', [1])],
        nodes: [node('Add', ['x', 'b'], ['a']), node('Neg', ['a'], ['b']), node('Neg', ['b'], ['y'])],
      },
    });
    expect(outlineGraph(readModelBytes(bytes, 'm.onnx').graph).boxes.length).toBe(5);
  });

  it('writes names into the SVG as text, whatever they hold', () => {
    for (const name of HOSTILE_NAMES) {
      const bytes = buildModel({
        graph: {
          inputs: [tensorValue(name, 'float32', [1])],
          outputs: [tensorValue('y', 'float32', [1])],
          nodes: [node(name, [name], ['y'], { axis: attribute.int(1) }, { name, domain: name })],
        },
      });
      const svg = renderGraphSvg(outlineGraph(readModelBytes(bytes, 'm.onnx').graph), name);
      expect(svg.match(/<(?!\/?(?:svg|defs|marker|path|rect|text|tspan|g|title)\b)/g)).toBeNull();
    }
  });
});

describe('the search for repeats', () => {
  it.each([
    ['abcabcabcx', { start: 0, period: 3, count: 3 }],
    ['xyabababab', { start: 2, period: 2, count: 4 }],
    ['aaaaaaaa', { start: 0, period: 1, count: 8 }],
    ['abcdefgh', null],
    ['abab', null],
  ] as const)('in %s finds %j', (text, repeat) => {
    expect(findRepeat([...text])).toEqual(repeat);
  });
});
