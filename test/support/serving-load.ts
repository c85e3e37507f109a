import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** A request for the fixture `encoder`. */
export const ENCODER_PAYLOAD = JSON.stringify({
  inputs: { input_ids: [[1, 2, 3]], attention_mask: [[1, 1, 1]] },
});

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request over a kept-alive connection; rejects where it gets no answer. */
export function post(agent: Agent, port: number, path: string, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = httpRequest(
      { agent, port, host: '127.0.0.1', path, method: 'POST', headers },
      response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** So many clients, each asking again as soon as it is answered, until `isOver`. */
export async function askSteadily(
  clients: number,
  port: number,
  isOver: () => boolean,
  path = '/predict',
): Promise<{ readonly statuses: Map<number, number>; readonly lost: readonly unknown[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const statuses = new Map<number, number>();
  const lost: unknown[] = [];
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (!isOver()) {
        try {
          const { status } = await post(agent, port, path, ENCODER_PAYLOAD);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        } catch (error) {
          // A stopped server takes no new connections: that request was never taken.
          const code = (error as NodeJS.ErrnoException).code;
          if (code === 'ECONNREFUSED') return;
          lost.push(error);
          return;
        }
      }
    }),
  );
  agent.destroy();
  return { statuses, lost };
}

/** Waits for what will come true. @throws Error where it does not within the time */
export const until = async (isTrue: () => boolean | Promise<boolean>, timeMs = 30_000): Promise<void> => {
  const end = performance.now() + timeMs;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error('it did not become true');
    await sleep(50);
  }
};
