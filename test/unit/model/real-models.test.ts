import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Inspection, ValueInfo } from '../../../src/model/inspection.ts';
import { graphsOf } from '../../../src/model/model.ts';
import { assertLoadable, inspectModel, inspectRead } from '../../../src/model/model-inspection.ts';
import { readModel, readModelBytes } from '../../../src/model/model-reader.ts';
import { ONNXRUNTIME_LIMITS, predictSupport } from '../../../src/model/runtime-support.ts';
import { QuickServeError } from '../../../src/shared/errors.ts';
import { errorOf } from '../../support/model-bytes.ts';
import { lacks, modelsFolder } from '../../support/requirements.ts';

interface ManifestValue {
  readonly name: string;
  readonly type: string;
  readonly dtype?: string;
  readonly shape?: readonly (number | string | null)[] | null;
  readonly kind?: string;
}

interface ManifestEntry {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly format: 'onnx' | 'ort';
  readonly irVersion: number;
  readonly opsets: Record<string, number>;
  readonly producer: string;
  readonly inputs: readonly ManifestValue[];
  readonly outputs: readonly ManifestValue[];
  readonly initializerInputs: number;
  readonly nodeCount: number;
  readonly subgraphNodeCount: number;
  readonly initializerCount: number;
  readonly parameterCount: number;
  readonly constantNodeElements: number;
  readonly sparseInitializers: number;
  readonly functions: readonly string[];
  readonly externalData: readonly string[];
  readonly metadataProps: Record<string, string>;
  readonly initializerDtypes: Record<string, number>;
  readonly opCounts: Record<string, number>;
  readonly ort: { readonly load: string; readonly run: string | null };
}

const manifest = (): readonly ManifestEntry[] =>
  JSON.parse(readFileSync(resolve(modelsFolder, 'manifest.json'), 'utf8')) as ManifestEntry[];

/** The manifest spells float and double, and writes types of sequences in its own notation. */
function toManifestValue(value: ValueInfo): ManifestValue {
  const dtype = { float32: 'float', float64: 'double' }[value.dtype as string] ?? value.dtype;
  const shape = value.shape;
  const dims = shape === null ? '*' : shape.map(dim => dim ?? '?').join(',');
  if (value.kind === 'tensor') return { name: value.name, type: `${dtype}[${dims}]`, dtype, shape };
  const type = (value.type ?? '').replace(/tensor\((\w+)\)/, (_, element: string) => `${element}[${dims}]`);
  return { name: value.name, type, kind: value.kind };
}

const withoutNull = <Value>(record: Readonly<Record<string, Value>>): Record<string, Value> => ({
  ...record,
});

function factsOf(inspection: Inspection, path: string): Omit<ManifestEntry, 'name' | 'file' | 'ort'> {
  const model = readModel(path);
  const graphs = [...graphsOf(model)];
  const dtypes: Record<string, number> = {};
  let constantNodeElements = 0;
  const count = (dtype: string): void => {
    const name = { float32: 'float', float64: 'double' }[dtype] ?? dtype;
    dtypes[name] = (dtypes[name] ?? 0) + 1;
  };
  for (const graph of graphs) {
    for (const { dtype } of graph.initializers) count(dtype);
    for (const { values } of graph.sparseInitializers) count(values.dtype);
    for (const node of graph.nodes) {
      for (const { name, value } of node.attributes) {
        if (value.kind !== 'tensor') continue;
        count(value.value.dtype);
        if (node.opType === 'Constant' && name === 'value') constantNodeElements += value.value.elementCount;
      }
    }
  }
  return {
    bytes: inspection.sizeBytes,
    sha256: inspection.sha256 ?? '',
    format: inspection.format,
    irVersion: inspection.irVersion ?? 0,
    opsets: withoutNull(inspection.opsets),
    producer: `${inspection.producer.name} ${inspection.producer.version}`.trim(),
    inputs: inspection.inputs.map(toManifestValue),
    outputs: inspection.outputs.map(toManifestValue),
    initializerInputs: model.graph.inputs.length - inspection.inputs.length,
    nodeCount: inspection.nodeCount,
    subgraphNodeCount: inspection.subgraphNodeCount,
    initializerCount: inspection.initializerCount,
    parameterCount: inspection.parameterCount,
    constantNodeElements,
    sparseInitializers: model.graph.sparseInitializers.length,
    functions: model.functions.map(({ domain, name }) => `${domain}::${name}`),
    externalData: inspection.externalData.map(file => file.path),
    metadataProps: withoutNull(inspection.metadata),
    initializerDtypes: dtypes,
    opCounts: Object.fromEntries(
      Object.entries(inspection.operators).map(([name, count]) => [name.replace(':', '::'), count]),
    ),
  };
}

