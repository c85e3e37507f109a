import { createServer } from 'node:net';

/**
 * A port of the loopback interface on which nobody listens. It lies below those that the system hands out by itself, so that
 * no server that asks for any port, and no connection, is given it before it is used.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    const server = createServer();
    const isFree = await new Promise<boolean>(done => {
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => done(true));
    });
    if (!isFree) continue;
    await new Promise(done => server.close(done));
    return port;
  }
}
