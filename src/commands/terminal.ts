import type { Progress } from '../shared/progress.ts';

interface Stream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const ERASE_LINE = '\r\u001b[2K';

/** Progress on stderr: one overwritten line on a terminal, plain lines in a log, nothing when quiet. */
export function createProgress(stream: Stream, quiet: boolean): Progress & { readonly end: () => void } {
  if (quiet) return { step: () => undefined, update: () => undefined, end: () => undefined };
  if (stream.isTTY !== true) {
    return { step: text => void stream.write(`${text}\n`), update: () => undefined, end: () => undefined };
  }
  let open = false;
  const clear = (): void => {
    if (open) stream.write(ERASE_LINE);
    open = false;
  };
  return {
    step: text => {
      clear();
      stream.write(`${text}\n`);
    },
    update: text => {
      stream.write(`${ERASE_LINE}${text.slice(0, (stream.columns ?? 80) - 1)}`);
      open = true;
    },
    end: clear,
  };
}
