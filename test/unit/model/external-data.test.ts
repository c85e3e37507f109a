import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { externalTensor } from '../../../fixtures/generator/onnx-writer.ts';
import { identifyModel, listExternalPaths } from '../../../src/model/model-identity.ts';
import { assertLoadable, inspectModel } from '../../../src/model/model-inspection.ts';
import { readModel } from '../../../src/model/model-reader.ts';
import { errorOf, smallModel } from '../../support/model-bytes.ts';

let outside: string;
let folder: string;
let path: string;

beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'quickserveml-external-'));
  folder = join(outside, 'models');
  path = join(folder, 'model.onnx');
  mkdirSync(folder);
});

afterEach(() => rmSync(outside, { recursive: true, force: true }));

const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

function writeModel(location: string, range = { offset: 0, length: 8 }): Uint8Array {
  const bytes = smallModel({ initializers: [externalTensor('w', 'float32', [2], location, range)] });
  writeFileSync(path, bytes);
  return bytes;
}

describe('external data', () => {
  it('that is there is listed with its size', async () => {
    writeModel('data/w.bin');
    mkdirSync(join(folder, 'data'));
    writeFileSync(join(folder, 'data/w.bin'), 'weights!');
    const inspection = await inspectModel(path);
    expect(inspection.externalData).toEqual([{ path: 'data/w.bin', sizeBytes: 8, exists: true }]);
    expect(inspection.findings).toEqual([]);
    expect(() => assertLoadable(readModel(path))).not.toThrow();
  });

  it.each([
    ['that is missing', 'w.bin', 'EXTERNAL_DATA_MISSING'],
    ['with an absolute path', '/etc/passwd', 'EXTERNAL_DATA_ESCAPES'],
    ['with a Windows path', 'C:\\weights.bin', 'EXTERNAL_DATA_ESCAPES'],
    ['with two dots', '../secret.bin', 'EXTERNAL_DATA_ESCAPES'],
    ['with two dots in the middle', 'data/../../secret.bin', 'EXTERNAL_DATA_ESCAPES'],
    ['with two dots behind a backslash', 'data\\..\\..\\secret.bin', 'EXTERNAL_DATA_ESCAPES'],
    ['behind a URL', 'file:///etc/passwd', 'EXTERNAL_DATA_ESCAPES'],
    ['without a location', '', 'EXTERNAL_DATA_ESCAPES'],
    ['that is a link to the outside', 'link.bin', 'EXTERNAL_DATA_ESCAPES'],
    ['below a link to the outside', 'folder-link/secret.bin', 'EXTERNAL_DATA_ESCAPES'],
    ['that is a folder', 'subfolder', 'EXTERNAL_DATA_NOT_A_FILE'],
    ['that is a pipe', 'pipe', 'EXTERNAL_DATA_NOT_A_FILE'],
    ['that is too short', 'short.bin', 'EXTERNAL_DATA_RANGE'],
  ])('%s is a finding for inspect and an error before loading', async (_, location, code) => {
    writeFileSync(join(outside, 'secret.bin'), 'secret-secret');
    symlinkSync(join(outside, 'secret.bin'), join(folder, 'link.bin'));
    symlinkSync(outside, join(folder, 'folder-link'));
    mkdirSync(join(folder, 'subfolder'));
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    writeFileSync(join(folder, 'short.bin'), 'short');
    writeModel(location);
    const inspection = await inspectModel(path);
    expect(inspection.findings).toMatchObject([{ code, severity: 'error' }]);
    expect(inspection.externalData).toEqual([
      code === 'EXTERNAL_DATA_RANGE'
        ? { path: location, sizeBytes: 5, exists: true }
        : { path: location, sizeBytes: null, exists: false },
    ]);
    expect(errorOf(() => assertLoadable(readModel(path))).code).toBe(code);
  });

  it('in a link that stays inside the folder is followed', async () => {
    writeFileSync(join(folder, 'real.bin'), 'weights!');
    symlinkSync('real.bin', join(folder, 'w.bin'));
    writeModel('w.bin');
    expect((await inspectModel(path)).findings).toEqual([]);
  });

  it('that is the model itself is said', async () => {
    writeModel('model.onnx');
    expect((await inspectModel(path)).findings).toMatchObject([
      { code: 'EXTERNAL_DATA_IS_MODEL', severity: 'warning' },
    ]);
  });

  it('with an offset that is no number is said', async () => {
    writeFileSync(join(folder, 'w.bin'), 'weights!');
    const tensor = {
      name: 'w',
      dtype: 'float32',
      dims: [2],
      content: { kind: 'external', location: 'w.bin', offset: '-4' },
    } as const;
    writeFileSync(path, smallModel({ initializers: [tensor] }));
    expect((await inspectModel(path)).findings).toMatchObject([
      { code: 'EXTERNAL_DATA_RANGE', severity: 'error' },
    ]);
  });

  it('is listed by name from bytes alone, without what leads elsewhere', () => {
    const initializers = ['b.bin', '../c.bin', 'a/a.bin', 'b.bin'].map((location, index) =>
      externalTensor(`w${index}`, 'float32', [2], location),
    );
    expect(listExternalPaths(smallModel({ initializers }))).toEqual(['b.bin', 'a/a.bin']);
  });
});

describe('the identity of a model', () => {
  it('of one file is the sha256 of the file', async () => {
    const bytes = smallModel();
    writeFileSync(path, bytes);
    const digest = sha256(bytes);
    expect(await identifyModel(path)).toEqual({
      sha256: digest,
      sizeBytes: bytes.length,
      parts: [{ path: 'model.onnx', sha256: digest, sizeBytes: bytes.length }],
    });
  });

  it('with external data covers every part and its place, and not the name of the model file', async () => {
    const bytes = writeModel('w.bin');
    writeFileSync(join(folder, 'w.bin'), 'weights!');
    const identity = await identifyModel(path);
    expect(identity.sha256).toBe(sha256(`${sha256(bytes)}  \n${sha256('weights!')}  w.bin\n`));
    expect(identity.sizeBytes).toBe(bytes.length + 8);
    expect(identity.parts.map(part => part.path)).toEqual(['model.onnx', 'w.bin']);

    writeFileSync(join(folder, 'renamed.onnx'), bytes);
    expect((await identifyModel(join(folder, 'renamed.onnx'))).sha256).toBe(identity.sha256);
    writeFileSync(join(folder, 'w.bin'), 'weights?');
    expect((await identifyModel(path)).sha256).not.toBe(identity.sha256);
  });

  it('cannot be had while a part is missing', async () => {
    writeModel('w.bin');
    await expect(identifyModel(path)).rejects.toMatchObject({ code: 'EXTERNAL_DATA_MISSING' });
  });
});

describe('opening a model', () => {
  it('says that there is no file', async () => {
    await expect(inspectModel(join(folder, 'none.onnx'))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it('refuses a folder and a pipe without waiting', async () => {
    spawnSync('mkfifo', [join(folder, 'pipe.onnx')]);
    await expect(inspectModel(folder)).rejects.toMatchObject({ code: 'MODEL_NOT_ONNX' });
    await expect(inspectModel(join(folder, 'pipe.onnx'))).rejects.toMatchObject({ code: 'MODEL_NOT_ONNX' });
  });
});
