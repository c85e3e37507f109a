import { type Deployment, type Manifest, mebibytes, STOP_SECONDS, TARGET_UTILISATION } from './deployment.ts';
import { yamlManifest } from './manifest-text.ts';
import {
  environmentList,
  labelsOf,
  livenessProbe,
  serverContainer,
  startupProbe,
  TEMPORARY_VOLUME,
} from './pod.ts';

const MAX_GATEWAY_SECONDS = 300;

/** Requests of one copy at a time: one for each process, and as many that wait for it. */
const concurrencyOf = ({ size }: Deployment): number => 2 * size.workers;

export function renderKnative(deployment: Deployment): readonly Manifest[] {
  const { name, replicas } = deployment;
  const { startupProbe: _, ...container } = serverContainer(deployment, 'server');
  const document = {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: { name, labels: labelsOf(deployment) },
    spec: {
      template: {
        metadata: {
          annotations: {
            'autoscaling.knative.dev/min-scale': String(replicas.min),
            'autoscaling.knative.dev/max-scale': String(replicas.max),
            'autoscaling.knative.dev/target-utilization-percentage': String(TARGET_UTILISATION * 100),
          },
          labels: labelsOf(deployment),
        },
        spec: {
          containerConcurrency: concurrencyOf(deployment),
          timeoutSeconds: STOP_SECONDS,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          // Knative's own deadline for the first readiness is longer than any start; it knows no startup probe everywhere.
          containers: [container],
          volumes: [TEMPORARY_VOLUME],
        },
      },
    },
  };
  return [yamlManifest('knative.yaml', [document])];
}

export function renderKserve(deployment: Deployment): readonly Manifest[] {
  const { name, replicas } = deployment;
  const document = {
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: { name, labels: labelsOf(deployment) },
    spec: {
      predictor: {
        minReplicas: replicas.min,
        maxReplicas: replicas.max,
        containerConcurrency: concurrencyOf(deployment),
        automountServiceAccountToken: false,
        containers: [serverContainer(deployment, 'kserve-container')],
        volumes: [TEMPORARY_VOLUME],
      },
    },
  };
  return [yamlManifest('kserve.yaml', [document])];
}

/** Cloud Run: whole processors from one on, and so much memory needs so many (cloud.google.com, "CPU limits"). */
function cloudRunLimits({ size }: Deployment): { readonly cpu: string; readonly memory: string } {
  const memoryMib = mebibytes(size.memoryBytes);
  const forMemory =
    memoryMib > 24_576 ? 8 : memoryMib > 16_384 ? 6 : memoryMib > 8192 ? 4 : memoryMib > 4096 ? 2 : 1;
  const wanted = Math.max(Math.ceil(size.cpus), forMemory);
  const cpu = [1, 2, 4, 6, 8].find(step => step >= wanted) ?? 8;
  return { cpu: String(cpu), memory: `${Math.max(512, memoryMib)}Mi` };
}

export function renderCloudRun(deployment: Deployment): readonly Manifest[] {
  const { name, image, port, replicas, size } = deployment;
  const document = {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: {
      name,
      labels: { 'managed-by': 'quickserveml' },
      // Who may call it is decided apart (roles/run.invoker); from outside only through a load balancer.
      annotations: { 'run.googleapis.com/ingress': 'internal-and-cloud-load-balancing' },
    },
    spec: {
      template: {
        metadata: {
          annotations: {
            'autoscaling.knative.dev/minScale': String(replicas.min),
            'autoscaling.knative.dev/maxScale': String(replicas.max),
            'run.googleapis.com/execution-environment': 'gen2',
            'run.googleapis.com/startup-cpu-boost': 'true',
          },
        },
        spec: {
          containerConcurrency: concurrencyOf(deployment),
          timeoutSeconds: Math.min(MAX_GATEWAY_SECONDS, STOP_SECONDS),
          containers: [
            {
              name: 'server',
              image,
              ports: [{ name: 'http1', containerPort: port }],
              env: environmentList(deployment),
              resources: { limits: cloudRunLimits(deployment) },
              startupProbe: {
                ...startupProbe(deployment),
                // Its product with the period may not be more than 240 s.
                failureThreshold: Math.min(48, Math.ceil(size.startSeconds / 5)),
              },
              livenessProbe: livenessProbe(deployment),
            },
          ],
        },
      },
    },
  };
  return [yamlManifest('cloud-run.yaml', [document])];
}
