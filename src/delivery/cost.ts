import type { ReplicaSize } from './deployment.ts';

/** A row of the configuration's price table. */
export interface MachinePrice {
  readonly machine: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** For an hour, in whatever currency the table is. */
  readonly hourly: number;
}

export interface MachineCost {
  readonly machine: string;
  /** Copies that fit on one. */
  readonly copies: number;
  /** Machines for the load; of the copies that run, where no load is given. */
  readonly machines: number;
  readonly hourly: number;
  /** At the load; null: none is given. */
  readonly perMillion: number | null;
  /** With every machine at the target utilisation: what it cannot be less than. */
  readonly perMillionAtBest: number;
}

const SECONDS_PER_HOUR = 3600;

/**
 * What the copies cost on each kind of machine, cheapest first; machines on which none fits are left out. Discounts,
 * traffic, storage and the nodes' own share are not in it.
 */
export function machineCosts(
  prices: readonly MachinePrice[],
  size: ReplicaSize,
  plan: {
    readonly replicas: number;
    readonly capacityPerSecond: number;
    readonly loadPerSecond: number | null;
  },
): readonly MachineCost[] {
  const costs = prices.flatMap(({ machine, cpus, memoryBytes, hourly }): MachineCost[] => {
    const copies = Math.min(Math.floor(cpus / size.cpus), Math.floor(memoryBytes / size.memoryBytes));
    if (copies < 1) return [];
    const machines = Math.ceil(plan.replicas / copies);
    const perHour = machines * hourly;
    const { loadPerSecond } = plan;
    const perMillion = (spent: number, perSecond: number): number =>
      (spent / (perSecond * SECONDS_PER_HOUR)) * 1e6;
    return [
      {
        machine,
        copies,
        machines,
        hourly: perHour,
        perMillion: loadPerSecond === null ? null : perMillion(perHour, loadPerSecond),
        perMillionAtBest: perMillion(hourly, copies * plan.capacityPerSecond),
      },
    ];
  });
  return costs.sort((one, other) => one.hourly - other.hourly || (one.machine < other.machine ? -1 : 1));
}
