import type { ServerResponse } from 'node:http';

/** What goes wrong at a route. `afterEffect`: the server did what was asked, only its answer is lost or damaged. */
export type Fault = {
  readonly kind: 'status' | 'timeout' | 'truncated' | 'endless' | 'reset';
  readonly status?: number;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly afterEffect?: boolean;
};

/** What a test server of an API answers: JSON, or nothing. */
export interface Answer {
  readonly status: number;
  readonly data?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function sendAnswer(response: ServerResponse, answer: Answer): void {
  const text = answer.data === undefined ? '' : JSON.stringify(answer.data);
  response.writeHead(answer.status, {
    ...(text === '' ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    ...answer.headers,
  });
  response.end(text);
}

/**
 * Does to an answer what the fault says.
 * @param answer what the server would have said; null where it did nothing
 */
export function breakAnswer(response: ServerResponse, fault: Fault, answer: Answer | null): void {
  const json = { 'content-type': 'application/json; charset=utf-8' };
  switch (fault.kind) {
    case 'status':
      sendAnswer(response, {
        status: fault.status ?? 500,
        data: { message: fault.message ?? `injected ${fault.status ?? 500}` },
        ...(fault.headers === undefined ? {} : { headers: fault.headers }),
      });
      return;
    case 'timeout':
      return;
    case 'reset':
      response.destroy();
      return;
    case 'truncated': {
      const whole = JSON.stringify(
        answer?.data ?? [{ id: 1, html_url: 'https://github.example/x', body: 'cut' }],
      );
      response.writeHead(answer?.status ?? 200, json);
      response.end(whole.slice(0, Math.ceil(whole.length / 2)));
      return;
    }
    case 'endless': {
      response.writeHead(answer?.status ?? 200, json);
      const timer = setInterval(() => response.write(' '.repeat(64 * 1024)), 2);
      response.on('close', () => clearInterval(timer));
      return;
    }
  }
}

/** Every way in which an answer can go wrong that the tests of a platform try at each of its routes. */
export const EVERY_FAULT: Readonly<Record<string, Fault>> = {
  '401': { kind: 'status', status: 401 },
  '403': { kind: 'status', status: 403 },
  '404': { kind: 'status', status: 404 },
  '409': { kind: 'status', status: 409 },
  '422': { kind: 'status', status: 422 },
  '429': { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  '500': { kind: 'status', status: 500 },
  'a timeout': { kind: 'timeout' },
  'a reset': { kind: 'reset' },
  'truncated JSON': { kind: 'truncated' },
  'a body that never ends': { kind: 'endless' },
};
