/** How a push ended. */
export type PushOutcome =
  | { readonly kind: 'accepted' }
  /** Another writer was first: rebuild on the new tip. */
  | { readonly kind: 'overtaken'; readonly reason: string }
  /** The server could not lock the branch; a writer at the same moment, or a lock that a crash left. */
  | { readonly kind: 'locked'; readonly reason: string }
  /** The server does not want it; trying again changes nothing. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It may or may not have arrived. */
  | { readonly kind: 'unclear'; readonly error: unknown };

const REASON_LIMIT = 600;

/** What the server's hooks said, for people: the `remote:` lines. */
function remoteWords(stderr: string): string {
  return stderr
    .split('\n')
    .filter(line => line.startsWith('remote:'))
    .map(line => line.slice('remote:'.length).trim())
    .filter(line => line !== '')
    .join('; ')
    .slice(0, REASON_LIMIT);
}

/**
 * Reads `git push --porcelain` (git-push documentation, "Output"): a line of flag, refs and summary for each ref.
 * @param ref the one that matters, where several were pushed.
 */
export function classifyPush(exitCode: number, stdout: string, stderr: string, ref = ''): PushOutcome {
  const lines = stdout.split('\n').filter(candidate => /^[ +*=!-]\t/.test(candidate));
  const line = lines.find(candidate => candidate.split('\t')[1]?.endsWith(`:${ref}`)) ?? lines[0];
  const [flag, , summary = ''] = line?.split('\t') ?? [];
  if (exitCode === 0 && flag !== '!') return { kind: 'accepted' };
  if (flag !== '!')
    return { kind: 'unclear', error: new Error(stderr.trim().slice(-REASON_LIMIT) || 'no answer') };
  const words = remoteWords(stderr);
  const reason = words === '' ? summary : `${summary}: ${words}`;
  if (/^\[rejected\]/.test(summary)) return { kind: 'overtaken', reason };
  if (
    /cannot lock ref|failed to lock|unable to lock|Unable to create .*\.lock/i.test(`${summary} ${words}`)
  ) {
    // "is at X but expected Y" is another writer that won; a lock file that exists may also be a stale one.
    return /but expected|reference already exists/i.test(`${summary} ${words}`)
      ? { kind: 'overtaken', reason }
      : { kind: 'locked', reason };
  }
  if (
    /atomic|failed to update ref|incorrect old value|reference already exists|fetch first|stale info/i.test(
      summary,
    )
  ) {
    return { kind: words.includes('.lock') ? 'locked' : 'overtaken', reason };
  }
  if (/^\[remote failure\]/.test(summary)) return { kind: 'unclear', error: new Error(reason) };
  return { kind: 'refused', reason };
}
