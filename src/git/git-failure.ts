import type { ErrorCode } from '../shared/error-catalog.ts';
import { QuickServeError } from '../shared/errors.ts';
import { FULL_DISK_WORDS, fullDiskError } from '../shared/full-disk.ts';
import { maskSecrets } from '../shared/secrets.ts';

/** Longest part of git's own words that goes into a message, in characters. */
const DETAIL_LIMIT = 1200;

export interface GitFailure {
  /** The git command: `fetch`, `push`, ... */
  readonly command: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  readonly secrets: readonly string[];
  /** Where git worked. */
  readonly folder: string;
}

interface FailureKind {
  readonly code: ErrorCode;
  readonly pattern: RegExp;
  /** In place of git's own words, where those say less. */
  readonly message?: (failure: GitFailure) => string;
  readonly hint: string;
}

/** First match wins. git runs with LC_ALL=C, so its words are stable enough to read. */
const FAILURE_KINDS: readonly FailureKind[] = [
  {
    code: 'NOT_A_REPOSITORY',
    pattern: /dubious ownership|unsafe repository/,
    hint: 'Git does not trust this folder because another user owns it. Run `git config --global --add safe.directory <folder>` first.',
  },
  {
    code: 'NOT_A_REPOSITORY',
    pattern: /not a git repository \(or any|must be run in a work tree/,
    message: ({ folder }) => `${folder} is not inside a git repository with a work tree.`,
    hint: 'Run inside one, or name it with --cwd; in CI the job has to check it out first (actions/checkout). Models as files need none: quickserveml inspect MODEL, quickserveml compare OLD NEW.',
  },
  {
    code: 'REMOTE_REFUSED',
    pattern:
      /Authentication failed|could not read (Username|Password)|terminal prompts disabled|Permission denied|returned error: (401|403|404)|HTTP (401|403|404)|HTTP Basic: Access denied|[Rr]epository not found|repository '[^']*' not found|access rights|Permission to .* denied|not allowed to/,
    hint: 'Check that the token or key may read and write this repository, and that the repository exists under this address.',
  },
  {
    code: 'REMOTE_UNREACHABLE',
    pattern:
      /Could not resolve|Failed to connect|[Cc]onnection (refused|timed out|reset|closed)|Couldn't connect|returned error: (5\d\d|429)|early EOF|hung up|unable to access|does not appear to be a git repository|Could not read from remote|unexpected disconnect|RPC failed|SSL|certificate/,
    hint: 'Check the address of the remote, the network and the proxy settings, then run again.',
  },
];

function detailOf(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map(line => line.trimEnd())
    .filter(line => line !== '' && !/^(hint|warning): /.test(line));
  const telling = lines.filter(line => /^(fatal|error|remote|ERROR): ?/.test(line));
  return (telling.length > 0 ? telling : lines).join('; ').slice(-DETAIL_LIMIT);
}

/** The error for a git command that ended badly: classified by git's own words, secrets masked, arguments left out. */
export function gitFailureError(failure: GitFailure): QuickServeError {
  const stderr = maskSecrets(failure.stderr, failure.secrets);
  // What the server says of its own disk is in lines of their own, and no matter of this one.
  const own = stderr.replace(/^(remote:|error: remote) .*$/gm, '');
  if (FULL_DISK_WORDS.test(own)) {
    return fullDiskError(failure.folder, new Error(`git ${failure.command}: ${detailOf(own)}`));
  }
  const kind = FAILURE_KINDS.find(({ pattern }) => pattern.test(stderr));
  const how =
    failure.signal === null ? `exit code ${failure.exitCode ?? 'unknown'}` : `ended by ${failure.signal}`;
  const detail = detailOf(stderr);
  return new QuickServeError({
    code: kind?.code ?? 'GIT_FAILED',
    message:
      kind?.message?.(failure) ??
      `git ${failure.command} failed (${how})${detail === '' ? '.' : `: ${detail}`}`,
    hint: kind?.hint ?? 'Run the command by hand in the repository to see more.',
  });
}
