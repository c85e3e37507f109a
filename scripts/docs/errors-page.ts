import { markdownTable } from 'markdown-table';
import { cell, code } from './markdown.ts';

/** docs/errors.md from the catalog of codes. */
export function errorsPage(
  catalog: Readonly<Record<string, { readonly exit: number; readonly summary: string }>>,
): string {
  const rows = Object.entries(catalog).map(([name, { exit, summary }]) => [
    code(name),
    String(exit),
    cell(summary),
  ]);
  return [
    '# Errors',
    '',
    'Every error has a code, a message that names what it is about, and a hint that says what to do. Codes are permanent:',
    'none is renamed, and scripts may rely on them. With `--json` they come as',
    '`{"error": {"code": …, "message": …, "hint": …}}` on stdout.',
    '',
    'The exit code is that of a command that ends with the error. Under `check`, an error that concerns one model is a',
    'finding of that model with the same code: the gate fails, and the exit code is 1.',
    '',
    '| exit | meaning |',
    '| --- | --- |',
    '| 0 | passed: warnings, and by default inconclusive measurements, included |',
    '| 1 | the gate failed: a regression, a contract break, over a limit, an unreadable model under `check` |',
    '| 2 | usage, configuration or input error |',
    '| 3 | infrastructure: no verdict was possible, or a demanded record could not be made |',
    '| 70 | a bug in QuickServeML |',
    '',
    markdownTable([['code', 'exit', 'what happened'], ...rows], { alignDelimiters: false }),
    '',
  ].join('\n');
}
