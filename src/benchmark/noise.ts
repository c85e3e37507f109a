import type { PairMeasurement, SoloMeasurement } from './measurement.ts';
import { standardDeviation } from './statistics.ts';

/** The counters of a machine at one moment. */
export interface MachineLoad {
  /** Clock ticks of all CPUs since the start, and those that the host gave to others (steal); null: cannot be read. */
  readonly ticks: { readonly all: number; readonly stolen: number } | null;
  /** Load average of the last minute; null where there is none. */
  readonly load: number | null;
}

/** What else the machine did between two moments. */
export interface Disturbance {
  /** Share of the CPUs' time that the host gave to other guests. */
  readonly stealShare: number | null;
  /** Tasks that ran or wanted to run, by CPUs; 1 is a machine that is just busy. */
  readonly loadPerCpu: number | null;
}

const largest = (shares: readonly (number | null)[]): number | null =>
  shares.reduce((most, share) => (share === null ? most : Math.max(most ?? 0, share)), null);

/** Of several stretches of time, what disturbed any of them most. */
export const worstOf = (all: readonly Disturbance[]): Disturbance => ({
  stealShare: largest(all.map(({ stealShare }) => stealShare)),
  loadPerCpu: largest(all.map(({ loadPerCpu }) => loadPerCpu)),
});

export function disturbanceBetween(before: MachineLoad, after: MachineLoad, cpus: number): Disturbance {
  const passed =
    before.ticks === null || after.ticks === null ? null : Math.max(1, after.ticks.all - before.ticks.all);
  const stolen = (after.ticks?.stolen ?? 0) - (before.ticks?.stolen ?? 0);
  return {
    stealShare: passed === null ? null : Math.min(1, Math.max(0, stolen / passed)),
    loadPerCpu: after.load === null ? null : after.load / cpus,
  };
}

export interface NoiseFacts extends Disturbance {
  /** Mean share of time that the measuring thread waited for a CPU; null where it cannot be read. */
  readonly waitShare: number | null;
  /** Spread of the launches: of the log ratios, or of the logarithms of one model's latencies. */
  readonly spread: number | null;
}

/** How much launches differ; null for fewer than three. */
export function spreadOf(measured: PairMeasurement | SoloMeasurement): number | null {
  const values =
    measured.kind === 'pair' ? measured.latency.logRatios : measured.samples.latencyMs.map(Math.log);
  return values.length < 3 ? null : standardDeviation(values);
}

/** Below this nothing is said of stolen time: it is less than the spread of any launch. */
const STEAL_SAID = 0.01;
/** The measurement itself is a load of about one CPU. */
const LOAD_SAID = 1.5;

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/** How far the numbers can be trusted, in one plain sentence, or two where the machine was busy. */
export function trustSentence({ waitShare, spread, stealShare, loadPerCpu }: NoiseFacts): string {
  const waited =
    waitShare === null
      ? 'How long the thread waited for a CPU cannot be read here, so times are wall times'
      : `The thread waited for a CPU ${percent(waitShare)} of the time, which is taken out`;
  return [`${waited}; ${spreadWords(spread)}.`, ...busyWords(stealShare, loadPerCpu)].join(' ');
}

function spreadWords(spread: number | null): string {
  if (spread === null) return 'too few launches to say how much they differ';
  const launches = `launches differ by ${percent(spread)}`;
  if (spread < 0.01) return `${launches}: small differences can be told`;
  if (spread < 0.04) return `${launches}: differences of a few per cent can be told`;
  return `${launches}: only large differences can be told, measure again on a quieter machine`;
}

function busyWords(stealShare: number | null, loadPerCpu: number | null): readonly string[] {
  const stolen =
    stealShare !== null && stealShare >= STEAL_SAID
      ? [`the host gave ${percent(stealShare)} of the CPUs to other guests, which cannot be taken out`]
      : [];
  const busy =
    loadPerCpu !== null && loadPerCpu >= LOAD_SAID
      ? [`${loadPerCpu.toFixed(1)} tasks wanted each CPU at the end`]
      : [];
  const all = [...stolen, ...busy];
  return all.length === 0 ? [] : [`The machine was busy: ${all.join(', and ')}.`];
}
