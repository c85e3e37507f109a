import { type Deployment, environmentOf, LIVE_PATH, mebibytes, READY_PATH, USER_ID } from './deployment.ts';

const PROBE_PERIOD_S = 5;

export const labelsOf = ({ name, version }: Deployment): Readonly<Record<string, string>> => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/managed-by': 'quickserveml',
  ...(version === null ? {} : { 'app.kubernetes.io/version': version }),
});

/** What never changes for a name, as selectors must not. */
export const selectorOf = ({ name }: Deployment): Readonly<Record<string, string>> => ({
  'app.kubernetes.io/name': name,
});

const quantities = ({ size }: Deployment): Readonly<Record<string, string>> => ({
  cpu: `${Math.round(size.cpus * 1000)}m`,
  memory: `${mebibytes(size.memoryBytes)}Mi`,
});

export const environmentList = (deployment: Deployment): readonly object[] =>
  Object.entries(environmentOf(deployment)).map(([name, value]) => ({ name, value }));

/** The "restricted" profile of Kubernetes' pod security standards, and a root file system that is read-only. */
const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  runAsUser: USER_ID,
  runAsGroup: USER_ID,
  seccompProfile: { type: 'RuntimeDefault' },
};

export const startupProbe = ({ size, port }: Deployment): object => ({
  httpGet: { path: READY_PATH, port },
  periodSeconds: PROBE_PERIOD_S,
  failureThreshold: Math.ceil(size.startSeconds / PROBE_PERIOD_S),
});

export const livenessProbe = ({ port }: Deployment): object => ({
  httpGet: { path: LIVE_PATH, port },
  periodSeconds: 10,
  timeoutSeconds: 5,
  failureThreshold: 6,
});

const readinessProbe = ({ port }: Deployment): object => ({
  httpGet: { path: READY_PATH, port },
  periodSeconds: PROBE_PERIOD_S,
  timeoutSeconds: 5,
});

/**
 * The container of a pod. Memory is limited to what is requested, so that a node is never promised twice; processors are
 * not limited, since throttling would show as latency.
 */
export function serverContainer(deployment: Deployment, name: string) {
  const { cpu, memory } = quantities(deployment);
  return {
    name,
    image: deployment.image,
    ports: [{ containerPort: deployment.port, protocol: 'TCP' }],
    env: environmentList(deployment),
    resources: { requests: { cpu, memory }, limits: { memory } },
    startupProbe: startupProbe(deployment),
    livenessProbe: livenessProbe(deployment),
    readinessProbe: readinessProbe(deployment),
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
  };
}

/** A place for temporary files, since nothing else can be written. */
export const TEMPORARY_VOLUME = { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } };
