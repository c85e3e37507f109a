import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { crc32, createInflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';

/** A file inside a zip archive. */
export interface ZipEntry {
  readonly name: string;
  readonly compressed: boolean;
  readonly compressedBytes: number;
  readonly sizeBytes: number;
  readonly crc32: number;
  /** Of the local header. */
  readonly headerOffset: number;
}

const END_BYTES = 22;
const LONGEST_COMMENT = 65_535;
const MOST_ENTRIES = 100_000;
const ZIP64_MARK = 0xffff_ffff;

function readAt(file: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  const count = readSync(file, buffer, 0, length, offset);
  if (count !== length) throw new RangeError('ends inside its structure');
  return buffer;
}

interface Directory {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly entries: number;
}

/** The place of the central directory, from the end record (and the zip64 one; APPNOTE 4.3.14 to 4.3.16). */
function findDirectory(file: number, sizeBytes: number): Directory {
  const tailBytes = Math.min(sizeBytes, END_BYTES + LONGEST_COMMENT);
  const tail = readAt(file, sizeBytes - tailBytes, tailBytes);
  const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (at < 0 || at + END_BYTES > tail.length) throw new RangeError('is no zip archive');
  const plain = {
    entries: tail.readUInt16LE(at + 10),
    sizeBytes: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
  if (plain.offset !== ZIP64_MARK && plain.sizeBytes !== ZIP64_MARK && plain.entries !== 0xffff) return plain;
  if (at < 20 || tail.readUInt32LE(at - 20) !== 0x0706_4b50) return plain;
  const record = readAt(file, Number(tail.readBigUInt64LE(at - 12)), 56);
  if (record.readUInt32LE(0) !== 0x0606_4b50) throw new RangeError('has a damaged directory');
  return {
    entries: Number(record.readBigUInt64LE(32)),
    sizeBytes: Number(record.readBigUInt64LE(40)),
    offset: Number(record.readBigUInt64LE(48)),
  };
}

/** Sizes and offset past 4 GiB stand in an extra field, in this order, each only where its own field is full. */
function zip64Sizes(extra: Buffer, fields: readonly number[]): readonly number[] {
  let at = 0;
  while (at + 4 <= extra.length) {
    const id = extra.readUInt16LE(at);
    const length = extra.readUInt16LE(at + 2);
    if (id === 1) {
      let from = at + 4;
      return fields.map(field => {
        if (field !== ZIP64_MARK || from + 8 > extra.length) return field;
        const value = Number(extra.readBigUInt64LE(from));
        from += 8;
        return value;
      });
    }
    at += 4 + length;
  }
  return fields;
}

/** Lists a zip archive without reading its contents. @throws RangeError where it is damaged, encrypted or of another method. */
export function listZip(path: string): readonly ZipEntry[] {
  const file = openSync(path, 'r');
  try {
    const sizeBytes = fstatSync(file).size;
    const directory = findDirectory(file, sizeBytes);
    if (directory.offset + directory.sizeBytes > sizeBytes || directory.entries > MOST_ENTRIES) {
      throw new RangeError('has a damaged directory');
    }
    const bytes = readAt(file, directory.offset, directory.sizeBytes);
    const entries: ZipEntry[] = [];
    let at = 0;
    for (let index = 0; index < directory.entries; index++) {
      if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== 0x0201_4b50)
        throw new RangeError('has a damaged directory');
      const flags = bytes.readUInt16LE(at + 8);
      const method = bytes.readUInt16LE(at + 10);
      const nameBytes = bytes.readUInt16LE(at + 28);
      const extraBytes = bytes.readUInt16LE(at + 30);
      const name = bytes.toString('utf8', at + 46, at + 46 + nameBytes);
      if ((flags & 1) !== 0) throw new RangeError(`has an encrypted entry ${JSON.stringify(name)}`);
      if (method !== 0 && method !== 8) throw new RangeError(`has an entry of compression method ${method}`);
      const extra = bytes.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes);
      const sizes = zip64Sizes(extra, [
        bytes.readUInt32LE(at + 24),
        bytes.readUInt32LE(at + 20),
        bytes.readUInt32LE(at + 42),
      ]);
      entries.push({
        name,
        compressed: method === 8,
        sizeBytes: sizes[0] ?? 0,
        compressedBytes: sizes[1] ?? 0,
        headerOffset: sizes[2] ?? 0,
        crc32: bytes.readUInt32LE(at + 16),
      });
      at += 46 + nameBytes + extraBytes + bytes.readUInt16LE(at + 32);
    }
    return entries;
  } finally {
    closeSync(file);
  }
}

function dataStart(file: number, entry: ZipEntry): number {
  const header = readAt(file, entry.headerOffset, 30);
  if (header.readUInt32LE(0) !== 0x0403_4b50) throw new RangeError('has a damaged entry');
  return entry.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
}

/** The whole content of an entry, at most as long as the directory says. @throws RangeError. */
export function readZipEntry(path: string, entry: ZipEntry): Uint8Array {
  const file = openSync(path, 'r');
  try {
    if (entry.compressedBytes > fstatSync(file).size) throw new RangeError('has a damaged directory');
    const raw = readAt(file, dataStart(file, entry), entry.compressedBytes);
    if (!entry.compressed) return raw;
    // A bomb says less than it holds: the limit is what it says.
    const content = inflateRawSync(raw, { maxOutputLength: entry.sizeBytes + 1 });
    if (content.length !== entry.sizeBytes) throw new RangeError('has a damaged entry');
    return content;
  } finally {
    closeSync(file);
  }
}

/** The content of an entry piece by piece, for entries larger than memory. */
export async function* streamZipEntry(path: string, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const file = openSync(path, 'r');
  let start: number;
  try {
    start = dataStart(file, entry);
  } finally {
    closeSync(file);
  }
  if (entry.compressedBytes === 0) return;
  const raw = createReadStream(path, {
    start,
    end: start + entry.compressedBytes - 1,
    highWaterMark: 1_048_576,
  });
  try {
    if (!entry.compressed) {
      for await (const piece of raw) yield piece as Uint8Array;
      return;
    }
    const inflate = createInflateRaw({ chunkSize: 262_144 });
    raw.on('error', error => inflate.destroy(error));
    for await (const piece of raw.pipe(inflate)) yield piece as Uint8Array;
  } finally {
    raw.destroy();
  }
}

/** A zip archive in memory with a fixed time stamp: the same contents are the same bytes. */
export function makeZip(
  contents: readonly { readonly name: string; readonly bytes: Uint8Array }[],
): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes } of contents) {
    const label = Buffer.from(name);
    const packed = deflateRawSync(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x0800, 2);
    common.writeUInt16LE(8, 4);
    // 1980-01-01, the oldest date that zip has.
    common.writeUInt16LE(0x0021, 8);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(label.length, 22);
    const local = Buffer.concat([Buffer.from([0x50, 0x4b, 3, 4]), common, label, packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from([0x50, 0x4b, 1, 2, 20, 0]), common, rest, label);
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(END_BYTES);
  end.set([0x50, 0x4b, 5, 6]);
  end.writeUInt16LE(contents.length, 8);
  end.writeUInt16LE(contents.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}
