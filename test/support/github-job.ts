import { type GitHttpServer, startGitHttpServer } from './git-http-server.ts';
import type { GitHubServer } from './github-server.ts';
import { handOver, type InstalledCopy, installCopy } from './installed-copy.ts';
import { createTestRemote, type TestRemote } from './pull-request.ts';

export const REPOSITORY = 'acme/models';

/** What a job on GitHub finds: the product as it is delivered, and a remote that it reaches over HTTP with its token. */
export interface GitHubJob extends AsyncDisposable {
  readonly copy: InstalledCopy;
  readonly remote: TestRemote;
  readonly git: GitHttpServer;
  /** What actions/checkout leaves of a ref, in the hands of the user that the product runs as. */
  checkout(ref: string): string;
}

/**
 * @param token the password that pushing wants; reading wants none
 * @param installed a copy of the product that several jobs share; without it the job has its own
 */
export async function startGitHubJob(token: string, installed?: InstalledCopy): Promise<GitHubJob> {
  const copy = installed ?? installCopy();
  const remote = createTestRemote();
  const git = await startGitHttpServer(remote.folder, {
    basicAuth: `x-access-token:${token}`,
    publicRead: true,
  });
  return {
    copy,
    remote,
    git,
    checkout(ref) {
      const clone = remote.checkout(ref);
      remote.setUrl(clone, `${git.url}/remote.git`);
      handOver(clone);
      return clone;
    },
    async [Symbol.asyncDispose]() {
      await git[Symbol.asyncDispose]();
      remote[Symbol.dispose]();
      if (installed === undefined) copy[Symbol.dispose]();
    },
  };
}

/** The variables of every job that the product reads. */
export const jobEnvironment = (
  github: Pick<GitHubServer, 'apiUrl'>,
  { sha, ref }: { readonly sha: string; readonly ref: string },
): Record<string, string> => ({
  GITHUB_API_URL: github.apiUrl,
  GITHUB_SERVER_URL: 'https://github.example',
  GITHUB_REPOSITORY: REPOSITORY,
  GITHUB_RUN_ID: '4711',
  GITHUB_SHA: sha,
  GITHUB_REF: ref,
});
