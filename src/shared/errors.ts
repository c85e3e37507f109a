import { ERROR_CATALOG, type ErrorCode } from './error-catalog.ts';
import { terminalSafe } from './terminal-text.ts';

/** What went wrong, with the name of the thing, and what to do about it. */
export interface ErrorDetails {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/**
 * The only error that QuickServeML throws on purpose. `code` is permanent and documented in docs/errors.md;
 * `message` says what happened and names the thing; `hint` says what to do. Anything else that is thrown is a bug.
 */
export class QuickServeError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(details: ErrorDetails & { readonly cause?: unknown }) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'QuickServeError';
    this.code = details.code;
    this.hint = details.hint;
  }

  /** 2 for usage, configuration and input errors; 3 where the infrastructure failed. */
  get exitCode(): 2 | 3 {
    return ERROR_CATALOG[this.code].exit;
  }

  toJSON(): ErrorDetails {
    return { code: this.code, message: this.message, hint: this.hint };
  }
}

/** What a message of several lines says before it lists or quotes; the whole of one that has a single line. */
export function firstLineOf(message: string): string {
  const [first = '', ...others] = message.split('\n');
  return others.length === 0 ? first : first.replace(/:$/, '');
}

/** The text of anything that was thrown. That of JSON.parse quotes the file, whose characters must not act. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof SyntaxError) return terminalSafe(thrown.message);
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Node's `code` (ENOENT, ECONNRESET, ...) of anything that was thrown, if it has one. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission is missing',
  EPERM: 'permission is missing',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EROFS: 'the file system is read-only',
};

/** Why a file that the message names could not be read or written, in words; the system's own where there are none. */
export function fileReason(thrown: unknown): string {
  return FILE_REASONS[systemCodeOf(thrown) ?? ''] ?? messageOf(thrown);
}
