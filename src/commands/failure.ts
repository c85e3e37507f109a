import { type ErrorDetails, QuickServeError } from '../shared/errors.ts';
import { fullDiskError, isFullDisk } from '../shared/full-disk.ts';
import { terminalLines } from '../shared/terminal-text.ts';

const ISSUES = 'https://github.com/quickserveml/quickserveml/issues/new';

interface Failure {
  readonly exitCode: 2 | 3 | 70;
  readonly error: ErrorDetails | { readonly code: 'BUG'; readonly message: string; readonly hint: string };
  readonly text: string;
}

/** Decides once whether a thrown thing is the user's to mend or ours: anything but a QuickServeError is a bug. */
export function describeFailure(thrown: unknown, toolVersion: string): Failure {
  if (thrown instanceof QuickServeError) {
    const { code, message, hint } = thrown;
    return {
      exitCode: thrown.exitCode,
      error: thrown.toJSON(),
      text: `quickserveml: ${code}: ${terminalLines(message)}\n  ${terminalLines(hint, '  ')}\n`,
    };
  }
  // A disk may fill up under any of our writes.
  if (isFullDisk(thrown)) return describeFailure(fullDiskError('A file', thrown), toolVersion);
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const title = encodeURIComponent(`Bug: ${error.message.slice(0, 120)}`);
  const body = encodeURIComponent(
    `QuickServeML ${toolVersion}, Node ${process.version}, ${process.platform}-${process.arch}`,
  );
  const link = `${ISSUES}?title=${title}&body=${body}`;
  return {
    exitCode: 70,
    error: {
      code: 'BUG',
      message: error.message,
      hint: `This is a bug in QuickServeML. Please report it: ${link}`,
    },
    text: `quickserveml: this is a bug in QuickServeML.\n${error.stack ?? error.message}\n  Please report it: ${link}\n`,
  };
}
