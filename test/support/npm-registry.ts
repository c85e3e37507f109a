import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TestRegistry extends AsyncDisposable {
  /** With a slash at its end. */
  readonly url: string;
  /** Paths and Authorization headers, in order of arrival. */
  readonly requests: { readonly path: string; readonly authorization: string | null }[];
}

/** An HTTP server on loopback that answers like an npm registry: `answer` gets the path. */
export async function startRegistry(
  answer: (path: string, response: ServerResponse, request: IncomingMessage) => void,
): Promise<TestRegistry> {
  const requests: TestRegistry['requests'] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    requests.push({ path, authorization: request.headers.authorization ?? null });
    answer(path, response, request);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
