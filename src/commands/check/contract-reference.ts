import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, ModelConfig } from '../../config/config.ts';
import type { ContractChange, ContractComparison } from '../../contract/comparison.ts';
import { compareWithContract, parseContract } from '../../contract/contract-file.ts';
import { writeFileAtCommit } from '../../git/tree-files.ts';
import { inspectRead } from '../../model/model-inspection.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { fileReason, QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import type { ReadableModel } from '../readable-model.ts';
import type { ChangeSet } from './change-set.ts';
import { findingOf } from './measured-model.ts';

/** The same model in another configuration, by path or else by name. */
export const configuredIn = (config: Config | null, model: ModelConfig): ModelConfig | null =>
  config?.models?.find(({ path }) => path === model.path) ??
  config?.models?.find(({ name }) => name === model.name) ??
  null;

/**
 * Holds the candidate against its contract file: the base commit's, or the head's own where that has none.
 * Changes come on top of those against the base. @param scratch an empty folder of ours.
 */
export async function compareContractFile(
  changes: ChangeSet,
  model: ModelConfig,
  candidate: ReadableModel,
  scratch: string,
): Promise<{ readonly changes: readonly ContractChange[]; readonly findings: readonly Finding[] }> {
  const path =
    configuredIn(changes.baseConfig, model)?.tests?.contractPath ?? model.tests?.contractPath ?? null;
  if (path === null) return { changes: [], findings: [] };
  try {
    const destination = join(scratch, 'contract.json');
    const written = await writeFileAtCommit(changes.store, {
      files: changes.baseFiles,
      path,
      destination,
      lfs: null,
    });
    const file = written.kind === 'absent' ? join(changes.repository.root, path) : destination;
    const text = await readFile(file, 'utf8').catch(error => {
      throw new QuickServeError({
        code: 'FILE_UNREADABLE',
        message: `The contract ${path} cannot be read: ${fileReason(error)}.`,
        hint: `Write it: quickserveml validate ${model.path} --contract ${path} --update`,
        cause: error,
      });
    });
    const subject = {
      interface: interfaceOf(candidate.model),
      metadata: inspectRead(candidate.model, null).metadata,
    };
    return { changes: compareWithContract(parseContract(text, path), subject).changes, findings: [] };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return { changes: [], findings: [findingOf(thrown)] };
  }
}

/** Both comparisons as one; what both say stands once. */
export function joinContracts(
  base: ContractComparison | null,
  fromFile: readonly ContractChange[],
): ContractComparison | null {
  if (fromFile.length === 0) return base;
  const known = new Set((base?.changes ?? []).map(({ rule, name }) => `${rule}:${name}`));
  const changes = [
    ...(base?.changes ?? []),
    ...fromFile.filter(({ rule, name }) => !known.has(`${rule}:${name}`)),
  ];
  return changes.some(({ effect }) => effect === 'breaking')
    ? { kind: 'breaking', bump: 'major', changes }
    : { kind: 'compatible', bump: 'minor', changes };
}
