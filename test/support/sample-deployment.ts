import type { Deployment } from '../../src/delivery/deployment.ts';
import type { TargetName } from '../../src/delivery/target-names.ts';
import { TARGETS } from '../../src/delivery/targets.ts';

export const sampleDeployment: Deployment = {
  name: 'digits',
  image: `ghcr.io/acme/digits@sha256:${'a'.repeat(64)}`,
  version: '1.4.2',
  port: 8080,
  replicas: { min: 2, max: 6 },
  size: { cpus: 1, memoryBytes: 512 * 2 ** 20, workers: 1, threads: 1, startSeconds: 45 },
};

/** The texts of a target's manifests, by name. */
export const manifestsOf = (
  target: TargetName,
  deployment: Deployment = sampleDeployment,
): ReadonlyMap<string, string> =>
  new Map(TARGETS[target].render(deployment, 120).map(({ name, text }) => [name, text]));
