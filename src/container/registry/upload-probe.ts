import { pushScope } from './authorization.ts';
import type { Endpoint } from './endpoint.ts';

/**
 * Whether the credentials may push to a repository: an upload is begun (distribution specification, "Pushing a blob in
 * chunks") and cancelled.
 * @throws QuickServeError CONTAINER_REGISTRY_*.
 */
export async function probeUpload(endpoint: Endpoint, repository: string): Promise<void> {
  const scopes = [pushScope(repository)];
  const begun = await endpoint.call({
    method: 'POST',
    to: `${repository}/blobs/uploads/`,
    scopes,
    headers: { 'content-length': '0' },
    accept: [202],
    action: `push to ${endpoint.registry}/${repository}`,
  });
  await begun.body.dump();
  const location = begun.headers['location'];
  if (typeof location !== 'string' || !URL.canParse(location, begun.url.href)) return;
  await cancelUpload(endpoint, repository, new URL(location, begun.url));
}

/** Gives an upload up. Registries that do not know how let it expire by themselves: that is no failure. */
export async function cancelUpload(endpoint: Endpoint, repository: string, session: URL): Promise<void> {
  const given = await endpoint
    .call({
      method: 'DELETE',
      to: session,
      scopes: [pushScope(repository)],
      accept: [200, 202, 204, 400, 404, 405],
      action: `give up an upload to ${endpoint.registry}/${repository}`,
      once: true,
    })
    .catch(() => null);
  await given?.body.dump();
}
