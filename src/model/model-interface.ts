import type { ModelInterface, ValueInfo } from './inspection.ts';
import { domainOf, type Model, type OpsetImport } from './model.ts';

/** From this IR version on, an initializer of the same name as an input is a default that callers may override. */
const IR_VERSION_WITH_OVERRIDABLE_INITIALIZERS = 4;

/**
 * What callers of a model depend on. `inputs` are those that must be given; `optionalInputs` have a default in the
 * model. Before IR version 4 every weight had to be listed as input and none could be overridden, so there are none.
 */
export function interfaceOf(model: Pick<Model, 'graph' | 'opsets' | 'irVersion'>): ModelInterface {
  const defaults = new Set<string>();
  for (const { name } of model.graph.initializers) defaults.add(name);
  for (const { name } of model.graph.sparseInitializers) defaults.add(name);
  const inputs: ValueInfo[] = [];
  const optionalInputs: ValueInfo[] = [];
  for (const input of model.graph.inputs) (defaults.has(input.name) ? optionalInputs : inputs).push(input);
  const canOverride = (model.irVersion ?? 0) >= IR_VERSION_WITH_OVERRIDABLE_INITIALIZERS;
  return {
    inputs,
    outputs: model.graph.outputs,
    opsets: opsetsByDomain(model.opsets),
    optionalInputs: canOverride ? optionalInputs : [],
  };
}

/** Opset version by canonical domain name; the highest counts where a domain is imported twice. */
export function opsetsByDomain(opsets: readonly OpsetImport[]): Readonly<Record<string, number>> {
  // A model may name a domain `__proto__`.
  const versions: Record<string, number> = Object.create(null);
  for (const { domain, version } of opsets) {
    const name = domainOf(domain);
    versions[name] = Math.max(versions[name] ?? version, version);
  }
  return versions;
}
