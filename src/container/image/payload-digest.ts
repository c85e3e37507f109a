import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { crc32 } from 'node:zlib';

/** What is in stored blocks, without their headers. */
export interface PayloadFacts {
  readonly sha256: string;
  readonly crc: number;
}

/** Computes the facts of a stream of blocks, buffer by buffer. */
export interface PayloadDigest extends AsyncDisposable {
  /** A buffer to fill: one that nobody reads any more. */
  nextBuffer(): Promise<Buffer>;
  /** Takes in the first `length` bytes of the buffer that was handed out last. */
  add(length: number): void;
  finish(): Promise<PayloadFacts>;
}

/** The layout of a block: a header, then as much payload as there is. */
export interface BlockLayout {
  readonly blockBytes: number;
  readonly headerBytes: number;
  /** Of a buffer: some whole blocks. */
  readonly bufferBytes: number;
}

/** In this thread, with one buffer. */
export function digestHere({ blockBytes, headerBytes, bufferBytes }: BlockLayout): PayloadDigest {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  let crc = 0;
  return {
    nextBuffer: async () => buffer,
    add(length) {
      for (let start = 0; start < length; start += blockBytes) {
        const payload = buffer.subarray(start + headerBytes, Math.min(start + blockBytes, length));
        hash.update(payload);
        crc = crc32(payload, crc);
      }
    },
    finish: async () => ({ sha256: hash.digest('hex'), crc }),
    async [Symbol.asyncDispose]() {},
  };
}

/** Buffers that wait for the thread at most. */
const RING = 4;

/** The same as `digestHere`, as a text: a file of its own would have to be found beside every bundle. */
const THREAD = `
const { createHash } = require('node:crypto');
const { crc32 } = require('node:zlib');
const { parentPort, workerData } = require('node:worker_threads');
const { blockBytes, headerBytes } = workerData.layout;
const buffers = workerData.shared.map(shared => Buffer.from(shared));
const hash = createHash('sha256');
let crc = 0;
parentPort.on('message', ({ slot, length }) => {
  for (let start = 0; start < length; start += blockBytes) {
    const payload = buffers[slot].subarray(start + headerBytes, Math.min(start + blockBytes, length));
    hash.update(payload);
    crc = crc32(payload, crc);
  }
  parentPort.postMessage(slot === null ? { sha256: hash.digest('hex'), crc } : null);
});
`;

/**
 * In a thread beside this one, over memory that both see: the two digests of a layer are then computed at once. Starting
 * the thread takes some 30 ms.
 */
export function digestBeside(layout: BlockLayout): PayloadDigest {
  const shared = Array.from({ length: RING }, () => new SharedArrayBuffer(layout.bufferBytes));
  const buffers = shared.map(memory => Buffer.from(memory));
  const thread = new Worker(THREAD, { eval: true, workerData: { layout, shared } });
  let handedOut = -1;
  let pending = 0;
  let facts: PayloadFacts | null = null;
  let failure: Error | null = null;
  let wake = (): void => undefined;
  thread.on('message', (answer: PayloadFacts | null) => {
    if (answer === null) pending -= 1;
    else facts = answer;
    wake();
  });
  thread.on('error', (error: Error) => {
    failure = error;
    wake();
  });
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) {
      if (failure !== null) throw failure;
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
  };
  return {
    async nextBuffer() {
      // The thread takes the buffers in their order, so the oldest is free once fewer than all wait.
      await until(() => pending < RING);
      handedOut = (handedOut + 1) % RING;
      return buffers[handedOut] ?? Buffer.alloc(0);
    },
    add(length) {
      pending += 1;
      thread.postMessage({ slot: handedOut, length });
    },
    async finish() {
      thread.postMessage({ slot: null, length: 0 });
      await until(() => facts !== null);
      if (facts === null) throw new Error('unreachable: it was just there');
      return facts;
    },
    async [Symbol.asyncDispose]() {
      await thread.terminate();
    },
  };
}
