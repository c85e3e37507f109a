import { describe, expect, it } from 'vitest';
import { errorOf, read, smallModel } from '../../support/model-bytes.ts';

const bytesOf = (latin1: string): Uint8Array => Buffer.from(latin1.padEnd(64, '\x00'), 'latin1');
const zipWith = (name: string): Uint8Array =>
  bytesOf(`PK\x03\x04${'\x00'.repeat(22)}${String.fromCharCode(name.length)}\x00\x00\x00${name}`);
const safetensors = Buffer.concat([
  Buffer.from([24, 0, 0, 0, 0, 0, 0, 0]),
  Buffer.from('{"w":{"dtype":"F32"}}   '),
]);

describe('a file of another type', () => {
  it.each([
    ['a PNG image', bytesOf('\x89PNG\r\n\x1a\n')],
    ['a JPEG image', bytesOf('\xff\xd8\xff\xe0')],
    ['a gzip archive', bytesOf('\x1f\x8b\x08')],
    ['a PyTorch file (zip)', zipWith('archive/data.pkl')],
    ['a NumPy archive (.npz)', zipWith('x.npy')],
    ['a Keras model (.keras)', zipWith('metadata.json')],
    ['a zip archive', zipWith('readme.txt')],
    ['an HDF5 file', bytesOf('\x89HDF\r\n\x1a\n')],
    ['a GGUF model', bytesOf('GGUF\x03')],
    ['a TensorFlow Lite model', bytesOf('\x1c\x00\x00\x00TFL3')],
    ['a safetensors file', safetensors],
    ['a Python pickle', bytesOf('\x80\x02}q\x00')],
    ['a tar archive', bytesOf(`${'a'.repeat(100).padEnd(257, '\x00')}ustar`)],
    ['an HTML page', Buffer.from('\n<!DOCTYPE html><title>404</title>')],
    ['a JSON document', Buffer.from('{"message": "Not Found"}')],
    ['an XML document', Buffer.from('<?xml version="1.0"?><Error/>')],
    ['a model in protobuf text format', Buffer.from('ir_version: 8\ngraph {\n}\n')],
    ['a text file', Buffer.from('Größe: unbekannt')],
  ])('is named: %s', (name, bytes) => {
    const error = errorOf(() => read(bytes));
    expect(error.code).toBe('MODEL_NOT_ONNX');
    expect(error.message).toContain(name);
    expect(error.hint).not.toBe('');
  });

  it('that is a Git LFS pointer says how to get the model', () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;
    const error = errorOf(() => read(Buffer.from(pointer)));
    expect(error).toMatchObject({ code: 'MODEL_LFS_POINTER' });
    expect(error.message).toContain('12345 bytes');
    expect(error.hint).toContain('git lfs pull');
  });

  it('that is empty says so', () => {
    expect(errorOf(() => read(new Uint8Array())).code).toBe('MODEL_EMPTY');
  });

  it('is not suspected where a producer happens to be called like another format', () => {
    expect(read(smallModel({}, { producerName: 'ORTModule' })).producer.name).toBe('ORTModule');
    expect(read(smallModel({}, { producerName: 'TFLite' })).producer.name).toBe('TFLite');
  });
});
