/** Shorter strings would blank out ordinary words. */
const SHORTEST_SECRET = 4;

/**
 * Text without secrets: every given secret, each also in its base64 and percent-encoded form, and the user part of
 * every URL are replaced by `***`.
 */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < SHORTEST_SECRET) continue;
    forms.add(secret);
    forms.add(Buffer.from(secret).toString('base64').replace(/=+$/, ''));
    forms.add(encodeURIComponent(secret));
  }
  let masked = text;
  // Longest first, or the rest of a longer secret would stay.
  for (const form of [...forms].sort((a, b) => b.length - a.length)) masked = masked.replaceAll(form, '***');
  return masked.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^/\s@'"]+@/gi, '$1***@');
}
