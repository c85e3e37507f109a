import { describe, expect, it } from 'vitest';
import { inOrder } from '../../../src/shared/in-order.ts';

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function* of<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(resolve => setImmediate(resolve));
};

describe('runs in order', () => {
  it('hand results back in the order of the source, whichever ends first', async () => {
    let atOnce = 0;
    let most = 0;
    const run = async (item: number): Promise<number> => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await turns(item);
      atOnce -= 1;
      return 10 * item;
    };
    expect(await all(inOrder(of(9, 1, 5, 0, 3), run, { most: 3 }))).toEqual([90, 10, 50, 0, 30]);
    expect(most).toBe(3);
  });

  it('hand a result back while the source waits for more', async () => {
    async function* silent(): AsyncGenerator<string> {
      yield 'first';
      await new Promise(() => undefined);
    }
    const results = inOrder(silent(), async item => item, { most: 8 });
    expect(await results.next()).toEqual({ done: false, value: 'first' });
    // The source never gives again: giving up does not wait for it.
    expect(await results.return(undefined)).toEqual({ done: true, value: undefined });
  });

  it('take no more from the source than may be under way while nobody takes results', async () => {
    let given = 0;
    async function* endless(): AsyncGenerator<number> {
      for (;;) yield ++given;
    }
    const results = inOrder(endless(), async item => item, { most: 4 });
    await results.next();
    await turns(50);
    expect(given).toBeLessThanOrEqual(4);
    await results.return(undefined);
  });

  it('hold few large items, and one that is larger than all that may be held', async () => {
    let held = 0;
    let most = 0;
    const run = async (bytes: number): Promise<number> => {
      held += bytes;
      most = Math.max(most, held);
      await turns(3);
      held -= bytes;
      return bytes;
    };
    const sizes = [40, 40, 40, 300, 40, 40];
    const bounds = { most: 64, mostBytes: 100, sizeOf: (bytes: number) => bytes };
    expect(await all(inOrder(of(...sizes), run, bounds))).toEqual(sizes);
    // The last item is taken while there is any room, so one may reach past the bound.
    expect(most).toBeLessThanOrEqual(80 + 300);
  });

  it('end with the failure of the source after the results of what it gave', async () => {
    async function* breaking(): AsyncGenerator<number> {
      yield 1;
      yield 2;
      throw new Error('broke off');
    }
    const found: number[] = [];
    const taking = (async () => {
      for await (const result of inOrder(
        breaking(),
        async item => {
          await turns(item);
          return item;
        },
        { most: 8 },
      ))
        found.push(result);
    })();
    await expect(taking).rejects.toThrow('broke off');
    expect(found).toEqual([1, 2]);
  });

  it('close the source when a run fails', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<number> {
      try {
        for (let item = 0; ; item += 1) yield item;
      } finally {
        closed = true;
      }
    }
    const run = async (item: number): Promise<number> => {
      if (item === 2) throw new Error('bad run');
      return item;
    };
    await expect(all(inOrder(source(), run, { most: 2 }))).rejects.toThrow('bad run');
    await turns(2);
    expect(closed).toBe(true);
  });
});
