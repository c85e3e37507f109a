const LIMIT_BYTES = 1024 * 1024;

/**
 * The same chunks in the same order, read while the consumer is busy with earlier ones. A stream that breaks forgets what
 * it holds; what was read from it is given out before its error.
 * @param limitBytes nothing more is read while so much waits.
 * @throws what `source` threw, behind the last chunk that came.
 */
export async function* readAhead(
  source: AsyncIterable<Uint8Array>,
  limitBytes = LIMIT_BYTES,
): AsyncGenerator<Uint8Array, void, undefined> {
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let end: { readonly error?: unknown } | null = null;
  let isStopped = false;
  let changed = Promise.withResolvers<void>();
  const change = (): void => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const read = async (): Promise<void> => {
    try {
      for await (const chunk of source) {
        waiting.push(chunk);
        waitingBytes += chunk.length;
        change();
        while (waitingBytes >= limitBytes && !isStopped) await changed.promise;
        if (isStopped) break;
      }
      end = {};
    } catch (error) {
      end = { error };
    }
    change();
  };
  void read();
  try {
    for (;;) {
      const chunk = waiting.shift();
      if (chunk !== undefined) {
        waitingBytes -= chunk.length;
        change();
        yield chunk;
      } else if (end === null) await changed.promise;
      else break;
    }
  } finally {
    isStopped = true;
    change();
  }
  const { error } = end as { readonly error?: unknown };
  if (error !== undefined) throw error;
}
