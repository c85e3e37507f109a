import type { ModelConfig, Policy } from '../../config/config.ts';
import { compareInterfaces } from '../../contract/compare-interfaces.ts';
import type { ContractChange } from '../../contract/comparison.ts';
import type { Inspection } from '../../model/inspection.ts';
import type { ModelIdentity } from '../../model/model-identity.ts';
import { inspectRead } from '../../model/model-inspection.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { comparisonsOf, type MeasuredWorkload } from '../../regression/comparisons.ts';
import { gateOf } from '../../regression/gate.ts';
import type { ModelHistory, ModelReport, ModelState } from '../../report/report.ts';
import type { Finding } from '../../shared/finding.ts';
import { policiesOf } from '../metric-policies.ts';
import type { ReadableModel } from '../readable-model.ts';
import { type AcceptanceSources, acceptanceLookup, acceptedOf } from './acceptance.ts';
import type { CheckedModel } from './checked-model.ts';
import { joinContracts } from './contract-reference.ts';
import { layerFields } from './explaining.ts';
import type { HistoryInputs } from './history.ts';
import { historyFindings } from './history-findings.ts';
import { type MeasuringInput, measureModel } from './measured-model.ts';
import { summarise } from './measuring.ts';
import { testModel } from './tested-model.ts';
import { unusedSettings } from './unused-settings.ts';

export interface JudgingInput extends MeasuringInput {
  readonly config: ModelConfig;
  /** The same model in the base's configuration, or null. */
  readonly baseConfig: ModelConfig | null;
  /** Whether a configuration names the model, or it was found. */
  readonly isConfigured: boolean;
  /** The rules that hold. */
  readonly policy: Policy;
  readonly state: ModelState;
  /** null: there is none, or git says that it is the candidate itself. */
  readonly base: (ReadableModel & { readonly path: string }) | null;
  readonly candidate: ReadableModel & { readonly identity: ModelIdentity };
  /** What comparing with a contract file gave. */
  readonly contractFile: {
    readonly changes: readonly ContractChange[];
    readonly findings: readonly Finding[];
  };
  /** What was found while the files were looked for. */
  readonly findings: readonly Finding[];
  readonly accept: Omit<AcceptanceSources, 'entries'>;
  /** Earlier measurements on this kind of machine, or null: asked for only where the base could not be measured. */
  readonly historyOf: (config: ModelConfig, inputs: HistoryInputs) => Promise<ModelHistory | null>;
}

/** No byte of the model differs from the base's. */
export const isSameState = (state: ModelState): boolean =>
  state.kind === 'identical' || (state.kind === 'moved' && state.identical);

/** Inspects, compares, measures and tests a model whose files are there, and judges what came of it. */
export async function judgeModel(input: JudgingInput): Promise<CheckedModel> {
  const { config, policy, state, candidate, baseConfig, contractFile, bench, root } = input;
  const { identity } = candidate;
  const { base } = input;
  const same = isSameState(state);
  const otherBase = same ? null : base;

  const candidateInspection = inspectionOf(candidate, config.path);
  const baseInspection = base === null ? null : inspectionOf(base, base.path);
  const contract = joinContracts(
    base === null ? null : compareInterfaces(interfaceOf(base.model), interfaceOf(candidate.model)),
    contractFile.changes,
  );
  const {
    workloads,
    layers,
    findings: measuringFindings,
    disturbance,
  } = await measureModel(input, config, { policy, baseConfig, base: otherBase, candidate, same, identity });
  const tested = await testModel({
    bench,
    root,
    config,
    baseConfig,
    policy,
    base: otherBase,
    candidate,
    unchanged: same,
  });
  const [{ measured }] = workloads;
  const metrics = comparisonsOf(workloads, policiesOf(policy), {
    base: baseInspection,
    candidate: candidateInspection,
  });
  const findings = [
    ...input.findings,
    ...inspectionFindings(candidateInspection, baseInspection, same),
    ...unusedSettings(config, [
      ...interfaceOf(candidate.model).inputs,
      ...(base === null ? [] : interfaceOf(base.model).inputs),
    ]),
    ...measuringFindings,
    ...(await findingsOfHistory(input, same ? [] : workloads)),
    ...contractFile.findings,
    ...tested.findings,
  ];
  return {
    config,
    candidate,
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
      configured: input.isConfigured,
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
  { config, policy, historyOf }: JudgingInput,
  workloads: readonly MeasuredWorkload[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [index, { name, measured }] of workloads.entries()) {
    if (measured.kind !== 'solo') continue;
    const inputs = { digest: measured.feedDigest, isFirst: index === 0 };
    const history = await historyOf(config, inputs);
    if (history !== null) findings.push(...historyFindings(measured, history, policy, name));
  }
  return findings;
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
