import { describe, expect, it } from 'vitest';
import { fargateSize } from '../../../src/delivery/aws.ts';
import { containerAppSize } from '../../../src/delivery/azure.ts';
import { machineCosts } from '../../../src/delivery/cost.ts';
import { type MeasuredModel, planSize, type WantedSize } from '../../../src/delivery/sizing.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const measured: MeasuredModel = {
  latencyMs: 5,
  memoryBytes: 200 * MIB,
  loadMs: 400,
  threads: 1,
  machine: 'a processor',
};
const nothing: WantedSize = {
  loadPerSecond: null,
  minReplicas: null,
  maxReplicas: null,
  cpus: null,
  memoryBytes: null,
};

describe('the size of a delivery', () => {
  it('answers the load with copies that work 60 % of their time', () => {
    // 1000 / 5 ms * 0.6 = 120 a second for a copy; 1000 / 120 = 8.3.
    const { capacityPerSecond, replicas } = planSize(measured, { ...nothing, loadPerSecond: 1000 });
    expect(capacityPerSecond).toBeCloseTo(120);
    expect(replicas).toEqual({ min: 9, max: 18 });
  });

  it('keeps two copies for a load that one could do, and what people say for any', () => {
    expect(planSize(measured, { ...nothing, loadPerSecond: 1 }).replicas.min).toBe(2);
    expect(planSize(measured, { ...nothing, loadPerSecond: 1000, minReplicas: 1 }).replicas).toEqual({
      min: 1,
      max: 9,
    });
    expect(planSize(measured, { ...nothing, minReplicas: 5, maxReplicas: 3 }).replicas).toEqual({
      min: 5,
      max: 5,
    });
  });

  it('runs a process for every so many processors as the measurement had threads', () => {
    const plan = planSize({ ...measured, threads: 2 }, { ...nothing, cpus: 5 });
    expect(plan.size).toMatchObject({ cpus: 5, workers: 2, threads: 2 });
    expect(plan.capacityPerSecond).toBeCloseTo(240);
    // Half a processor is half as quick as the one that was measured.
    expect(planSize(measured, { ...nothing, cpus: 0.5 }).capacityPerSecond).toBeCloseTo(60);
  });

  it('gives memory for every process above the peak that was measured, and time to load', () => {
    // 160 + 1.5 * 200 = 460, in steps of 64.
    expect(planSize(measured, nothing).size.memoryBytes).toBe(512 * MIB);
    // 160 + 4 * 300 = 1360.
    expect(planSize(measured, { ...nothing, cpus: 4 }).size.memoryBytes).toBe(1408 * MIB);
    expect(planSize(measured, nothing).size.startSeconds).toBe(34);
    expect(planSize({ ...measured, loadMs: 60_000 }, nothing).size.startSeconds).toBe(630);
  });

  it('says that nothing was measured instead of making up a capacity', () => {
    const plan = planSize(null, { ...nothing, loadPerSecond: 1000 });
    expect(plan).toMatchObject({ capacityPerSecond: null, replicas: { min: 2, max: 4 } });
    expect(plan.reasons).toEqual(['Nothing was measured of this model: sizes are defaults.']);
  });
});

describe('the cost', () => {
  const size = { cpus: 1, memoryBytes: GIB, workers: 1, threads: 1, startSeconds: 30 };
  const prices = [
    { machine: 'large', cpus: 8, memoryBytes: 16 * GIB, hourly: 0.4 },
    { machine: 'small', cpus: 2, memoryBytes: 4 * GIB, hourly: 0.09 },
    { machine: 'too small', cpus: 0.5, memoryBytes: 4 * GIB, hourly: 0.01 },
    { machine: 'little memory', cpus: 8, memoryBytes: GIB / 2, hourly: 0.01 },
  ];

  it('is that of the machines which the copies fill, cheapest first, without those on which none fits', () => {
    const costs = machineCosts(prices, size, { replicas: 9, capacityPerSecond: 120, loadPerSecond: 1000 });
    expect(costs.map(({ machine, copies, machines }) => [machine, copies, machines])).toEqual([
      ['small', 2, 5],
      ['large', 8, 2],
    ]);
    // 5 * 0.09 an hour for 3.6 million predictions.
    expect(costs[0]?.hourly).toBeCloseTo(0.45);
    expect(costs[0]?.perMillion).toBeCloseTo(0.125);
    // 0.09 an hour for 2 * 120 * 3600 predictions.
    expect(costs[0]?.perMillionAtBest).toBeCloseTo(0.104, 3);
  });

  it('of a million is not known without a load', () => {
    const [cost] = machineCosts(prices, size, { replicas: 2, capacityPerSecond: 120, loadPerSecond: null });
    expect(cost).toMatchObject({ machine: 'small', machines: 1, perMillion: null });
  });
});

const of = (cpus: number, mib: number) => ({
  cpus,
  memoryBytes: mib * MIB,
  workers: 1,
  threads: 1,
  startSeconds: 30,
});

it.each([
  [0.25, 300, 256, 512],
  [0.25, 3000, 512, 3072],
  [1, 512, 1024, 2048],
  [3, 9000, 4096, 9216],
  [8, 17_000, 8192, 20_480],
  [64, 500_000, 16_384, 122_880],
])('Fargate gives %s processors and %s MiB the pair %s and %s', (cpus, mib, cpu, memory) => {
  expect(fargateSize(of(cpus, mib))).toEqual({ cpu, memory });
});

it.each([
  [0.25, 400, 0.25, '0.5Gi'],
  [0.3, 400, 0.5, '1Gi'],
  [0.25, 3000, 1.5, '3Gi'],
  [9, 400, 4, '8Gi'],
])('Container Apps gives %s processors and %s MiB the pair %s and %s', (cpus, mib, cpu, memory) => {
  expect(containerAppSize(of(cpus, mib))).toEqual({ cpu, memory });
});
