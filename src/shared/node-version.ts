import { QuickServeError } from './errors.ts';

/** The oldest Node.js that the bundles are written for; the same as `engines` in package.json. */
export const OLDEST_NODE = '22.12';

/**
 * Whether this Node.js can run the bundles: an older one would break somewhere in the middle, on a function that it lacks.
 * @param version as in process.versions.node
 * @throws QuickServeError NODE_TOO_OLD
 */
export function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new QuickServeError({
    code: 'NODE_TOO_OLD',
    message: `This is Node.js ${version}; QuickServeML needs ${OLDEST_NODE} or newer.`,
    hint: 'Choose a newer one, for example by actions/setup-node, the image node:24, or nvm.',
  });
}
