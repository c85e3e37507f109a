import { messageOf, QuickServeError } from '../shared/errors.ts';
import type { PushOutcome } from './push-outcome.ts';

/** The remote said no for good. */
export function refusedError(branch: string, reason: string): QuickServeError {
  const isProtected = /protected|GH00[06]|rule violations|not allowed to (force )?push/i.test(reason);
  if (
    /unpacker error|unpack-objects abnormal exit|index-pack (abnormal exit|failed)|No space left|[Qq]uota/.test(
      reason,
    )
  ) {
    return new QuickServeError({
      code: 'REGISTRY_WRITE_REFUSED',
      message: `The remote could not store what was pushed to the registry branch "${branch}": ${reason}`,
      hint: 'The disk of the server is full, or a quota or a limit on the size of pushes is reached: whoever runs it can say which. A lower registry.blob-limit keeps models off the branch. Nothing was changed.',
    });
  }
  return new QuickServeError({
    code: 'REGISTRY_WRITE_REFUSED',
    message: `The remote refuses pushes to the registry branch "${branch}": ${reason}`,
    hint: isProtected
      ? `A protection or rule set covers "${branch}": exempt the branch from it, or let the job's identity bypass it (GitHub: bypass list of the rule set; GitLab: "Allowed to push" of the protected branch). compact --rewrite needs force pushes too.`
      : 'Allow the job to push: on GitHub `permissions: contents: write`; on GitLab enable "Allow Git push requests to the ' +
        'repository" for the job token or use a project access token; and see that no protection covers the branch.',
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
