import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Call, Route } from '../../src/serving/call.ts';
import type { ServerPart } from '../../src/serving/server-parts.ts';

export interface MountedParts extends AsyncDisposable {
  readonly url: string;
}

/** Serves the routes of parts as the server does, without models: heads only, the headers of the admission on every answer. */
export async function mountParts(
  parts: readonly ServerPart[],
  more: readonly Route[] = [],
): Promise<MountedParts> {
  const routes = [...parts.flatMap(part => part.routes ?? []), ...more];
  const admission = parts.find(part => part.admission !== undefined)?.admission;
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const call: Call = {
      id: 'test',
      method: request.method ?? 'GET',
      path,
      query: '',
      headers: request.headers,
      clientAddress: '127.0.0.1',
      startedAtMs: 0,
    };
    for (const [name, value] of Object.entries(admission?.replyHeaders(call) ?? {}))
      if (value !== undefined) response.setHeader(name, value);
    const route = routes.find(each => each.path === path && each.method === call.method);
    const decision = await admission?.admit(call, route ?? null);
    if (decision?.kind === 'answered') {
      response.writeHead(decision.reply.status, decision.reply.headers).end(decision.reply.body);
    } else if (route?.kind === 'stream') {
      const refusal = route.open(call, response, {});
      if (refusal !== null) response.writeHead(refusal.status, refusal.headers).end(refusal.body);
    } else if (route?.kind === 'reply') {
      const reply = await route.answer(call, {});
      response.writeHead(reply.status, reply.headers).end(reply.body);
    } else response.writeHead(404).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
