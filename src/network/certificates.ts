import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';

type Environment = Readonly<Record<string, string | undefined>>;

/** Files with authorities: Node's own variable, and what a GitLab runner with `tls-ca-file` hands to its jobs. */
export const CERTIFICATE_VARIABLES = ['NODE_EXTRA_CA_CERTS', 'CI_SERVER_TLS_CA_FILE'] as const;

/** The text of a PEM file, or null where it cannot be read or has no certificate. */
export function readCertificates(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8');
    return text.includes('-----BEGIN CERTIFICATE-----') ? text : null;
  } catch {
    return null;
  }
}

/** The certificates that the environment names. A file that cannot be read is left out, as Node does it with a warning. */
export function extraCertificates(env: Environment): readonly string[] {
  const paths = new Set(CERTIFICATE_VARIABLES.map(name => env[name] ?? '').filter(path => path !== ''));
  return [...paths].map(readCertificates).filter(text => text !== null);
}

/** Giving a connection any certificates replaces those it would trust by itself, so they come with them. */
export const withUsualAuthorities = (certificates: readonly string[]): string[] => [
  // Node 22.12 to 22.14 have no getCACertificates.
  ...(tls.getCACertificates?.('default') ?? tls.rootCertificates),
  ...certificates,
];

/** Everything that this machine trusts: Node's authorities, the system's, and the given ones. */
export const allAuthorities = (certificates: readonly string[]): string[] => [
  ...withUsualAuthorities(certificates),
  ...(tls.getCACertificates?.('system') ?? []),
];