describe.skipIf(lacks('models'))('the shared real models', () => {
  const entries = lacks('models') ? [] : manifest();

  it.each(entries.filter(({ format }) => format === 'onnx'))(
    '$name is read as the manifest says',
    async entry => {
      const path = resolve(modelsFolder, entry.file);
      const facts = factsOf(await inspectModel(path, { sha256: true }), path);
      const expected = Object.fromEntries(
        Object.keys(facts).map(key => [key, entry[key as keyof ManifestEntry]]),
      );
      expect(facts).toEqual(expected);
    },
  );

  it.each(entries)('$name: what the runtime cannot do is predicted before it is asked', ({ file, ort }) => {
    const works = ort.load === 'ok' && ort.run === 'ok';
    const predicted = predictSupport(readModel(resolve(modelsFolder, file)), {
      ...ONNXRUNTIME_LIMITS,
      locales: [],
    });
    expect(predicted.filter(({ severity }) => severity === 'error').length > 0).toBe(!works);
  });

  it.each(entries)(
    '$name may be loaded only where that cannot crash or fail for a known reason',
    ({ file, ort }) => {
      const model = readModel(resolve(modelsFolder, file));
      const fails = ort.load !== 'ok' || ort.run !== 'ok';
      // StringNormalizer depends on the machine's locales, so it is a warning and the runtime is asked.
      const dependsOnMachine = file.includes('strnormalizer');
      if (fails && !dependsOnMachine)
        expect(errorOf(() => assertLoadable(model)).code).toBe('RUNTIME_UNSUPPORTED_MODEL');
      else expect(() => assertLoadable(model)).not.toThrow();
    },
  );

  it('reads the ORT format as far as it goes', async () => {
    const inspection = await inspectModel(resolve(modelsFolder, 'mnist_ort_format/model.ort'));
    expect(inspection).toMatchObject({
      format: 'ort',
      irVersion: 3,
      producer: { name: 'CNTK', version: '2.5.1' },
      inputs: [{ name: 'Input3', kind: 'tensor', dtype: 'float32', shape: [1, 1, 28, 28] }],
      outputs: [{ name: 'Plus214_Output_0', kind: 'tensor', dtype: 'float32', shape: [1, 10] }],
      nodeCount: 8,
      findings: [],
    });
    expect({ ...inspection.operators }).toEqual({ Conv: 2, MaxPool: 2, Relu: 2, Gemm: 1, Reshape: 1 });
  });

  it('refuses a damaged ORT file with a coded error, wherever the damage is', () => {
    const whole = readFileSync(resolve(modelsFolder, 'mnist_ort_format/model.ort'));
    for (let size = 8; size < whole.length; size += 61) {
      expect(['MODEL_MALFORMED', 'MODEL_NOT_ONNX', 'MODEL_TRUNCATED', undefined], `cut at ${size}`).toContain(
        outcomeOf(whole.subarray(0, size)),
      );
    }
    for (let offset = 8; offset < whole.length; offset += 13) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt32LE(0xfffffff0, Math.min(offset, damaged.length - 4));
      expect(['MODEL_MALFORMED', 'MODEL_LIMIT', undefined], `damage at ${offset}`).toContain(
        outcomeOf(damaged),
      );
    }
  });
});

/** The code of the error that reading ends in; undefined where it succeeds. */
function outcomeOf(bytes: Uint8Array): string | undefined {
  try {
    inspectRead(readModelBytes(bytes, 'model.ort'), null);
    return undefined;
  } catch (error) {
    if (error instanceof QuickServeError) return error.code;
    throw error;
  }
}
