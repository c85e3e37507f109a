import { valueAt } from '../json-values.ts';
import type { GitHubClient } from './client.ts';

/** What GitHub says of a token and a repository. */
export type RepositoryAccess =
  | {
      readonly kind: 'known';
      /** null: GitHub does not say, as for some apps. */
      readonly mayPush: boolean | null;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

export async function readRepositoryAccess(client: GitHubClient): Promise<RepositoryAccess> {
  const answer = await client.request('GET /repos/{owner}/{repo}');
  if (answer.kind !== 'ok') return { kind: 'unknown', reason: answer.reason };
  const push = valueAt(answer.data, 'permissions', 'push');
  return { kind: 'known', mayPush: typeof push === 'boolean' ? push : null };
}

/** Whether rules or a protection cover a branch; null: there is none such, or the token may not ask. */
export async function readBranchProtection(client: GitHubClient, branch: string): Promise<boolean | null> {
  const answer = await client.request('GET /repos/{owner}/{repo}/branches/{branch}', { branch });
  if (answer.kind !== 'ok') return null;
  const isProtected = valueAt(answer.data, 'protected');
  return typeof isProtected === 'boolean' ? isProtected : null;
}
