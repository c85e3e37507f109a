/** Package URLs (github.com/package-url/purl-spec), by which statements of all kinds name the same thing. */

const encode = (text: string): string => encodeURIComponent(text).replaceAll('%3A', ':');

export function npmPurl(name: string, version: string): string {
  const [scope, rest] = name.startsWith('@') ? name.split('/') : [null, name];
  return `pkg:npm/${scope == null ? '' : `${encodeURIComponent(scope)}/`}${encode(rest ?? '')}@${encode(version)}`;
}

/** @param repository with its registry: `ghcr.io/acme/digits`. */
export function ociPurl(repository: string, digest: string): string {
  const name = repository.slice(repository.lastIndexOf('/') + 1);
  return `pkg:oci/${encode(name)}@${encodeURIComponent(digest)}?repository_url=${encodeURIComponent(repository)}`;
}
