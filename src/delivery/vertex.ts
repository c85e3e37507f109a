import { type Deployment, environmentOf, type Manifest, MIB, TARGET_UTILISATION } from './deployment.ts';
import { jsonManifest } from './manifest-text.ts';

/** The smallest of the general family that has both; n1: 3.75 GiB a processor. */
function machineType({ cpus, memoryBytes }: Deployment['size']): string {
  const sizes = [2, 4, 8, 16, 32, 64, 96];
  const fits = sizes.find(count => count >= cpus && count * 3.75 * 1024 * MIB * 0.9 >= memoryBytes);
  return `n1-standard-${fits ?? 96}`;
}

/**
 * Bodies of two calls of Vertex AI's API (v1): `models:upload`, then `endpoints/ID:deployModel` with the name of the model
 * that the first one answered. The server takes the routes from the environment that Vertex sets.
 */
export function renderVertex(deployment: Deployment): readonly Manifest[] {
  const { name, image, port, replicas, size, version } = deployment;
  const seconds = (count: number): string => `${count}s`;
  return [
    jsonManifest('vertex-model.json', {
      model: {
        displayName: name,
        ...(version === null ? {} : { versionAliases: [`v${version.replaceAll(/[^a-z0-9-]/gi, '-')}`] }),
        labels: { 'managed-by': 'quickserveml' },
        containerSpec: {
          imageUri: image,
          env: Object.entries(environmentOf(deployment)).map(([key, value]) => ({ name: key, value })),
          ports: [{ containerPort: port }],
          predictRoute: '/vertex/predict',
          healthRoute: '/vertex/health',
          deploymentTimeout: seconds(Math.max(300, size.startSeconds)),
        },
      },
    }),
    jsonManifest('vertex-deployment.json', {
      deployedModel: {
        displayName: name,
        model: 'projects/PROJECT/locations/LOCATION/models/MODEL',
        dedicatedResources: {
          machineSpec: { machineType: machineType(size) },
          minReplicaCount: replicas.min,
          maxReplicaCount: replicas.max,
          autoscalingMetricSpecs: [
            {
              metricName: 'aiplatform.googleapis.com/prediction/online/cpu/utilization',
              target: TARGET_UTILISATION * 100,
            },
          ],
        },
      },
      trafficSplit: { '0': 100 },
    }),
  ];
}
