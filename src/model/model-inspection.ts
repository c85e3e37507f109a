import { ERROR_CATALOG, type ErrorCode } from '../shared/error-catalog.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { Finding } from '../shared/finding.ts';
import { examineExternalData } from './external-data.ts';
import type { Inspection } from './inspection.ts';
import { graphsOf, type Model, type Node, operatorNameOf, type TensorInfo } from './model.ts';
import { checkModel } from './model-checks.ts';
import { hashFile } from './model-identity.ts';
import { interfaceOf } from './model-interface.ts';
import { readModel } from './model-reader.ts';
import { predictSupport } from './runtime-support.ts';

export interface InspectOptions {
  /** Also hash the model file (reads all of it). Default: false, and `sha256` is null. */
  readonly sha256?: boolean;
}

/**
 * Reads a model and says everything about it that needs no runtime. Problems of the model (external data that is
 * missing, rules that are broken, what onnxruntime cannot run) are findings; only a file that cannot be read throws,
 * with the errors of `readModel`.
 */
export async function inspectModel(path: string, options: InspectOptions = {}): Promise<Inspection> {
  const model = readModel(path);
  return inspectRead(model, options.sha256 === true ? await hashFile(path) : null);
}

/** The inspection of a model that was read already. `sha256` is that of the model file, or null. */
export function inspectRead(model: Model, sha256: string | null): Inspection {
  const { inputs, outputs, opsets } = interfaceOf(model);
  const external = examineExternalData(model);
  const nodes = countNodes(model);
  return {
    path: model.path,
    sizeBytes: model.sizeBytes,
    sha256,
    format: model.format,
    irVersion: model.irVersion,
    opsets,
    producer: model.producer,
    metadata: metadataOf(model),
    inputs,
    outputs,
    nodeCount: model.graph.nodes.length,
    subgraphNodeCount: nodes.total - model.graph.nodes.length,
    functionCount: model.functions.length,
    operators: nodes.operators,
    ...countInitializers(model),
    externalData: external.files.map(({ path, sizeBytes, exists }) => ({ path, sizeBytes, exists })),
    findings: [...model.findings, ...checkModel(model), ...external.findings, ...predictSupport(model)],
  };
}

/**
 * Throws the first reason for which a model must not be given to the runtime: external data that is missing or leads
 * elsewhere (its own code), what the runtime is known to fail or crash on (RUNTIME_UNSUPPORTED_MODEL), or a broken
 * rule of the format (MODEL_INVALID). `predicted`: what `predictSupport` said; default: for the pinned onnxruntime.
 */
export function assertLoadable(model: Model, predicted: readonly Finding[] = predictSupport(model)): void {
  const groups: readonly [ErrorCode, readonly Finding[]][] = [
    ['MODEL_INVALID', model.findings],
    ['EXTERNAL_DATA_MISSING', examineExternalData(model).findings],
    ['RUNTIME_UNSUPPORTED_MODEL', predicted],
    ['MODEL_INVALID', checkModel(model)],
  ];
  for (const [fallback, findings] of groups) {
    const first = findings.find(({ severity }) => severity === 'error');
    if (first === undefined) continue;
    const code = Object.hasOwn(ERROR_CATALOG, first.code) ? (first.code as ErrorCode) : fallback;
    throw new QuickServeError({ code, message: first.message, hint: first.hint });
  }
}

function metadataOf(model: Model): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = Object.create(null);
  for (const { key, value } of model.metadata) metadata[key] = value;
  return metadata;
}

/** Nodes of all graphs and function bodies (each body once, however often it is called), and their operators. */
function countNodes(model: Model): {
  readonly total: number;
  readonly operators: Readonly<Record<string, number>>;
} {
  let total = 0;
  const counts = new Map<string, number>();
  const take = (nodes: readonly Node[]): void => {
    total += nodes.length;
    for (const node of nodes) {
      const name = operatorNameOf(node);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  };
  for (const graph of graphsOf(model)) take(graph.nodes);
  for (const definition of model.functions) take(definition.nodes);
  const operators: Record<string, number> = Object.create(null);
  const byCount = ([a, m]: [string, number], [b, n]: [string, number]): number => n - m || (a < b ? -1 : 1);
  for (const [name, count] of [...counts].sort(byCount)) operators[name] = count;
  return { total, operators };
}

/**
 * Initializers: how many the main graph has, and the parameters and bytes of all graphs (the bodies of If, Loop and
 * Scan too). Of a sparse one the values that are stored count. Weights in Constant nodes are no initializers.
 */
function countInitializers(
  model: Model,
): Pick<Inspection, 'initializerCount' | 'parameterCount' | 'initializerBytes'> {
  let parameterCount = 0;
  const initializerBytes: Record<string, number> = {};
  const take = ({ dtype, elementCount, sizeBytes }: TensorInfo): void => {
    parameterCount += elementCount;
    initializerBytes[dtype] = (initializerBytes[dtype] ?? 0) + sizeBytes;
  };
  for (const { initializers, sparseInitializers } of graphsOf(model)) {
    initializers.forEach(take);
    for (const { values } of sparseInitializers) take(values);
  }
  return { initializerCount: model.graph.initializers.length, parameterCount, initializerBytes };
}
