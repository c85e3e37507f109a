import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, writeFrame } from '../../../src/serving/engine/frames.ts';
import { freeMemory } from '../../../src/shared/freed-memory.ts';

interface Frame {
  readonly head: unknown;
  readonly body: string;
}

function writtenBytes(frames: readonly Frame[]): Buffer {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  for (const { head, body } of frames) writeFrame(stream, head, [Buffer.from(body), Buffer.alloc(0)]);
  return Buffer.concat(chunks);
}

function readerInto(taken: Frame[]): FrameReader {
  return new FrameReader((head, body) => taken.push({ head, body: body.toString() }));
}

const framesOf = fc.array(
  fc.record({ head: fc.dictionary(fc.string(), fc.integer()), body: fc.string({ maxLength: 3000 }) }),
  { maxLength: 6 },
);
const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 5000 }));
/** Dictionaries with a null prototype are equal to nothing that JSON gives. */
const plain = (frames: readonly Frame[]): unknown => JSON.parse(JSON.stringify(frames));

describe('frames on a pipe', () => {
  it('come out as they went in, however the bytes are cut into chunks', () => {
    fc.assert(
      fc.property(framesOf, sizes, (frames, cuts) => {
        const taken: Frame[] = [];
        const reader = readerInto(taken);
        let rest = writtenBytes(frames);
        while (rest.byteLength > 0) {
          const [size] = [...cuts.take(1)];
          reader.feed(rest.subarray(0, size));
          rest = rest.subarray(size);
        }
        expect(plain(taken)).toEqual(plain(frames));
      }),
    );
  });

  it('come out as they went in, however much a read puts into the space', () => {
    fc.assert(
      fc.property(framesOf, sizes, (frames, reads) => {
        const taken: Frame[] = [];
        const reader = readerInto(taken);
        let rest = writtenBytes(frames);
        while (rest.byteLength > 0) {
          const [size = 1] = [...reads.take(1)];
          const count = rest.copy(reader.space(), 0, 0, size);
          reader.filled(count);
          rest = rest.subarray(count);
        }
        expect(plain(taken)).toEqual(plain(frames));
      }),
    );
  });

  it('read a large body to where it stays', () => {
    const body = Buffer.alloc(300_000, 'x');
    let taken: Buffer | null = null;
    const reader = new FrameReader((_head, whole) => {
      taken = whole;
    });
    const bytes = writtenBytes([{ head: {}, body: body.toString() }]);
    reader.filled(bytes.copy(reader.space(), 0, 0, 100));
    const place = reader.space();
    expect(place.byteLength).toBe(bytes.byteLength - 100);
    reader.filled(bytes.copy(place, 0, 100));
    expect(taken).toEqual(body);
    expect((taken as unknown as Buffer).buffer).toBe(place.buffer);
  });

  it('are told from what is none', () => {
    const reader = readerInto([]);
    expect(() => reader.feed(Buffer.alloc(16, 0xff))).toThrow('a head of 4294967295 bytes');
  });

  it('say when nothing of them is read any more', async () => {
    const open: (() => void)[] = [];
    const stream = new Writable({ write: (_chunk, _encoding, done) => void open.push(done) });
    let isWritten = false;
    writeFrame(stream, {}, [Buffer.from('body')], () => {
      isWritten = true;
    });
    while (open.length > 0) {
      expect(isWritten).toBe(false);
      open.shift()?.();
      await new Promise(setImmediate);
    }
    expect(isWritten).toBe(true);
  });
});

describe('memory that is given back', () => {
  it('is gone where it is large and all of its buffer', () => {
    const large = Buffer.allocUnsafeSlow(1 << 20);
    freeMemory(large);
    expect(large.byteLength).toBe(0);
  });

  it('stays where others may look at it, or it is small', () => {
    const whole = new ArrayBuffer(1 << 20);
    const part = new Uint8Array(whole, 8);
    const small = Buffer.from('small');
    const shared = new Uint8Array(new SharedArrayBuffer(1 << 20));
    for (const view of [part, small, shared]) freeMemory(view);
    expect([part.byteLength, small.byteLength, shared.byteLength]).toEqual([(1 << 20) - 8, 5, 1 << 20]);
  });
});
