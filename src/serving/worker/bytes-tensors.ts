/** BYTES elements of the binary tensor data extension: each a little-endian 32-bit length and UTF-8. */
const LENGTH_BYTES = 4;

/** @returns null where the bytes are not exactly `count` elements. */
export function readBytesElements(bytes: Buffer, count: number): string[] | null {
  const values: string[] = [];
  let at = 0;
  while (values.length < count) {
    if (at + LENGTH_BYTES > bytes.byteLength) return null;
    const end = at + LENGTH_BYTES + bytes.readUInt32LE(at);
    if (end > bytes.byteLength) return null;
    values.push(bytes.toString('utf8', at + LENGTH_BYTES, end));
    at = end;
  }
  return at === bytes.byteLength ? values : null;
}

export function writeBytesElements(values: readonly string[]): Buffer {
  const texts = values.map(value => Buffer.from(value, 'utf8'));
  const whole = Buffer.allocUnsafe(texts.reduce((sum, text) => sum + LENGTH_BYTES + text.byteLength, 0));
  let at = 0;
  for (const text of texts) {
    at = whole.writeUInt32LE(text.byteLength, at);
    at += text.copy(whole, at);
  }
  return whole;
}
