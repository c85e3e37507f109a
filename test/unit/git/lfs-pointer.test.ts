import { expect, test } from 'vitest';
import { parsePointer } from '../../../src/git/lfs.ts';

const oid = '4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393';
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 12345\n`;

test.each([
  ['the pointer of the specification', pointer],
  ['one with extensions', pointer.replace('oid', `ext-0-foo sha256:${oid}\noid`)],
  ['one of the first releases', pointer.replace('git-lfs.github.com', 'hawser.github.com')],
  ['one with CRLF', pointer.replaceAll('\n', '\r\n')],
])('%s is read', (_name, text) => {
  expect(parsePointer(Buffer.from(text))).toEqual({ oid, sizeBytes: 12345 });
});

test.each([
  ['an empty file', ''],
  ['a model', '\b\u0007\u0012\u0004test'],
  ['another hash', pointer.replace('sha256', 'sha512')],
  ['a short oid', pointer.replace(oid, oid.slice(1))],
  ['no size', pointer.replace(/size.*\n/, '')],
  ['a version further down', `x\n${pointer}`],
  ['more than 1024 bytes', pointer + ' '.repeat(1024)],
])('%s is no pointer', (_name, text) => {
  expect(parsePointer(Buffer.from(text))).toBeNull();
});
