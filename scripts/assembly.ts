/** Compiles the number reader to WebAssembly, into a module that the sources import: what runs them needs no compiler. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import asc from 'assemblyscript/asc';

const contract = resolve(import.meta.dirname, '../src/contract');
const SOURCE = 'number-rows.ts';

export const NUMBER_ROWS_MODULE = join(contract, 'number-rows-code.ts');

/** @throws Error with the compiler's words */
export async function numberRowsModule(): Promise<string> {
  let code = new Uint8Array(0);
  const { error, stderr } = await asc.main(
    [SOURCE, '--outFile', 'code.wasm', '-O3', '--runtime', 'stub', '--noAssert'],
    {
      readFile: name => (name === SOURCE ? readFileSync(join(contract, 'assembly', SOURCE), 'utf8') : null),
      writeFile: (_name, contents) => {
        code = Uint8Array.from(contents as Uint8Array);
      },
    },
  );
  if (error !== null || code.length === 0) throw new Error(stderr.toString());
  return [
    '/** assembly/number-rows.ts, compiled by `npm run build`: WebAssembly in base64. */',
    `export const NUMBER_ROWS_CODE =\n  '${Buffer.from(code).toString('base64')}';\n`,
  ].join('\n');
}
