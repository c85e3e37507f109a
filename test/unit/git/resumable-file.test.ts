import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeResumable } from '../../../src/git/resumable-file.ts';
import { bytesOf, sha256, temporaryFolder } from '../../support/git-repositories.ts';

/** Hands out all chunks at once and breaks before the first is on the disk, as a connection that is cut does. */
function brokenStream(chunks: readonly Uint8Array[], error: Error): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      pull: controller => {
        for (const chunk of chunks) controller.enqueue(chunk);
        setImmediate(() => controller.error(error));
        return new Promise(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

test('everything that came before a connection broke is kept, and the next attempt begins behind it', async () => {
  await using folder = temporaryFolder();
  const content = bytesOf('model', 1000);
  const place = join(folder.path, 'model.onnx');
  const broken = new Error('cut');
  const offsets: number[] = [];
  await writeResumable(place, { sha256: sha256(content), sizeBytes: content.length }, place, async write => {
    const chunks = [0, 100, 200].map(start => content.subarray(start, start + 100));
    await expect(write(async offset => ({ offset, bytes: brokenStream(chunks, broken) }))).rejects.toBe(
      broken,
    );
    await write(async offset => {
      offsets.push(offset);
      return {
        offset,
        bytes: (async function* () {
          yield content.subarray(offset);
        })(),
      };
    });
  });
  expect(offsets).toEqual([300]);
  expect(readFileSync(place)).toEqual(content);
  expect(readdirSync(folder.path)).toEqual(['model.onnx']);
});

test('a source that sends more than was announced is left where that shows', async () => {
  await using folder = temporaryFolder();
  const place = join(folder.path, 'model.onnx');
  let isClosed = false;
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(700_000);
    } finally {
      isClosed = true;
    }
  };
  const writing = writeResumable(
    place,
    { sha256: sha256(Buffer.alloc(0)), sizeBytes: 800_000 },
    place,
    write => write(async () => ({ offset: 0, bytes: endless() })),
  );
  await expect(writing).rejects.toThrow('it is larger than the 800000 bytes it should have');
  await expect.poll(() => isClosed).toBe(true);
  expect(readdirSync(folder.path)).toEqual([]);
});
