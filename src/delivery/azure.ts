import {
  type Deployment,
  environmentOf,
  LIVE_PATH,
  type Manifest,
  MIB,
  mebibytes,
  READY_PATH,
} from './deployment.ts';
import { yamlManifest } from './manifest-text.ts';

const SCHEMAS = 'https://azuremlschemas.azureedge.net/latest';

/** The smallest of the general family that has both; Ds v3: 4 GiB a processor. */
function instanceType({ cpus, memoryBytes }: Deployment['size']): string {
  const fits = [2, 4, 8, 16, 32].find(count => count >= cpus && count * 4 * 1024 * MIB * 0.8 >= memoryBytes);
  return `Standard_D${fits ?? 48}s_v3`;
}

/** For `az ml online-endpoint create` and `az ml online-deployment create`: the endpoint, and what answers it. */
export function renderAzureMl(deployment: Deployment): readonly Manifest[] {
  const { name, image, port, replicas, size } = deployment;
  const route = (path: string): object => ({ path, port });
  const probe = { period: 10, timeout: 5, success_threshold: 1 };
  return [
    yamlManifest('azure-ml-endpoint.yaml', [
      { $schema: `${SCHEMAS}/managedOnlineEndpoint.schema.json`, name, auth_mode: 'key' },
    ]),
    yamlManifest('azure-ml-deployment.yaml', [
      {
        $schema: `${SCHEMAS}/managedOnlineDeployment.schema.json`,
        name: 'server',
        endpoint_name: name,
        environment: {
          image,
          inference_config: {
            liveness_route: route(LIVE_PATH),
            readiness_route: route(READY_PATH),
            scoring_route: route('/predict'),
          },
        },
        environment_variables: environmentOf(deployment),
        instance_type: instanceType(size),
        // The service adds copies by rules of Azure Monitor, which are no part of this file.
        instance_count: replicas.min,
        request_settings: { max_concurrent_requests_per_instance: 2 * size.workers },
        liveness_probe: { ...probe, initial_delay: 10, failure_threshold: 30 },
        readiness_probe: {
          ...probe,
          initial_delay: 10,
          failure_threshold: Math.ceil(size.startSeconds / 10),
        },
      },
    ]),
  ];
}

/** Container Apps (consumption): quarters of a processor up to 4, with 2 GiB for each whole one. */
export function containerAppSize({ cpus, memoryBytes }: Deployment['size']): {
  readonly cpu: number;
  readonly memory: string;
} {
  const forMemory = mebibytes(memoryBytes) / 2048;
  const cpu = Math.min(4, Math.max(0.25, Math.ceil(Math.max(cpus, forMemory) * 4) / 4));
  return { cpu, memory: `${cpu * 2}Gi` };
}

/** For `az containerapp create --yaml`, in an environment that exists. */
export function renderContainerApps(deployment: Deployment): readonly Manifest[] {
  const { name, image, port, replicas, size } = deployment;
  const probe = (type: string, path: string, more: object): object => ({
    type,
    httpGet: { path, port },
    periodSeconds: 10,
    timeoutSeconds: 5,
    ...more,
  });
  const document = {
    type: 'Microsoft.App/containerApps',
    name,
    properties: {
      configuration: {
        activeRevisionsMode: 'Single',
        ingress: { external: false, targetPort: port, transport: 'auto', allowInsecure: false },
      },
      template: {
        containers: [
          {
            name: 'server',
            image,
            env: Object.entries(environmentOf(deployment)).map(([key, value]) => ({ name: key, value })),
            resources: containerAppSize(size),
            probes: [
              probe('Startup', READY_PATH, { failureThreshold: Math.ceil(size.startSeconds / 10) }),
              probe('Liveness', LIVE_PATH, { failureThreshold: 6 }),
              probe('Readiness', READY_PATH, { failureThreshold: 3 }),
            ],
          },
        ],
        scale: {
          minReplicas: replicas.min,
          maxReplicas: replicas.max,
          rules: [{ name: 'http', http: { metadata: { concurrentRequests: String(2 * size.workers) } } }],
        },
      },
    },
  };
  return [yamlManifest('container-app.yaml', [document])];
}
