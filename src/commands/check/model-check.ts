import { join, posix } from 'node:path';
import type { ModelConfig } from '../../config/config.ts';
import { effectiveRules } from '../../config/policy-for.ts';
import { basePathOf } from '../../git/model-changes.ts';
import { identifyRead } from '../../model/model-identity.ts';
import type { ModelHistory, ModelState } from '../../report/report.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import { type ReadableModel, readableModel } from '../readable-model.ts';
import { deletedModel, unreadableModel } from './absent-model.ts';
import type { AcceptanceSources } from './acceptance.ts';
import type { ChangedModel, ChangeSet } from './change-set.ts';
import type { CheckedModel } from './checked-model.ts';
import { compareContractFile, configuredIn } from './contract-reference.ts';
import type { HistoryInputs } from './history.ts';
import { isSameState, judgeModel } from './judged-model.ts';
import { findingOf, type MeasuringInput } from './measured-model.ts';
import { explainMissing } from './missing-model.ts';
import { baseModelFile, headModelFile } from './model-files.ts';

export interface ModelCheckInput extends Omit<MeasuringInput, 'root'> {
  readonly changes: ChangeSet;
  readonly model: ChangedModel;
  readonly accept: Omit<AcceptanceSources, 'entries'>;
  /** `--against`: the base is this file, whatever git says. */
  readonly against: string | null;
  /** Bytes that the registry holds, as a file in the folder; null where it does not hold them. */
  readonly recordedBytes: (sha256: string, folder: string) => Promise<string | null>;
  /** Earlier measurements on this kind of machine, or null: asked for only where the base could not be measured. */
  readonly historyOf: (config: ModelConfig, inputs: HistoryInputs) => Promise<ModelHistory | null>;
  /** Folder for copies, made where it is needed: `head` has to last until the model is recorded. */
  readonly scratch: string;
}

/** Checks one model. What is wrong with the model ends in its report; it throws only for bugs. */
export async function checkModel(input: ModelCheckInput): Promise<CheckedModel> {
  const { model } = input;
  if (model.config === null) return deletedModel(input.model, input.changes);
  const state = stateOf(input);
  const named = namingInRepository(input, model.config.path);
  try {
    const candidate = await readCandidate(input, model.config);
    const checked = await compareModel(input, model.config, state, candidate);
    return { ...checked, report: { ...checked.report, findings: once(checked.report.findings, named) } };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return unreadableModel(model.config, state, explainMissing(thrown, model.config, input.changes), named);
  }
}

/** What two steps say in the same words stands once. */
function once(findings: readonly Finding[], named: (text: string) => string): readonly Finding[] {
  const worded = findings.map(finding => ({ ...finding, message: named(finding.message) }));
  return worded.filter(
    (finding, at) =>
      worded.findIndex(({ code, message }) => code === finding.code && message === finding.message) === at,
  );
}

/** Paths as the repository has them: where this machine keeps a clone or a copy says nothing to a reader. */
function namingInRepository({ scratch, changes }: ModelCheckInput, path: string): (text: string) => string {
  const folder = posix.dirname(path) === '.' ? '' : `${posix.dirname(path)}/`;
  return text =>
    text
      .replaceAll(`${join(scratch, 'head')}/`, folder)
      .replaceAll(`${join(scratch, 'base')}/`, folder)
      .replaceAll(`${changes.repository.root}/`, '');
}

function stateOf({ model, changes, against }: ModelCheckInput): ModelState {
  if (against !== null) return { kind: 'changed' };
  if (changes.base.kind === 'none') return { kind: 'no-base', reason: changes.base.reason };
  const { change } = model;
  return change.kind === 'moved'
    ? { kind: 'moved', from: change.basePath, identical: change.identical }
    : { kind: change.kind };
}

async function readCandidate(input: ModelCheckInput, config: ModelConfig): Promise<ReadableModel> {
  const file = await headModelFile(input.changes, config.path, join(input.scratch, 'head'));
  return readableModel(file);
}

/** The base to compare with; null where there is none, a finding where there is one that cannot be read. */
async function readBase(
  input: ModelCheckInput,
  state: ModelState,
): Promise<{ readonly base: ReadableModel | null; readonly findings: readonly Finding[] }> {
  const path = basePathOf(input.model.change);
  try {
    if (input.against !== null) {
      return { base: readableModel(input.against), findings: [] };
    }
    if (path === null || state.kind === 'no-base') return { base: null, findings: [] };
    const file = await baseModelFile(input.changes, path, join(input.scratch, 'base'), input.recordedBytes);
    return { base: file === null ? null : readableModel(file), findings: [] };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError) || input.against !== null) throw thrown;
    // What the infrastructure withheld leaves no verdict; a base that is no model is simply no baseline.
    const severity = thrown.exitCode === 3 ? 'error' : 'warning';
    return {
      base: null,
      findings: [{ ...findingOf(thrown), severity, message: `The base: ${thrown.message}` }],
    };
  }
}

/** The same bytes under two names are the same model. */
const identicalState = (state: ModelState): ModelState =>
  state.kind === 'moved' ? { ...state, identical: true } : { kind: 'identical' };

async function compareModel(
  input: ModelCheckInput,
  config: ModelConfig,
  gitState: ModelState,
  candidate: ReadableModel,
): Promise<CheckedModel> {
  const { changes, model } = input;
  const identity = await identifyRead(candidate.model);
  const basePath = basePathOf(model.change);
  const read = isSameState(gitState) ? { base: null, findings: [] } : await readBase(input, gitState);
  const isEqual = read.base !== null && (await identifyRead(read.base.model)).sha256 === identity.sha256;
  const contractFile = await compareContractFile(changes, config, candidate, input.scratch);
  return judgeModel({
    ...input,
    root: changes.repository.root,
    config,
    baseConfig: configuredIn(changes.baseConfig, config),
    isConfigured: changes.config.models !== null,
    policy: effectiveRules({ base: changes.baseConfig, model: config, basePath }).policy,
    state: isEqual ? identicalState(gitState) : gitState,
    base: read.base === null ? null : { ...read.base, path: basePath ?? config.path },
    candidate: { ...candidate, identity },
    contractFile,
    findings: read.findings,
  });
}
