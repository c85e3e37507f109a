import { type Deployment, type Manifest, STOP_SECONDS, TARGET_UTILISATION, USER_ID } from './deployment.ts';
import { yamlManifest } from './manifest-text.ts';
import { labelsOf, selectorOf, serverContainer, TEMPORARY_VOLUME } from './pod.ts';

const metadata = (deployment: Deployment): object => ({
  name: deployment.name,
  labels: labelsOf(deployment),
});

/** Apps, autoscaling, policy and networking of Kubernetes 1.25 and newer. */
export function renderKubernetes(deployment: Deployment): readonly Manifest[] {
  const { name, port, replicas } = deployment;
  const matchLabels = selectorOf(deployment);
  const documents = [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: metadata(deployment),
      spec: {
        // Not `replicas`: it would set back what the autoscaler decided whenever this is applied.
        selector: { matchLabels },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: {
          metadata: { labels: labelsOf(deployment) },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: STOP_SECONDS,
            securityContext: {
              runAsNonRoot: true,
              fsGroup: USER_ID,
              seccompProfile: { type: 'RuntimeDefault' },
            },
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: 'kubernetes.io/hostname',
                whenUnsatisfiable: 'ScheduleAnyway',
                labelSelector: { matchLabels },
              },
            ],
            containers: [serverContainer(deployment, 'server')],
            volumes: [TEMPORARY_VOLUME],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata(deployment),
      spec: {
        selector: matchLabels,
        ports: [{ name: 'http', port: 80, targetPort: port, protocol: 'TCP' }],
      },
    },
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: metadata(deployment),
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        minReplicas: replicas.min,
        maxReplicas: replicas.max,
        metrics: [
          {
            type: 'Resource',
            resource: {
              name: 'cpu',
              target: { type: 'Utilization', averageUtilization: TARGET_UTILISATION * 100 },
            },
          },
        ],
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: metadata(deployment),
      spec: { maxUnavailable: 1, selector: { matchLabels } },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: metadata(deployment),
      spec: {
        podSelector: { matchLabels },
        policyTypes: ['Ingress', 'Egress'],
        // Pods of the same namespace; add `from` entries for ingress controllers and Prometheus elsewhere.
        ingress: [{ from: [{ podSelector: {} }], ports: [{ port, protocol: 'TCP' }] }],
        // The server calls nobody.
        egress: [],
      },
    },
  ];
  return [yamlManifest('kubernetes.yaml', documents)];
}
