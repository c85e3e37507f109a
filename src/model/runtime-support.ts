import type { Finding } from '../shared/finding.ts';
import { quoteName, terminalSafe } from '../shared/terminal-text.ts';
import { calledFunction, functionsByCall } from './function-expansion.ts';
import type { Dtype, ValueInfo } from './inspection.ts';
import {
  domainOf,
  type FunctionDefinition,
  graphsOf,
  type Model,
  type Node,
  type OpsetImport,
  operatorNameOf,
} from './model.ts';
import { interfaceOf } from './model-interface.ts';
import { ProblemLog } from './problem-log.ts';

/** What a build of onnxruntime can run, as far as that is known without asking it. */
export interface RuntimeLimits {
  /** For messages: `onnxruntime 1.30.0`. */
  readonly name: string;
  readonly maxIrVersion: number;
  /** The domains whose operators are built in, each with the highest opset that loads. */
  readonly maxOpsets: Readonly<Record<string, number>>;
  /** Element types that its JavaScript binding carries in and out. */
  readonly dtypes: readonly Dtype[];
  /** Element types of outputs that kill the process instead of failing. */
  readonly fatalOutputDtypes: readonly Dtype[];
  /** Locales of the machine (`en_US.UTF-8`), or null where they are not known. */
  readonly locales: readonly string[] | null;
}

/** onnxruntime-node 1.30.0, as measured. */
export const ONNXRUNTIME_LIMITS: RuntimeLimits = {
  name: 'onnxruntime 1.30.0',
  maxIrVersion: 13,
  maxOpsets: {
    'ai.onnx': 26,
    'ai.onnx.ml': 5,
    'ai.onnx.training': 1,
    'ai.onnx.preview': 1,
    'ai.onnx.preview.training': 1,
    'com.microsoft': 1,
    'com.microsoft.nchwc': 1,
    'com.microsoft.experimental': 1,
    'com.ms.internal.nhwc': 26,
    'org.pytorch.aten': 1,
  },
  dtypes: [
    'float32',
    'float64',
    'float16',
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
    'bool',
    'string',
  ],
  fatalOutputDtypes: ['int4', 'uint4', 'int2', 'uint2', 'float4e2m1'],
  locales: null,
};

/** Attributes without which the built-in operator of ai.onnx is refused at load, by opset (ONNX operator changelog). */
const REQUIRED_ATTRIBUTES: Readonly<
  Record<string, { readonly attribute: string; readonly from: number; readonly to: number }>
> = {
  BatchNormalization: { attribute: 'consumed_inputs', from: 1, to: 5 },
  Cast: { attribute: 'to', from: 1, to: Number.POSITIVE_INFINITY },
  Concat: { attribute: 'axis', from: 4, to: Number.POSITIVE_INFINITY },
  DepthToSpace: { attribute: 'blocksize', from: 1, to: Number.POSITIVE_INFINITY },
  SpaceToDepth: { attribute: 'blocksize', from: 1, to: Number.POSITIVE_INFINITY },
  LRN: { attribute: 'size', from: 1, to: Number.POSITIVE_INFINITY },
  MaxPool: { attribute: 'kernel_shape', from: 1, to: Number.POSITIVE_INFINITY },
  AveragePool: { attribute: 'kernel_shape', from: 1, to: Number.POSITIVE_INFINITY },
  Loop: { attribute: 'body', from: 1, to: Number.POSITIVE_INFINITY },
  Scan: { attribute: 'body', from: 8, to: Number.POSITIVE_INFINITY },
  If: { attribute: 'then_branch', from: 1, to: Number.POSITIVE_INFINITY },
};

/** The locale that StringNormalizer asks for where the model names none. */
const DEFAULT_LOCALE = 'en_US.UTF-8';

/**
 * Says, before the runtime is asked, what it will refuse, fail on or die of, with the node or value and the reason.
 * Codes: RUNTIME_UNSUPPORTED_IR, _OPSET, _DOMAIN, _OPERATOR, _DTYPE, _TYPE, _LOCALE. Finding nothing is no promise.
 */
export function predictSupport(model: Model, limits: RuntimeLimits = ONNXRUNTIME_LIMITS): readonly Finding[] {
  const problems = new ProblemLog();
  checkBorder(model, limits, problems);
  // A file in ORT format was written by the runtime itself, operators resolved.
  if (model.format === 'ort') return problems.list();

  if ((model.irVersion ?? 0) > limits.maxIrVersion) {
    problems.add({
      code: 'RUNTIME_UNSUPPORTED_IR',
      severity: 'error',
      message: `The model has IR version ${model.irVersion}; ${limits.name} reads up to ${limits.maxIrVersion}.`,
      hint: 'Export with an older onnx package, or set model.ir_version if nothing new is used.',
    });
  }
  const functions = functionsByCall(model);
  checkOpsets(model.opsets, limits, problems);
  for (const graph of graphsOf(model)) checkNodes(graph.nodes, model.opsets, functions, limits, problems);
  for (const { nodes, opsets } of model.functions) {
    checkNodes(nodes, [...opsets, ...model.opsets], functions, limits, problems);
  }
  return problems.list();
}

function checkOpsets(opsets: readonly OpsetImport[], limits: RuntimeLimits, problems: ProblemLog): void {
  for (const { domain, version } of opsets) {
    const name = domainOf(domain);
    const highest = Object.hasOwn(limits.maxOpsets, name)
      ? (limits.maxOpsets[name] ?? 0)
      : Number.POSITIVE_INFINITY;
    if (version <= highest) continue;
    problems.add({
      code: 'RUNTIME_UNSUPPORTED_OPSET',
      severity: 'error',
      message: `The model imports opset ${version} of ${quoteName(name)}; ${limits.name} knows up to ${highest}.`,
      hint: `Export with opset ${highest} or lower, or convert with onnx.version_converter.`,
    });
  }
}

