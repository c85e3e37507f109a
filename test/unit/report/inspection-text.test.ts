import { describe, expect, it } from 'vitest';
import type { Inspection } from '../../../src/model/inspection.ts';
import { renderInspection } from '../../../src/report/inspection-text.ts';

const inspection = (parts: Partial<Inspection> = {}): Inspection => ({
  path: 'digits.onnx',
  sizeBytes: 20_480,
  sha256: null,
  format: 'onnx',
  irVersion: 8,
  opsets: { 'ai.onnx': 17 },
  producer: { name: 'pytorch', version: '2.3' },
  metadata: {},
  inputs: [{ name: 'image', kind: 'tensor', dtype: 'float32', shape: ['N', 1, 28, null] }],
  outputs: [{ name: 'scores', kind: 'tensor', dtype: 'float32', shape: ['N', 10] }],
  nodeCount: 7,
  subgraphNodeCount: 0,
  functionCount: 0,
  operators: { Relu: 2, Conv: 4, Gemm: 1 },
  initializerCount: 5,
  parameterCount: 4830,
  initializerBytes: { float32: 19_320 },
  externalData: [],
  findings: [],
  ...parts,
});

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('the text of an inspection', () => {
  it('says what matters on one screen', () => {
    expect(plain(renderInspection(inspection()))).toBe(
      [
        'digits.onnx  ONNX, 20.5 KB',
        '',
        '  Producer    pytorch 2.3',
        '  Opset       17',
        '  IR version  8',
        '  Graph       7 nodes, 5 initializers',
        '  Parameters  4,830 (float32 19.3 KB)',
        '',
        'Inputs',
        '  image  float32[N, 1, 28, ?]',
        '',
        'Outputs',
        '  scores  float32[N, 10]',
        '',
        'Operators',
        '  4 Conv, 2 Relu, 1 Gemm',
      ].join('\n'),
    );
  });

  it('shows findings, external data and metadata where there are any', () => {
    const text = plain(
      renderInspection(
        inspection({
          metadata: { author: 'me', '': 'nobody' },
          externalData: [{ path: 'w.bin', sizeBytes: null, exists: false }],
          findings: [
            { code: 'EXTERNAL_DATA_MISSING', severity: 'error', message: 'It is gone.', hint: 'Fetch it.' },
          ],
        }),
      ),
    );
    expect(text).toContain('External data\n  w.bin  missing');
    expect(text).toContain('Metadata\n  author    me\n  (no key)  nobody');
    expect(text).toContain('Findings\n  error EXTERNAL_DATA_MISSING\n    It is gone.\n    Fetch it.');
  });

  it('lets no name act on the terminal or flood it', () => {
    const evil = '\u001b]0;owned\u0007\r\n::error::x\u202e';
    const text = renderInspection(
      inspection({
        path: evil,
        producer: { name: evil, version: evil },
        opsets: { [evil]: 1 },
        metadata: { [evil]: evil.repeat(1000) },
        inputs: [{ name: evil.repeat(10_000), kind: 'sequence', dtype: 'float32', shape: null, type: evil }],
        outputs: Array.from({ length: 5000 }, (_, index) => ({
          name: `o${index}`,
          kind: 'tensor',
          dtype: 'bool',
          shape: [],
        })),
        operators: Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`${evil}${index}`, 1])),
        externalData: [{ path: evil, sizeBytes: 1, exists: true }],
        findings: [{ code: evil, severity: 'info', message: evil, hint: evil }],
      }),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the absence of control characters is what is tested
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(text.split('\n').every(line => !line.startsWith('::'))).toBe(true);
    expect(text.length).toBeLessThan(6000);
  });
});
