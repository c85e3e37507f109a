import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Resolves when a stream that is full takes more, or never will; leaves no listener behind. */
export async function roomIn(stream: Writable): Promise<void> {
  const other = new AbortController();
  const { signal } = other;
  const events = [once(stream, 'drain', { signal }), once(stream, 'close', { signal })];
  await Promise.race(events).catch(() => undefined);
  other.abort();
  await Promise.allSettled(events);
}
