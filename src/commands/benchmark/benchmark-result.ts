import type { Fingerprint, PairMeasurement, SoloMeasurement } from '../../benchmark/measurement.ts';
import { type Disturbance, spreadOf, trustSentence } from '../../benchmark/noise.ts';
import type { ContractComparison } from '../../contract/comparison.ts';
import type { MeasuredWorkload } from '../../regression/comparisons.ts';
import type { MetricComparison, MetricOutcome } from '../../regression/verdict.ts';
import { formatDifference, formatTransition } from '../../report/format-values.ts';
import { layerBlame } from '../../report/layer-changes.ts';
import { metricLabel } from '../../report/metric-words.ts';
import type { ModelLayers } from '../../report/report.ts';
import { terminalSafe } from '../../shared/terminal-text.ts';
import { layerFields } from '../check/explaining.ts';

type TakenMeasurement = PairMeasurement | SoloMeasurement;
export type TakenWorkload = MeasuredWorkload & { readonly measured: TakenMeasurement };

/** What `benchmark` found out about a model, alone or beside a base. */
export interface BenchmarkResult {
  /** By set of inputs. */
  readonly workloads: readonly [TakenWorkload, ...TakenWorkload[]];
  /** Of those with which it is slower. */
  readonly layers: readonly ModelLayers[];
  readonly metrics: readonly MetricComparison[];
  /** null: there is no base. */
  readonly contract: ContractComparison | null;
  readonly sameBytes: boolean;
  readonly fingerprint: Fingerprint;
  readonly disturbance: Disturbance;
}

const trustOf = ({ workloads: [{ measured }], disturbance }: BenchmarkResult): string =>
  trustSentence({ ...disturbance, waitShare: measured.waitShare, spread: spreadOf(measured) });

/** What `benchmark --json` prints. */
export function benchmarkDocument(result: BenchmarkResult): object {
  const { metrics, contract, workloads, fingerprint, disturbance, layers } = result;
  return {
    metrics,
    contract,
    measured: workloads[0].measured,
    ...(workloads.length > 1 ? { workloads } : {}),
    fingerprint,
    noise: { ...disturbance, trust: trustOf(result) },
    ...layerFields(layers),
  };
}

const outcomeWords = (outcome: MetricOutcome): string =>
  outcome.kind === 'inconclusive' ? `inconclusive: ${outcome.reason}` : outcome.kind;

function metricLine(comparison: MetricComparison, isCompared: boolean): string {
  const value = formatTransition(comparison.base, comparison.candidate, comparison.unit);
  const difference = comparison.difference === null ? '' : `  ${formatDifference(comparison.difference)}`;
  const outcome = isCompared ? outcomeWords(comparison.outcome) : '';
  return `${terminalSafe(metricLabel(comparison)).padEnd(16)} ${value}${difference}  ${outcome}`.trimEnd();
}

function blameLine(layers: ModelLayers): readonly string[] {
  const blame = layerBlame(layers);
  const inputs = layers.workload === undefined ? '' : `With ${layers.workload}: `;
  return blame === null ? [] : [terminalSafe(`${inputs}${blame}`)];
}

/** What has to be known beside the numbers. @param budget as it was given. */
function remarksOn({ metrics, contract, sameBytes }: BenchmarkResult, budget: string): readonly string[] {
  const breaking = (contract?.changes ?? []).filter(({ effect }) => effect === 'breaking');
  return [
    ...(sameBytes ? ['Both files have the same bytes: what differs is the machine.'] : []),
    ...breaking.map(({ message }) => `Callers break: ${message}`),
    ...(metrics.some(({ outcome }) => outcome.kind === 'inconclusive')
      ? [`A larger --budget (it was ${budget}) or a quieter machine decides more.`]
      : []),
  ];
}

/** What `benchmark` says to a person. @param budget as it was given. */
export function benchmarkText(result: BenchmarkResult, budget: string): string {
  const { workloads, layers, metrics, contract, fingerprint } = result;
  const sum = (of: (measured: TakenMeasurement) => number): number =>
    workloads.reduce((total, { measured }) => total + of(measured), 0);
  const origins = [...new Set(workloads.map(({ measured }) => measured.feedOrigin))].join(', ');
  return [
    ...metrics.map(comparison => metricLine(comparison, contract !== null)),
    ...layers.flatMap(blameLine),
    ...remarksOn(result, budget).map(terminalSafe),
    '',
    terminalSafe(
      `${fingerprint.cpuModel}, ${fingerprint.cores} cores, onnxruntime ${fingerprint.runtimeVersion}, ${fingerprint.provider}, ${fingerprint.threads} thread(s)`,
    ),
    `${sum(each => each.launches)} processes, ${sum(each => each.runs)} runs, ${(sum(each => each.durationMs) / 1000).toFixed(1)} s, inputs: ${origins}`,
    trustOf(result),
  ].join('\n');
}
