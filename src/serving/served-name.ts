const LONGEST = 128;

/**
 * A model's name, or its version, as addresses of the server have it: what is no letter, digit, `.`, `_` or `-` becomes a
 * dash, so that `models/digits` is served as `models-digits`. Of a longer name the end is kept, which tells models apart.
 */
export const servedName = (name: string): string =>
  name
    .replaceAll(/[^\w.-]+/g, '-')
    .slice(-LONGEST)
    .replace(/^[^A-Za-z0-9]+/, '');
