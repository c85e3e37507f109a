import { messageOf, QuickServeError } from '../shared/errors.ts';
import type { PushOutcome } from './push-outcome.ts';

const STORAGE_WORDS =
  /unpacker error|unpack-objects abnormal exit|index-pack (abnormal exit|failed)|No space left|[Qq]uota/;
const PROTECTION_WORDS = /protected|GH00[06]|rule violations|not allowed to force push/i;
const PERMISSION_WORDS =
  /\b40[134]\b|[Pp]ermission (to .* )?denied|Access denied|Authentication failed|could not read (Username|Password)|not allowed to (push|upload)|access rights|not found/;

/** What lets a job push to a branch that a rule covers. */
export const protectionHint = (branch: string): string =>
  `A protection or rule set covers "${branch}": exempt the branch from it, or let the job's identity bypass it (GitHub: bypass list of the rule set; GitLab: "Allowed to push" of the protected branch). compact --rewrite needs force pushes too.`;

const PERMISSION_HINT =
  'Allow the job to push: on GitHub `permissions: contents: write`; on GitLab enable "Allow Git push requests to the ' +
  'repository" for the job token or use a project access token; and see that no protection covers the branch.';

/** Why the remote said no, in our words, and what to do. */
function refusalWords(branch: string, reason: string): { readonly cause: string; readonly hint: string } {
  if (PROTECTION_WORDS.test(reason))
    return { cause: ': the branch is protected', hint: protectionHint(branch) };
  if (PERMISSION_WORDS.test(reason))
    return { cause: ': permission to write is missing', hint: PERMISSION_HINT };
  if (/hook declined/.test(reason))
    return { cause: ': a hook of the server declined it', hint: PERMISSION_HINT };
  return { cause: '', hint: PERMISSION_HINT };
}

/**
 * The remote said no for good. The first line of the message says so in our words, the second has git's.
 * @param remote its address, without user and password; null where the caller has none.
 * @param reason what git or the server said.
 */
export function refusedError(branch: string, remote: string | null, reason: string): QuickServeError {
  const who = remote === null ? 'The remote' : `The remote ${remote}`;
  const details = `\ngit says: ${reason}`;
  if (STORAGE_WORDS.test(reason)) {
    return new QuickServeError({
      code: 'REGISTRY_WRITE_REFUSED',
      message: `${who} could not store what was pushed to the registry branch "${branch}":${details}`,
      hint: 'The disk of the server is full, or a quota or a limit on the size of pushes is reached: whoever runs it can say which. A lower registry.blob-limit keeps models off the branch. Nothing was changed.',
    });
  }
  const { cause, hint } = refusalWords(branch, reason);
  return new QuickServeError({
    code: 'REGISTRY_WRITE_REFUSED',
    message: `${who} refuses pushes to the registry branch "${branch}"${cause}:${details}`,
    hint,
  });
}

/** The patience is used up. */
export function givenUp(branch: string, attempts: number, last: PushOutcome | null): QuickServeError {
  if (last?.kind === 'unclear') {
    return new QuickServeError({
      code: 'REMOTE_UNREACHABLE',
      message: `The registry branch "${branch}" could not be pushed in ${attempts} attempts: ${messageOf(last.error)}`,
      hint: 'Check the network and the remote, then run again: what may have arrived is not written twice.',
      cause: last.error,
    });
  }
  if (last?.kind === 'locked') {
    return new QuickServeError({
      code: 'REGISTRY_CONFLICT',
      message: `The remote could not lock the registry branch "${branch}" in ${attempts} attempts: ${last.reason}`,
      hint: 'A crashed process on the server may have left a lock file there; only an administrator of the server can remove it.',
    });
  }
  return new QuickServeError({
    code: 'REGISTRY_CONFLICT',
    message: `The registry branch "${branch}" kept changing: ${attempts} attempts were all overtaken by other writers.`,
    hint: 'Run again, or let fewer jobs record at once.',
  });
}
