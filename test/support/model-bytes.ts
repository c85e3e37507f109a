import { expect } from 'vitest';
import {
  buildModel,
  type GraphSpec,
  type ModelSpec,
  node,
  tensorValue,
} from '../../fixtures/generator/onnx-writer.ts';
import type { Model } from '../../src/model/model.ts';
import { readModelBytes } from '../../src/model/model-reader.ts';
import { QuickServeError } from '../../src/shared/errors.ts';

/** A valid model of one node, `y = Neg(x)`, with parts of it replaced. */
export function smallModel(graph: Partial<GraphSpec> = {}, model: Partial<ModelSpec> = {}): Uint8Array {
  return buildModel({
    producerName: 'test',
    graph: {
      name: 'small',
      nodes: [node('Neg', ['x'], ['y'], {}, { name: 'negate' })],
      inputs: [tensorValue('x', 'float32', ['N', 3])],
      outputs: [tensorValue('y', 'float32', ['N', 3])],
      ...graph,
    },
    ...model,
  });
}

export const read = (bytes: Uint8Array): Model => readModelBytes(bytes, 'model.onnx');

/** Runs `action`, which must throw a QuickServeError, and returns it. */
export function errorOf(action: () => unknown): QuickServeError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(QuickServeError);
    return error as QuickServeError;
  }
  throw new Error('Nothing was thrown.');
}
