import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isNamedLikeModel } from '../config/discovery.ts';
import { fileReason, QuickServeError } from '../shared/errors.ts';

/** Refuses to write a text where a model is named. @throws QuickServeError OUTPUT_UNWRITABLE. */
export function requireNoModel(path: string): void {
  if (!isNamedLikeModel(path)) return;
  throw new QuickServeError({
    code: 'OUTPUT_UNWRITABLE',
    message: `${path} is named like a model, which would be lost.`,
    hint: 'Name another file to write.',
  });
}

/** Writes a text beside its place, then renames it: a stop half way leaves the old file. @throws QuickServeError OUTPUT_UNWRITABLE. */
export async function replaceTextFile(path: string, text: string): Promise<void> {
  requireNoModel(path);
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    await writeFile(draft, text);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw new QuickServeError({
      code: 'OUTPUT_UNWRITABLE',
      message: `${path} cannot be written: ${fileReason(error)}.`,
      hint: 'Name a file in a folder that exists and can be written.',
      cause: error,
    });
  }
}
