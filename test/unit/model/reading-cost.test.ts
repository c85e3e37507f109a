import { describe, expect, it } from 'vitest';
import { encodeGraph, node, tensorValue } from '../../../fixtures/generator/onnx-writer.ts';
import {
  bytesFieldHeader,
  concatBytes,
  messageField,
  textField,
  varintField,
} from '../../../fixtures/generator/protobuf-writer.ts';
import type { ByteSource } from '../../../src/model/byte-source.ts';
import { readModelFrom } from '../../../src/model/model-reader.ts';

/** Pieces of bytes, and numbers for so many zeros that are nowhere in memory. */
function sourceOf(
  pieces: readonly (Uint8Array | number)[],
): ByteSource & { readonly bytesRead: () => number } {
  let total = 0;
  let bytesRead = 0;
  const placed = pieces.map(piece => {
    const start = total;
    total += typeof piece === 'number' ? piece : piece.length;
    return { start, end: total, piece };
  });
  return {
    name: 'model.onnx',
    sizeBytes: total,
    bytesRead: () => bytesRead,
    read(offset, target) {
      const end = Math.min(offset + target.length, total);
      target.fill(0);
      for (const { start, end: pieceEnd, piece } of placed) {
        if (typeof piece === 'number' || pieceEnd <= offset || start >= end) continue;
        const from = Math.max(offset, start);
        target.set(piece.subarray(from - start, Math.min(pieceEnd, end) - start), from - offset);
      }
      bytesRead += end - offset;
      return end - offset;
    },
  };
}

const rest = encodeGraph({
  name: 'large',
  nodes: [node('Neg', ['x'], ['y'])],
  inputs: [tensorValue('x', 'float32', [1])],
  outputs: [tensorValue('y', 'float32', [1])],
});

function largeModel(tensorCount: number, tensorBytes: number): ReturnType<typeof sourceOf> {
  const headers = Array.from({ length: tensorCount }, (_, index) => {
    const fields = concatBytes([
      varintField(1, tensorBytes / 4),
      varintField(2, 1),
      textField(8, `w${index}`),
    ]);
    const payload = bytesFieldHeader(9, tensorBytes);
    return concatBytes([bytesFieldHeader(5, fields.length + payload.length + tensorBytes), fields, payload]);
  });
  const graphBytes = headers.reduce((sum, header) => sum + header.length + tensorBytes, rest.length);
  return sourceOf([
    concatBytes([varintField(1, 8), bytesFieldHeader(7, graphBytes)]),
    ...headers.flatMap(header => [header, tensorBytes]),
    rest,
    messageField(8, [varintField(2, 17)]),
  ]);
}

describe('the cost of reading', () => {
  it('follows the structure and not the weights', () => {
    const small = largeModel(50, 4_000);
    const large = largeModel(50, 36_000_000);
    expect(large.sizeBytes).toBeGreaterThan(1.7e9);
    expect(readModelFrom(small).graph.initializers).toHaveLength(50);
    const model = readModelFrom(large);
    expect(model.graph.initializers.map(({ elementCount }) => elementCount)).toEqual(
      Array(50).fill(9_000_000),
    );
    expect(model.graph.nodes).toHaveLength(1);
    expect(model.findings).toEqual([]);
    expect(large.bytesRead()).toBeLessThan(500_000);
  });

  it('says that protobuf ends at 2 GiB, and reads the model all the same', () => {
    const model = readModelFrom(largeModel(3, 1_000_000_000));
    expect(model.graph.initializers).toHaveLength(3);
    expect(model.findings).toMatchObject([{ code: 'MODEL_OVER_2_GIB', severity: 'error' }]);
  });

  it('keeps 100,000 nodes apart', () => {
    const nodes = Array.from({ length: 100_000 }, (_, index) =>
      node('Neg', [`v${index}`], [`v${index + 1}`], {}, { name: `n${index}` }),
    );
    const graph = encodeGraph({
      nodes,
      inputs: [tensorValue('v0', 'float32', [1])],
      outputs: [tensorValue('v100000', 'float32', [1])],
    });
    const source = sourceOf([
      varintField(1, 8),
      messageField(7, [graph]),
      messageField(8, [varintField(2, 17)]),
    ]);
    const model = readModelFrom(source);
    expect(model.graph.nodes).toHaveLength(100_000);
    expect(model.graph.nodes[54_321]).toMatchObject({
      name: 'n54321',
      opType: 'Neg',
      inputs: ['v54321'],
      outputs: ['v54322'],
    });
    expect(source.bytesRead()).toBeLessThan(source.sizeBytes * 1.2 + 500_000);
  });
});
