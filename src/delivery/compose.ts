import {
  type Deployment,
  environmentOf,
  type Manifest,
  mebibytes,
  READY_PATH,
  STOP_SECONDS,
  USER_ID,
} from './deployment.ts';
import { yamlManifest } from './manifest-text.ts';

/** The image has no shell and no curl; `publish` sees to it that Node is in its PATH. */
const NODE = 'node';

export function renderCompose(deployment: Deployment): readonly Manifest[] {
  const { name, image, port, replicas, size } = deployment;
  // What is thrown in the end makes Node exit with 1.
  const check = `fetch('http://127.0.0.1:${port}${READY_PATH}').then(r => { if (!r.ok) throw r.status })`;
  const memory = `${mebibytes(size.memoryBytes)}M`;
  const service = {
    image,
    // A single copy can have the port of the machine; of several each gets one from the range.
    ports: [
      replicas.min === 1
        ? `127.0.0.1:${port}:${port}`
        : `127.0.0.1:${port}-${port + replicas.min - 1}:${port}`,
    ],
    environment: environmentOf(deployment),
    user: `${USER_ID}:${USER_ID}`,
    read_only: true,
    tmpfs: ['/tmp:size=64m,mode=1777'],
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    init: true,
    restart: 'unless-stopped',
    stop_grace_period: `${STOP_SECONDS}s`,
    healthcheck: {
      test: ['CMD', NODE, '-e', check],
      interval: '10s',
      timeout: '5s',
      retries: 3,
      start_period: `${size.startSeconds}s`,
    },
    deploy: {
      replicas: replicas.min,
      resources: {
        limits: { cpus: String(size.cpus), memory },
        reservations: { memory },
      },
    },
  };
  return [yamlManifest('compose.yaml', [{ services: { [name]: service } }])];
}
