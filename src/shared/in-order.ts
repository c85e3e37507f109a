/** How much may be under way: given by the source, and its result not yet taken. */
export interface AheadBounds<T> {
  readonly most: number;
  /** Of items together, by `sizeOf`; one item alone may be larger. Left out: no bound. */
  readonly mostBytes?: number;
  readonly sizeOf?: (item: T) => number;
}

/**
 * Runs what a source gives, several at a time, and hands results back in the order of the source, each as soon as it and
 * those before it are there, also while the source has no more to give yet. Whoever takes results slowly slows the source.
 * @throws what a run throws, and what the source throws, after the results of what it gave before
 */
export async function* inOrder<T, R>(
  source: AsyncIterable<T>,
  run: (item: T) => Promise<R>,
  bounds: AheadBounds<T>,
): AsyncGenerator<R> {
  const { most, mostBytes = Number.POSITIVE_INFINITY, sizeOf = () => 0 } = bounds;
  const items = source[Symbol.asyncIterator]();
  const running: { readonly result: Promise<R>; readonly bytes: number }[] = [];
  let heldBytes = 0;
  type Reading = { readonly kind: 'read'; readonly read: IteratorResult<T> | { readonly failure: unknown } };
  let reading: Promise<Reading> | null = null;
  let end: { readonly failure?: unknown } | null = null;

  const readNext = (): Promise<Reading> =>
    items.next().then(
      read => ({ kind: 'read', read }),
      (failure: unknown) => ({ kind: 'read', read: { failure } }),
    );
  const start = (item: T): void => {
    const result = run(item);
    // It is awaited later; until then a rejection is not unhandled.
    result.catch(() => undefined);
    const bytes = sizeOf(item);
    heldBytes += bytes;
    running.push({ result, bytes });
  };
  try {
    for (;;) {
      const [oldest] = running;
      const hasRoom = oldest === undefined || (running.length < most && heldBytes < mostBytes);
      if (end === null && hasRoom) reading ??= readNext();
      const first = await Promise.race([
        ...(oldest === undefined
          ? []
          : [oldest.result.then(result => ({ kind: 'result' as const, result }))]),
        ...(reading === null ? [] : [reading]),
      ]);
      if (first.kind === 'result') {
        yield first.result;
        running.shift();
        heldBytes -= oldest?.bytes ?? 0;
      } else {
        reading = null;
        if ('failure' in first.read) end = first.read;
        else if (first.read.done === true) end = {};
        else start(first.read.value);
      }
      if (end === null || running.length > 0) continue;
      if ('failure' in end) throw end.failure;
      return;
    }
  } finally {
    // A source that is being waited for would only close when it gives again.
    const closing = end === null ? items.return?.() : undefined;
    closing?.then(undefined, () => undefined);
    if (reading === null) await closing;
    await Promise.allSettled(running.map(({ result }) => result));
  }
}