function checkNodes(
  nodes: readonly Node[],
  opsets: readonly OpsetImport[],
  functions: ReadonlyMap<string, FunctionDefinition>,
  limits: RuntimeLimits,
  problems: ProblemLog,
): void {
  const versions = new Map(
    opsets.map(({ domain, version }) => [domainOf(domain), version]).reverse() as [string, number][],
  );
  for (const node of nodes) {
    if (calledFunction(functions, node) !== undefined) continue;
    const domain = domainOf(node.domain);
    if (!Object.hasOwn(limits.maxOpsets, domain)) {
      problems.add({
        code: 'RUNTIME_UNSUPPORTED_DOMAIN',
        severity: 'error',
        message:
          `${atStart(describe(node))} is an operator of the domain ${quoteName(domain)}, which ${limits.name} does not have` +
          `${versions.has(domain) ? '' : ' and the model does not import'} (byte ${node.offset}).`,
        hint: 'It needs a custom operator library (onnxruntime-extensions for ai.onnx.contrib), which QuickServeML does not load.',
      });
      continue;
    }
    if (domain === 'ai.onnx') checkOperator(node, versions.get(domain) ?? 1, limits, problems);
  }
}

function checkOperator(node: Node, opset: number, limits: RuntimeLimits, problems: ProblemLog): void {
  const required = Object.hasOwn(REQUIRED_ATTRIBUTES, node.opType)
    ? REQUIRED_ATTRIBUTES[node.opType]
    : undefined;
  if (required !== undefined && opset >= required.from && opset <= required.to) {
    if (!node.attributes.some(({ name }) => name === required.attribute)) {
      problems.add({
        code: 'RUNTIME_UNSUPPORTED_OPERATOR',
        severity: 'error',
        message: `${atStart(describe(node))} lacks the attribute "${required.attribute}", which opset ${opset} demands (byte ${node.offset}).`,
        hint: 'Export with a newer opset, or add the attribute.',
      });
    }
  }
  if (node.opType === 'StringNormalizer') checkLocale(node, limits, problems);
}

function checkLocale(node: Node, limits: RuntimeLimits, problems: ProblemLog): void {
  const attribute = node.attributes.find(({ name }) => name === 'locale')?.value;
  const named = attribute?.kind === 'string' ? attribute.value : null;
  const locale = named === null || named === '' ? DEFAULT_LOCALE : named;
  if (limits.locales?.includes(locale) === true) return;
  const isMissing = limits.locales !== null;
  problems.add({
    code: 'RUNTIME_UNSUPPORTED_LOCALE',
    severity: isMissing ? 'error' : 'warning',
    message: `${atStart(describe(node))} needs the locale ${quoteName(locale)}; without it on the machine ${limits.name} does not load the model.`,
    hint: 'Install it: locale-gen en_US.UTF-8 on Debian and Ubuntu; slim images have none.',
  });
}

/** Inputs and outputs: what the binding cannot carry. */
function checkBorder(model: Model, limits: RuntimeLimits, problems: ProblemLog): void {
  const { inputs, outputs } = interfaceOf(model);
  const producers = new Map<string, Node>();
  const wanted = new Set(outputs.map(({ name }) => name));
  for (const node of model.graph.nodes) {
    for (const name of node.outputs) if (wanted.has(name)) producers.set(name, node);
  }
  for (const input of inputs) checkValue(input, 'input', `Input ${quoteName(input.name)}`, limits, problems);
  for (const output of outputs) {
    const producer = producers.get(output.name);
    const origin = producer === undefined ? '' : ` (of ${describe(producer)})`;
    checkValue(output, 'output', `Output ${quoteName(output.name)}${origin}`, limits, problems);
  }
}

function checkValue(
  value: ValueInfo,
  side: 'input' | 'output',
  where: string,
  limits: RuntimeLimits,
  problems: ProblemLog,
): void {
  if (value.kind !== 'tensor') {
    const crashes = side === 'output' && value.kind === 'optional';
    problems.add({
      code: 'RUNTIME_UNSUPPORTED_TYPE',
      severity: 'error',
      message: `${where} is of type ${value.type ?? value.kind}; the JavaScript binding of ${limits.name} ${
        crashes ? 'may crash on it' : 'carries tensors only'
      }.`,
      hint:
        value.type?.startsWith('seq(map(') === true
          ? 'Export the classifier without ZipMap (skl2onnx: options={"zipmap": False}), so that it returns a tensor.'
          : 'Let the model take and return plain tensors.',
    });
    return;
  }
  if (value.dtype === 'undefined' || limits.dtypes.includes(value.dtype)) return;
  const kills = side === 'output' && limits.fatalOutputDtypes.includes(value.dtype);
  problems.add({
    code: 'RUNTIME_UNSUPPORTED_DTYPE',
    severity: 'error',
    message: `${where} is ${value.dtype}; the JavaScript binding of ${limits.name} ${
      kills ? 'aborts the process on it' : 'does not carry it'
    }.`,
    hint: 'Cast to float32 or int8 at the border of the model; inside it the type may stay.',
  });
}

function describe(node: Node): string {
  const operator = terminalSafe(operatorNameOf(node));
  return node.name === '' ? `a node ${operator}` : `node ${quoteName(node.name)} (${operator})`;
}

function atStart(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
