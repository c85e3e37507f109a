import { join, posix } from 'node:path';
import type { ModelConfig, Policy } from '../../config/config.ts';
import { METRIC_FIELDS } from '../../config/config.ts';
import { effectiveRules } from '../../config/policy-for.ts';
import { compareInterfaces } from '../../contract/compare-interfaces.ts';
import type { Inspection } from '../../model/inspection.ts';
import type { ModelIdentity } from '../../model/model-identity.ts';
import { identifyRead } from '../../model/model-identity.ts';
import { inspectRead } from '../../model/model-inspection.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { readModel } from '../../model/model-reader.ts';
import {
  comparisonsOf,
  disappearedMetrics,
  type Measured,
  type MeasuredWorkload,
  type MetricPolicies,
} from '../../regression/comparisons.ts';
import { gateOf } from '../../regression/gate.ts';
import type { ModelHistory, ModelReport, ModelState } from '../../report/report.ts';
import { ERROR_CATALOG } from '../../shared/error-catalog.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import { type AcceptanceSources, acceptanceLookup, acceptedOf } from './acceptance.ts';
import type { ChangedModel, ChangeSet } from './change-set.ts';
import { compareContractFile, configuredIn, joinContracts } from './contract-reference.ts';
import { layerFields } from './explaining.ts';
import type { HistoryInputs } from './history.ts';
import { historyFindings } from './history-findings.ts';
import { findingOf, type MeasuringInput, measureModel } from './measured-model.ts';
import { type ReadableModel, summarise } from './measuring.ts';
import { baseModelFile, headModelFile } from './model-files.ts';
import { testModel } from './tested-model.ts';

/** The report on one model, and what a record of it needs. */
export interface CheckedModel {
  readonly report: ModelReport;
  readonly config: ModelConfig | null;
  /** The candidate as it was read; null where it could not be, or is gone. */
  readonly candidate: (ReadableModel & { readonly identity: ModelIdentity }) | null;
  readonly measured: Measured;
  /** The rules that were applied. */
  readonly policy: Policy | null;
}

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
  if (model.config === null) return deletedModel(input);
  const state = stateOf(input);
  try {
    const candidate = await readCandidate(input, model.config);
    return await compareModel(input, model.config, state, candidate);
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return unreadable(model.config, state, withRepositoryPaths(thrown, input, model.config.path));
  }
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
  return { file, model: readModel(file) };
}

/** The base to compare with; null where there is none, a finding where there is one that cannot be read. */
async function readBase(
  input: ModelCheckInput,
  state: ModelState,
): Promise<{ readonly base: ReadableModel | null; readonly findings: readonly Finding[] }> {
  const { change } = input.model;
  const path = 'basePath' in change ? change.basePath : null;
  try {
    if (input.against !== null) {
      return { base: { file: input.against, model: readModel(input.against) }, findings: [] };
    }
    if (path === null || state.kind === 'no-base') return { base: null, findings: [] };
    const file = await baseModelFile(input.changes, path, join(input.scratch, 'base'), input.recordedBytes);
    return { base: file === null ? null : { file, model: readModel(file) }, findings: [] };
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
  const basePath = 'basePath' in input.model.change ? input.model.change.basePath : null;
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
      findings,
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
): Pick<ModelReport, 'gate' | 'accepted'> {
  const { metrics, contract, findings, identity } = evidence;
  const breaks = (contract?.changes ?? []).filter(change => change.effect === 'breaking');
  const lookup = acceptanceLookup(config.name, identity.sha256, {
    ...accept,
    entries: policy.contract.accept,
  });
  const accepted = acceptedOf(metrics, breaks, lookup);
  const asJudged = metrics.map(metric =>
    accepted.metrics.has(metric) && metric.policy.gate === 'hard'
      ? { ...metric, policy: { ...metric.policy, gate: 'warn' as const } }
      : metric,
  );
  const gate = gateOf(asJudged, contract, findings, {
    contract: policy.contract.gate,
    contractAccepted: breaks.every(change => accepted.changes.has(change)),
    inconclusive: policy.inconclusive,
    noBaseline: policy.noBaseline,
  });
  return { gate, accepted: accepted.list };
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

function policiesOf(policy: Policy): MetricPolicies {
  const entries = Object.entries(METRIC_FIELDS).map(([metric, field]) => [metric, policy[field]]);
  return Object.fromEntries(entries) as MetricPolicies;
}

/** The error with paths as the repository has them: where this machine keeps a clone or a copy says nothing to a reader. */
function withRepositoryPaths(error: QuickServeError, input: ModelCheckInput, path: string): QuickServeError {
  const folder = posix.dirname(path) === '.' ? '' : `${posix.dirname(path)}/`;
  const message = error.message
    .replaceAll(`${join(input.scratch, 'head')}/`, folder)
    .replaceAll(`${join(input.scratch, 'base')}/`, folder)
    .replaceAll(`${input.changes.repository.root}/`, '');
  return new QuickServeError({ code: error.code, message, hint: error.hint, cause: error });
}

function unreadable(config: ModelConfig, state: ModelState, error: QuickServeError): CheckedModel {
  return {
    config,
    candidate: null,
    measured: { kind: 'none', reason: error.message },
    policy: null,
    report: {
      ...emptyReport(config.name, config.path, state, error.message),
      gate: ERROR_CATALOG[error.code].exit === 3 ? 'no-verdict' : 'failed',
      findings: [findingOf(error)],
    },
  };
}

function deletedModel({ model, changes }: ModelCheckInput): CheckedModel {
  const { name, path } = model.change;
  const rules = changes.baseConfig ?? changes.config;
  const policy = rules.models?.find(each => each.path === path)?.policy ?? rules.defaults.policy;
  const reason = 'the model was deleted';
  return {
    config: null,
    candidate: null,
    measured: { kind: 'none', reason },
    policy: null,
    report: {
      ...emptyReport(name, path, { kind: 'deleted' }, reason),
      // What the base had is not counted: its bytes may be gigabytes that nobody needs any more.
      metrics: disappearedMetrics(policiesOf(policy), null, reason),
      gate: 'warned',
      findings: [
        {
          code: 'MODEL_DELETED',
          severity: 'warning',
          message: `The base has ${path}, the change does not: whoever loads it will not find it.`,
          hint: 'If that is meant, archive its versions in the registry.',
        },
      ],
    },
  };
}

function emptyReport(
  name: string,
  path: string,
  state: ModelState,
  reason: string,
): Omit<ModelReport, 'gate'> {
  return {
    name,
    path,
    state,
    base: null,
    candidate: null,
    contract: null,
    metrics: [],
    measurement: { kind: 'not-measured', reason },
    version: null,
    findings: [],
    accepted: [],
  };
}
