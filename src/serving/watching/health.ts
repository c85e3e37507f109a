import { jsonReply, type Reply } from '../call.ts';
import type { ServedModel } from '../served-model.ts';
import type { ServerSnapshot } from '../watcher.ts';

/** `ready`: takes requests. `degraded`: takes them, and something is wrong. The others do not. */
export type HealthStatus = 'ready' | 'degraded' | 'starting' | 'draining';

export function healthStatusOf({ ready, reasons, draining }: ServerSnapshot): HealthStatus {
  if (draining) return 'draining';
  if (!ready) return 'starting';
  return reasons.length > 0 ? 'degraded' : 'ready';
}

/** `GET /health`: 200 where requests are taken, else 503; always with the reasons, so that a probe's log explains itself. */
export function healthReply(
  snapshot: ServerSnapshot,
  models: readonly Pick<ServedModel, 'name' | 'version'>[],
): Reply {
  const status = healthStatusOf(snapshot);
  const document = {
    status,
    reasons: snapshot.reasons,
    uptimeSeconds: Math.floor(snapshot.uptimeMs / 1000),
    models: models.map(({ name, version }) => ({ name, version })),
    workers: snapshot.workers.map(({ worker, state, restarts }) => ({ worker, state, restarts })),
  };
  return jsonReply(document, status === 'ready' || status === 'degraded' ? 200 : 503);
}
