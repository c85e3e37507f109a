import { type Environment, webAddress } from '../environment.ts';

/** Where the pull request of a Jenkins build lives: Jenkins has no pull requests of its own. */
export type ChangeHost =
  | { readonly kind: 'github'; readonly apiUrl: string; readonly owner: string; readonly repo: string }
  | { readonly kind: 'gitlab'; readonly apiUrl: string; readonly project: string; readonly pageUrl: string };

/**
 * From CHANGE_URL, which the branch-source plugins set: `.../OWNER/REPO/pull/12` is GitHub's form,
 * `.../GROUP/PROJECT/-/merge_requests/12` GitLab's. null for any other host.
 */
export function readChangeHost(env: Environment): ChangeHost | null {
  const address = webAddress(env, 'CHANGE_URL');
  if (address === null) return null;
  const { origin, host, pathname } = new URL(address);
  const pull = /^\/([^/]+)\/([^/]+)\/pull\/\d+$/u.exec(pathname);
  if (pull !== null) {
    const apiUrl = host === 'github.com' ? 'https://api.github.com' : `${origin}/api/v3`;
    return { kind: 'github', apiUrl, owner: pull[1] ?? '', repo: pull[2] ?? '' };
  }
  const merge = /^\/(.+?)\/(?:-\/)?merge_requests\/\d+$/u.exec(pathname);
  if (merge === null) return null;
  return {
    kind: 'gitlab',
    apiUrl: `${origin}/api/v4`,
    project: decodeURIComponent(merge[1] ?? ''),
    pageUrl: address,
  };
}
