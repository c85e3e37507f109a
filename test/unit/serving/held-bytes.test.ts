import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeldBytes, type StreamShare } from '../../../src/serving/held-bytes.ts';

/** Asks for room and says whether it is there by now. */
function ask(share: StreamShare, bytes: number): { isThere: boolean } {
  const state = { isThere: false };
  const granted = share.take(bytes);
  if (granted === null) state.isThere = true;
  else
    void granted.then(() => {
      state.isThere = true;
    });
  return state;
}
const turn = () => new Promise(resolve => setImmediate(resolve));

describe('what is held for clients', () => {
  it('counts streams beside bodies, and lets them have half', async () => {
    const room = new HeldBytes(100);
    const share = room.openShare();
    expect(ask(share, 50).isThere).toBe(true);
    share.handOn(50);
    const more = ask(share, 1);
    expect(more.isThere).toBe(false);
    expect(room.isFullForStreams).toBe(true);
    // The other half is for bodies, and no more.
    expect(room.take(50)).toBe(true);
    expect(room.take(1)).toBe(false);
    expect(room.held).toBe(100);
    share.release(50);
    await turn();
    expect(more.isThere).toBe(true);
    expect(room.held).toBe(51);
    share.close();
    room.release(50);
    expect(room.held).toBe(0);
    expect(room.isFullForStreams).toBe(false);
  });

  it('makes a stream wait while bodies fill it, and go on when they are answered', async () => {
    const room = new HeldBytes(100);
    expect(room.take(95)).toBe(true);
    const share = room.openShare();
    share.add(5);
    const waits = ask(share, 10);
    await turn();
    expect(waits.isThere).toBe(false);
    room.release(95);
    await turn();
    expect(waits.isThere).toBe(true);
  });

  it('lets one of those that only wait for each other go on, until what it holds is given back', async () => {
    const room = new HeldBytes(100);
    const [first, second, third] = [room.openShare(), room.openShare(), room.openShare()];
    for (const share of [first, second]) expect(ask(share, 25).isThere).toBe(true);
    // Nothing of either is under way: the first that needs more gets it, and only that one.
    expect(ask(first, 20).isThere).toBe(true);
    const [waiting, last] = [ask(second, 10), ask(third, 10)];
    expect(ask(first, 20).isThere).toBe(true);
    first.handOn(65);
    const next = ask(first, 5);
    await turn();
    expect([waiting.isThere, last.isThere, next.isThere]).toEqual([false, false, false]);
    expect(room.held).toBe(90);
    first.release(65);
    await turn();
    expect([waiting.isThere, last.isThere, next.isThere]).toEqual([true, true, true]);
    expect(room.held).toBe(50);
  });

  it('lets nobody wait whose stream is closed, and goes on without it', async () => {
    const room = new HeldBytes(100);
    const [first, second] = [room.openShare(), room.openShare()];
    ask(first, 50);
    first.handOn(50);
    const [own, others] = [ask(first, 10), ask(second, 60)];
    // It has nothing under way: nobody else could make room for it.
    expect([own.isThere, others.isThere]).toEqual([false, true]);
    first.close();
    first.add(10);
    first.release(10);
    await turn();
    expect(own.isThere).toBe(true);
    expect(room.held).toBe(60);
    second.close();
    expect(room.held).toBe(0);
  });

  it('always lets streams come to their end, over half by one record at most', async () => {
    const RECORD = 30;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.array(fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 3 })), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.infiniteStream(fc.nat(2)),
        async (limit, streams, delays) => {
          const room = new HeldBytes(limit);
          const pause = async (): Promise<void> => {
            for (let turns = delays.next().value ?? 0; turns > 0; turns -= 1) await turn();
          };
          let most = 0;
          let done = 0;
          const bodies = async (): Promise<void> => {
            for (let count = 0; count < 5; count += 1) {
              if (!room.take(7)) continue;
              await pause();
              room.release(7);
            }
          };
          const stream = async (records: readonly (readonly number[])[]): Promise<void> => {
            const share = room.openShare();
            const answers: Promise<void>[] = [];
            for (const pieces of records) {
              for (const piece of pieces) {
                await share.take(piece);
                most = Math.max(most, room.held);
                await pause();
              }
              const bytes = pieces.reduce((sum, piece) => sum + piece, 0);
              share.handOn(bytes);
              answers.push(pause().then(() => share.release(bytes)));
            }
            await Promise.all(answers);
            share.close();
            done += 1;
          };
          const all = Promise.all([...streams.map(stream), bodies()]);
          for (let turns = 0; turns < 3000 && done < streams.length; turns += 1) await turn();
          expect(done).toBe(streams.length);
          await all;
          expect(room.held).toBe(0);
          expect(most).toBeLessThanOrEqual(limit + RECORD);
        },
      ),
      { numRuns: 200 },
    );
  });
});
