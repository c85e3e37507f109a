import { posix } from 'node:path';
import { stringify } from 'yaml';
import { contractOf, serialiseContract } from '../../contract/contract-file.ts';
import { inspectRead } from '../../model/model-inspection.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { readModel } from '../../model/model-reader.ts';
import { messageOf } from '../../shared/errors.ts';

/** A model of the repository, and its contract file as it would be. */
export interface FoundModel {
  readonly name: string;
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly contractPath: string;
  readonly contract:
    | { readonly kind: 'text'; readonly text: string }
    /** For example a Git LFS pointer whose object is not there. */
    | { readonly kind: 'unreadable'; readonly reason: string };
}

/** Reads a model for the contract that it keeps today. Never throws for what is in the file. */
export function findModel(root: string, model: { readonly name: string; readonly path: string }): FoundModel {
  const contractPath = `${model.path.slice(0, -posix.extname(model.path).length)}.contract.json`;
  try {
    const read = readModel(posix.join(root, model.path));
    const subject = { interface: interfaceOf(read), metadata: inspectRead(read, null).metadata };
    const text = serialiseContract(contractOf(subject, null));
    return { ...model, contractPath, contract: { kind: 'text', text } };
  } catch (thrown) {
    return { ...model, contractPath, contract: { kind: 'unreadable', reason: messageOf(thrown) } };
  }
}

/** quickserveml.yml that names the models and the contracts that can be written. */
export function configurationText(models: readonly FoundModel[]): string {
  const entries = models.map(({ name, path, contractPath, contract }) => [
    name,
    contract.kind === 'text' ? { path, contract: contractPath } : { path },
  ]);
  return `# docs/configuration.md has every key. What is left out has a default.\n${stringify({
    version: 1,
    models: Object.fromEntries(entries),
  })}`;
}
