import { listAt, stringAt } from '../json-values.ts';
import type { GitLabClient } from './client.ts';

/** What GitLab says of an access token. */
export type TokenFacts =
  | { readonly kind: 'known'; readonly scopes: readonly string[]; readonly expiresAt: string | null }
  | { readonly kind: 'unknown'; readonly reason: string };

const texts = (list: readonly unknown[]): readonly string[] =>
  list.filter(entry => typeof entry === 'string');

/** Scopes and end of the token itself (personal, project and group access tokens). */
export async function readTokenFacts(client: GitLabClient): Promise<TokenFacts> {
  const answer = await client.request('GET /personal_access_tokens/self');
  if (answer.kind !== 'ok') return { kind: 'unknown', reason: answer.reason };
  return {
    kind: 'known',
    scopes: texts(listAt(answer.data, 'scopes')),
    expiresAt: stringAt(answer.data, 'expires_at'),
  };
}

/** Who may push to a protected branch, in GitLab's words; null: it is not protected, or may not be asked. */
export async function readBranchProtection(
  client: GitLabClient,
  branch: string,
): Promise<readonly string[] | null> {
  const answer = await client.request('GET /projects/{id}/protected_branches/{name}', { name: branch });
  if (answer.kind !== 'ok') return null;
  return texts(
    listAt(answer.data, 'push_access_levels').map(level => stringAt(level, 'access_level_description')),
  );
}
