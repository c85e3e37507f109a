import type { Finding } from '../shared/finding.ts';
import { quoteName } from '../shared/terminal-text.ts';
import { countExpanded } from './function-expansion.ts';
import { checkFunctionBody, checkGraph } from './graph-checks.ts';
import { domainOf, type Model, type OpsetImport } from './model.ts';
import { ProblemLog } from './problem-log.ts';

/** More nodes than this after inlining are an attack: the largest known models have some 100,000. */
const MOST_EXPANDED_NODES = 5_000_000;

/** The IR version that brought operator set imports. */
const IR_VERSION_WITH_OPSETS = 3;

/** Checks a decoded model against the rules of the format that decoding alone does not. */
export function checkModel(model: Model): readonly Finding[] {
  const problems = new ProblemLog();
  checkVersions(model, problems);
  checkFunctions(model, problems);
  if (model.format === 'onnx') {
    checkGraph(model.graph, problems);
    for (const definition of model.functions) checkFunctionBody(definition.name, definition, problems);
  }
  const keys = new Set<string>();
  for (const { key } of model.metadata) {
    if (keys.has(key)) {
      problems.add({
        code: 'MODEL_DUPLICATE_NAME',
        severity: 'warning',
        message: `The metadata has the key ${quoteName(key)} more than once; the last value is shown.`,
        hint: 'ONNX demands distinct keys. Remove one.',
      });
    }
    keys.add(key);
  }
  if (model.trainingInfo.length > 0) {
    problems.add({
      code: 'MODEL_TRAINING_INFO',
      severity: 'info',
      message: 'The model carries training information, which is not used for inference.',
      hint: 'Remove it before shipping if the size matters.',
    });
  }
  return problems.list();
}

function checkVersions(model: Model, problems: ProblemLog): void {
  if (model.irVersion === null || model.irVersion < 1) {
    problems.add({
      code: 'MODEL_IR_VERSION',
      severity: 'warning',
      message: `The model gives ${model.irVersion === null ? 'no IR version' : `the IR version ${model.irVersion}`}.`,
      hint: 'onnxruntime accepts this silently; ONNX demands a version of 1 or more. Export the model again.',
    });
  }
  if (model.opsets.length === 0 && (model.irVersion ?? 0) >= IR_VERSION_WITH_OPSETS) {
    problems.add({
      code: 'MODEL_OPSET_MISSING',
      severity: 'error',
      message: 'The model imports no operator set: the file ends after the graph, or was written wrongly.',
      hint: 'If the file may be cut off, compare its size with the original. Else set opset_imports at export.',
    });
  }
  checkOpsets('The model', model.opsets, problems);
  for (const definition of model.functions) {
    checkOpsets(`Function ${quoteName(definition.name)}`, definition.opsets, problems);
  }
}

function checkOpsets(where: string, opsets: readonly OpsetImport[], problems: ProblemLog): void {
  const versions = new Map<string, number>();
  for (const { domain, version } of opsets) {
    const name = domainOf(domain);
    const known = versions.get(name);
    if (known !== undefined) {
      problems.add({
        code: 'MODEL_OPSET_DUPLICATE',
        severity: 'warning',
        message: `${where} imports the operator set ${quoteName(name)} twice, as version ${known} and ${version}.`,
        hint: 'onnxruntime accepts this silently; which version counts is not defined. Remove one.',
      });
    }
    if (version < 1) {
      problems.add({
        code: 'MODEL_OPSET_VERSION',
        severity: 'error',
        message: `${where} imports version ${version} of the operator set ${quoteName(name)}; versions start at 1.`,
        hint: 'Export the model again.',
      });
    }
    versions.set(name, version);
  }
}

function checkFunctions(model: Model, problems: ProblemLog): void {
  if (model.functions.length === 0) return;
  const names = new Set<string>();
  for (const { domain, name, overload } of model.functions) {
    const key = JSON.stringify([domainOf(domain), name, overload]);
    if (names.has(key)) {
      problems.add({
        code: 'MODEL_DUPLICATE_NAME',
        severity: 'error',
        message: `The model defines the function ${quoteName(`${domainOf(domain)}:${name}`)} more than once.`,
        hint: 'Give each its own name or overload, or remove one.',
      });
    }
    names.add(key);
  }
  const expansion = countExpanded(model);
  if (expansion.kind === 'recursive') {
    problems.add({
      code: 'MODEL_FUNCTION_RECURSION',
      severity: 'error',
      message: `Functions call each other in a ring: ${expansion.functions.slice(0, 10).map(quoteName).join(' -> ')}.`,
      hint: 'ONNX does not allow recursion, and runtimes inline functions for ever. Use Loop.',
    });
  } else if (expansion.nodeCount > MOST_EXPANDED_NODES) {
    problems.add({
      code: 'MODEL_FUNCTION_EXPANSION',
      severity: 'error',
      message:
        `${model.functions.length} functions unfold to ${expansion.nodeCount.toExponential(1)} nodes; ` +
        `at most ${MOST_EXPANDED_NODES.toExponential(0)} are allowed.`,
      hint: 'onnxruntime would inline them until memory or time ends: the model is never given to it.',
    });
  }
}
