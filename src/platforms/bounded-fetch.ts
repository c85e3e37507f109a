/** How long and how large one HTTP answer may be. */
export interface FetchLimits {
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
}

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

/** What stopped a request on its way; `reason` names no token, no header and no query. */
export class TransportFailure extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = 'TransportFailure';
    this.reason = reason;
  }
}

/**
 * `fetch` with one time limit over headers and body together and a limit on the body: an answer that never ends, trickles
 * or is huge is a TransportFailure. The answer that comes back is complete in memory.
 */
export function boundedFetch(fetch: Fetch, limits: FetchLimits): Fetch {
  return async (input, init) => {
    const signal = AbortSignal.timeout(limits.timeoutMs);
    try {
      const answer = await fetch(input, { ...init, signal });
      const body = await readBounded(answer, limits.maxBodyBytes);
      const bodiless = answer.status === 204 || answer.status === 205 || answer.status === 304;
      const headers = [...answer.headers].filter(
        ([name]) => name !== 'content-encoding' && name !== 'content-length',
      );
      return new Response(bodiless ? null : body, { status: answer.status, headers });
    } catch (thrown) {
      if (thrown instanceof TransportFailure) throw thrown;
      if (signal.aborted)
        throw new TransportFailure(`no complete answer within ${limits.timeoutMs / 1000} s`);
      throw new TransportFailure(networkReason(thrown));
    }
  };
}

async function readBounded(answer: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new TransportFailure(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_/u;

/** Only the system's code: messages of HTTP libraries can quote addresses and headers. */
function networkReason(thrown: unknown): string {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (!('code' in error) || typeof error.code !== 'string') continue;
    return UNTRUSTED.test(error.code)
      ? `the certificate is not trusted (${error.code}): NODE_EXTRA_CA_CERTS may name a file of authorities`
      : `the connection failed (${error.code})`;
  }
  return 'the connection failed';
}
