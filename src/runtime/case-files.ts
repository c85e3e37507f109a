import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { TensorFile } from '../benchmark/tensor-file.ts';
import { fileReason, QuickServeError, systemCodeOf } from '../shared/errors.ts';
import { missingCases } from '../shared/missing-cases.ts';

const byNumber = new Intl.Collator('en', { numeric: true }).compare;

/**
 * The `input_*.pb` of the first case: of `folder` itself if it holds some, else of its first `test_data_set_*`.
 * null where there is no case. Files are named `<case>/input_0.pb`.
 * @throws QuickServeError CASES_NOT_FOUND; FILE_UNREADABLE where the folder or a file cannot be read.
 */
export async function readCaseFiles(folder: string): Promise<readonly TensorFile[] | null> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const inputs = entries
      .filter(entry => entry.isFile() && /^input_\d+\.pb$/.test(entry.name))
      .map(entry => entry.name)
      .sort(byNumber);
    if (inputs.length > 0) {
      return await Promise.all(
        inputs.map(async name => ({
          name: `${basename(folder)}/${name}`,
          bytes: new Uint8Array(await readFile(join(folder, name))),
        })),
      );
    }
    const cases = entries
      .filter(entry => entry.isDirectory() && entry.name.startsWith('test_data_set_'))
      .map(entry => entry.name)
      .sort(byNumber);
    for (const name of cases) {
      const found = await readCaseFiles(join(folder, name));
      if (found !== null) return found;
    }
    return null;
  } catch (error) {
    if (error instanceof QuickServeError) throw error;
    const code = systemCodeOf(error);
    // A file holds a case in another form than these.
    if (code === 'ENOTDIR') return null;
    if (code === 'ENOENT') throw missingCases(folder);
    throw new QuickServeError({
      code: 'FILE_UNREADABLE',
      message: `The test case in ${folder} cannot be read: ${fileReason(error)}`,
      hint: 'Check the path of the cases and its permissions.',
      cause: error,
    });
  }
}
