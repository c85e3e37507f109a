/**
 * The invisible first line by which a run finds its own comment again. `key` tells the comments of several checks of one
 * pull request apart; what could end an HTML comment in it is percent-encoded.
 */
export function commentMarker(key: string): string {
  const encoded = encodeURIComponent(key.toWellFormed())
    .replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/--/g, '%2D%2D');
  return `<!-- quickserveml:report key=${encoded} -->`;
}
