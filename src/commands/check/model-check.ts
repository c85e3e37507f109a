import { join, posix } from 'node:path';
import type { ModelConfig, Policy } from '../../config/config.ts';
import { effectiveRules } from '../../config/policy-for.ts';
import { compareInterfaces } from '../../contract/compare-interfaces.ts';
import { basePathOf } from '../../git/model-changes.ts';
import type { Inspection } from '../../model/inspection.ts';
import type { ModelIdentity } from '../../model/model-identity.ts';
import { identifyRead } from '../../model/model-identity.ts';
import { inspectRead } from '../../model/model-inspection.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { comparisonsOf, type MeasuredWorkload } from '../../regression/comparisons.ts';
import { gateOf } from '../../regression/gate.ts';
import type { ModelHistory, ModelReport, ModelState } from '../../report/report.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import { policiesOf } from '../metric-policies.ts';
import { type ReadableModel, readableModel } from '../readable-model.ts';
import { deletedModel, unreadableModel } from './absent-model.ts';
import { type AcceptanceSources, acceptanceLookup, acceptedOf } from './acceptance.ts';
import type { ChangedModel, ChangeSet } from './change-set.ts';
import type { CheckedModel } from './checked-model.ts';
import { compareContractFile, configuredIn, joinContracts } from './contract-reference.ts';
import { layerFields } from './explaining.ts';
import type { HistoryInputs } from './history.ts';
import { historyFindings } from './history-findings.ts';
import { findingOf, type MeasuringInput, measureModel } from './measured-model.ts';
import { summarise } from './measuring.ts';
import { explainMissing } from './missing-model.ts';
import { baseModelFile, headModelFile } from './model-files.ts';
import { testModel } from './tested-model.ts';
import { unusedSettings } from './unused-settings.ts';

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

const isSameState = (state: ModelState): boolean =>
  state.kind === 'identical' || (state.kind === 'moved' && state.identical);

async function compareModel(
  input: ModelCheckInput,
  config: ModelConfig,
  gitState: ModelState,
  candidate: ReadableModel,
): Promise<CheckedModel> {
  const identity = await identifyRead(candidate.model);
  const same = isSameState(gitState);
  const basePath = basePathOf(input.model.change);
  const { base, findings: baseFindings } = same
    ? { base: null, findings: [] }
    : await readBase(input, gitState);
  const isEqual = base !== null && (await identifyRead(base.model)).sha256 === identity.sha256;
  const state = isEqual ? identicalState(gitState) : gitState;

  const candidateInspection = inspectionOf(candidate, config.path);
  const baseInspection = base === null ? null : inspectionOf(base, basePath ?? config.path);
  const fromFile = await compareContractFile(input.changes, config, candidate, input.scratch);
  const contract = joinContracts(
    base === null ? null : compareInterfaces(interfaceOf(base.model), interfaceOf(candidate.model)),
    fromFile.changes,
  );
  const { policy } = effectiveRules({ base: input.changes.baseConfig, model: config, basePath });
  const {
    workloads,
    layers,
    findings: measuringFindings,
    disturbance,
  } = await measureModel({ ...input, root: input.changes.repository.root }, config, {
    policy,
    baseConfig: configuredIn(input.changes.baseConfig, config),
    base: isEqual ? null : base,
    candidate,
    same: same || isEqual,
    identity,
  });
  const tested = await testModel({
    bench: input.bench,
    root: input.changes.repository.root,
    config,
    baseConfig: configuredIn(input.changes.baseConfig, config),
    policy,
    base: isEqual ? null : base,
    candidate,
    unchanged: same || isEqual,
  });
  const [{ measured }] = workloads;
  const metrics = comparisonsOf(workloads, policiesOf(policy), {
    base: baseInspection,
    candidate: candidateInspection,
  });
  const findings = [
    ...baseFindings,
    ...inspectionFindings(candidateInspection, baseInspection, same || isEqual),
    ...unusedSettings(config, [
      ...interfaceOf(candidate.model).inputs,
      ...(base === null ? [] : interfaceOf(base.model).inputs),
    ]),
    ...measuringFindings,
    ...(await findingsOfHistory(input, config, policy, same || isEqual ? [] : workloads)),
    ...fromFile.findings,
    ...tested.findings,
  ];
  return {
    config,
    candidate: { ...candidate, identity },
    measured,
    policy,
    report: {
      name: config.name,
      path: config.path,
      state,
      base: baseInspection,
      candidate: { ...candidateInspection, sha256: identity.sha256 },
      contract,
      contractGate: policy.contract.gate,
      configured: input.changes.config.models !== null,
      metrics,
      measurement: summarise(workloads, disturbance),
      version: null,
      ...layerFields(layers),
      ...(tested.report === null ? {} : { cases: tested.report }),
      ...judge(config, policy, { metrics, contract, findings, identity }, input.accept),
    },
  };
}

/** Without a measured base, what was recorded earlier is the only evidence. */
async function findingsOfHistory(
  input: ModelCheckInput,
  config: ModelConfig,
  policy: Policy,
  workloads: readonly MeasuredWorkload[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [index, { name, measured }] of workloads.entries()) {
    if (measured.kind !== 'solo') continue;
    const inputs = { digest: measured.feedDigest, isFirst: index === 0 };
    const history = await input.historyOf(config, inputs);
    if (history !== null) findings.push(...historyFindings(measured, history, policy, name));
  }
  return findings;
}

function identicalState(state: ModelState): ModelState {
  return state.kind === 'moved' ? { ...state, identical: true } : { kind: 'identical' };
}

function judge(
  config: ModelConfig,
  policy: Policy,
  evidence: Pick<ModelReport, 'metrics' | 'contract' | 'findings'> & { readonly identity: ModelIdentity },
  accept: Omit<AcceptanceSources, 'entries'>,
): Pick<ModelReport, 'gate' | 'accepted' | 'findings'> {
  const { metrics, contract, findings, identity } = evidence;
  const breaks = (contract?.changes ?? []).filter(change => change.effect === 'breaking');
  const lookup = acceptanceLookup(config.name, identity.sha256, {
    ...accept,
    entries: policy.contract.accept,
  });
  const accepted = acceptedOf(metrics, breaks, findings, lookup);
  const asJudged = metrics.map(metric =>
    accepted.metrics.has(metric) && metric.policy.gate === 'hard'
      ? { ...metric, policy: { ...metric.policy, gate: 'warn' as const } }
      : metric,
  );
  const judgedFindings = findings.map(finding =>
    accepted.findings.has(finding) ? { ...finding, severity: 'warning' as const } : finding,
  );
  const gate = gateOf(asJudged, contract, judgedFindings, {
    contract: policy.contract.gate,
    contractAccepted: breaks.every(change => accepted.changes.has(change)),
    inconclusive: policy.inconclusive,
    noBaseline: policy.noBaseline,
  });
  return { gate, accepted: accepted.list, findings: judgedFindings };
}

/** Problems that the base has too are no reason to refuse the change. */
function inspectionFindings(
  candidate: Inspection,
  base: Inspection | null,
  same: boolean,
): readonly Finding[] {
  const known = new Set(
    (base?.findings ?? []).filter(each => each.severity === 'error').map(each => each.code),
  );
  return candidate.findings.map(finding =>
    finding.severity === 'error' && (same || known.has(finding.code))
      ? { ...finding, severity: 'warning', hint: `${finding.hint} The base has the same problem.` }
      : finding,
  );
}

const inspectionOf = ({ model }: ReadableModel, path: string): Inspection => ({
  ...inspectRead(model, null),
  path,
});
