import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ErrorCode } from '../shared/error-catalog.ts';
import { fileReason, QuickServeError, systemCodeOf } from '../shared/errors.ts';
import { complaintAboutLocation, examineExternalData, externalTensorsOf } from './external-data.ts';
import type { Model } from './model.ts';
import { readModel, readModelBytes } from './model-reader.ts';

export interface ModelPart {
  /** Relative to the model's folder, with `/`; the model file itself is its base name. */
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Which bytes a model is. */
export interface ModelIdentity {
  /**
   * Of a model in one file: the sha256 of the file. Of a model with external data: the sha256 of the lines
   * `<sha256 of the part>  <path of the part>\n` of its external files, sorted by code unit, behind the line
   * `<sha256 of the model file>  \n`. The model file's own name does not count: a renamed model stays the same.
   */
  readonly sha256: string;
  /** Of all parts together. */
  readonly sizeBytes: number;
  /** The model file first, then the external files in the order in which the model names them. */
  readonly parts: readonly ModelPart[];
}

/**
 * Hashes a model and its external data, streaming. Throws what `readModel` throws, and EXTERNAL_DATA_* where a part is
 * missing or must not be read: half a model has no identity.
 */
export async function identifyModel(path: string): Promise<ModelIdentity> {
  return identifyRead(readModel(path));
}

/** `identifyModel` for a model that was read already. */
export async function identifyRead(model: Model): Promise<ModelIdentity> {
  const { files, findings } = examineExternalData(model);
  const broken = findings.find(
    ({ severity, code }) => severity === 'error' && code !== 'EXTERNAL_DATA_RANGE',
  );
  if (broken !== undefined) {
    throw new QuickServeError({ code: broken.code as ErrorCode, message: broken.message, hint: broken.hint });
  }
  const main: ModelPart = {
    path: model.path.split(/[\\/]/).at(-1) ?? model.path,
    sha256: await hashFile(model.path),
    sizeBytes: model.sizeBytes,
  };
  const parts = [main];
  for (const { path, sizeBytes, absolutePath } of files) {
    parts.push({
      path,
      sha256: await hashFile(absolutePath ?? join(dirname(model.path), path)),
      sizeBytes: sizeBytes ?? 0,
    });
  }
  return {
    sha256: combineParts(parts),
    sizeBytes: parts.reduce((total, part) => total + part.sizeBytes, 0),
    parts,
  };
}

/** The sha256 of a model from those of its parts, the model file first (see `ModelIdentity.sha256`). */
export function combineParts(parts: readonly Pick<ModelPart, 'path' | 'sha256'>[]): string {
  const [main, ...external] = parts;
  if (main === undefined) throw new RangeError('A model has at least one part.');
  if (external.length === 0) return main.sha256;
  const lines = external.map(part => `${part.sha256}  ${part.path}\n`).sort();
  return createHash('sha256')
    .update(`${main.sha256}  \n${lines.join('')}`)
    .digest('hex');
}

/** The sha256 of a file in hexadecimal, streamed. Throws FILE_UNREADABLE or MODEL_NOT_FOUND. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
      hash.update(chunk as Buffer);
  } catch (cause) {
    throw new QuickServeError({
      code: systemCodeOf(cause) === 'ENOENT' ? 'MODEL_NOT_FOUND' : 'FILE_UNREADABLE',
      message: `${path} cannot be read: ${fileReason(cause)}.`,
      hint: 'Check that the file is there and that its permissions allow reading.',
      cause,
    });
  }
  return hash.digest('hex');
}

/**
 * The external files that a model names, relative to its folder, each once: to fetch them along with it.
 * Locations that lead out of the folder are left out; `inspectModel` reports them. Throws what `readModel` throws.
 */
export function listExternalPaths(bytesOrPath: Uint8Array | string): readonly string[] {
  const model =
    typeof bytesOrPath === 'string' ? readModel(bytesOrPath) : readModelBytes(bytesOrPath, 'the model');
  const locations = new Set(externalTensorsOf(model).map(({ payload }) => payload.location));
  return [...locations].filter(location => complaintAboutLocation(location) === null);
}
