import { messageOf, QuickServeError } from '../shared/errors.ts';
import { maskSecrets } from '../shared/secrets.ts';
import { runGit } from './git-process.ts';
import { hasLfsObject, type LfsPointer, type LfsSource } from './lfs.ts';
import { askForLfsObject } from './lfs-client.ts';

/**
 * Whether an object could be had, without fetching it: the cache and the clone are looked into, the server is asked for an
 * address.
 * @returns from where, for people.
 * @throws QuickServeError LFS_OBJECT_UNAVAILABLE.
 */
export async function probeLfs(source: LfsSource, pointer: LfsPointer): Promise<string> {
  if (await hasLfsObject(source, pointer)) return 'from the cache or the clone';
  const { transfer } = source;
  switch (transfer.kind) {
    case 'none':
      throw new QuickServeError({
        code: 'LFS_OBJECT_UNAVAILABLE',
        message: `its object is not in the clone, and ${transfer.reason}.`,
        hint: transfer.hint,
      });
    case 'git-lfs': {
      const { root, environment, secrets } = transfer;
      try {
        await runGit({ args: ['lfs', 'version'], cwd: root, environment, secrets });
      } catch (cause) {
        throw new QuickServeError({
          code: 'LFS_OBJECT_UNAVAILABLE',
          message: 'the remote is reached by ssh, and git-lfs is not installed.',
          hint: 'Install git-lfs here, or set lfs.url to the HTTPS address of the LFS server.',
          cause,
        });
      }
      return 'by git-lfs, over ssh';
    }
    case 'batch':
      try {
        await askForLfsObject(transfer.endpoint, pointer);
        return `from ${new URL(transfer.endpoint.url).host}`;
      } catch (cause) {
        const known = cause instanceof QuickServeError;
        throw new QuickServeError({
          code: 'LFS_OBJECT_UNAVAILABLE',
          message: maskSecrets(messageOf(cause), transfer.endpoint.credentials.secrets),
          hint: known ? cause.hint : 'Check the LFS server, the network and the proxy settings.',
          cause,
        });
      }
  }
}
