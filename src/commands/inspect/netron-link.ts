import { QuickServeError } from '../../shared/errors.ts';

/**
 * A link that opens a public file in Netron's web viewer, which fetches it from the reader's own browser.
 * @throws QuickServeError USAGE where the URL is not one that a browser may fetch from there, or holds a password.
 */
export function netronLink(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol !== 'https:' || parsed.username !== '' || parsed.password !== '') {
    throw new QuickServeError({
      code: 'USAGE',
      message: '--url must be a public https address of the model file, without a password.',
      hint: 'For example the raw address of the file on its Git host. Signed addresses do not belong into a link.',
    });
  }
  return `https://netron.app/?url=${encodeURIComponent(parsed.href)}`;
}
