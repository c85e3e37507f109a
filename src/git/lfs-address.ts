import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Repository, readGit } from './repository.ts';

async function configValue(repository: Repository, args: readonly string[]): Promise<string | null> {
  const output = await readGit(repository, ['config', ...args], { accept: [0, 1, 128] });
  const value = output.stdout.toString('utf8').trim();
  return output.exitCode === 0 && value !== '' ? value : null;
}

/** Where a clone's objects are: by its configuration, else at its remote; null where it names no place. */
export async function endpointOf(repository: Repository): Promise<string | null> {
  const name = repository.remote?.name;
  return (
    (await configValue(repository, ['--get', 'lfs.url'])) ??
    (name === undefined ? null : await configValue(repository, ['--get', `remote.${name}.lfsurl`])) ??
    (await configValue(repository, ['--file', join(repository.root, '.lfsconfig'), '--get', 'lfs.url'])) ??
    repository.remote?.url ??
    null
  );
}

/** `https://host/owner/name.git/info/lfs`, as git-lfs derives it; an address from lfs.url is taken as it is. */
export function batchUrlOf(address: string, remoteUrl: string | undefined): string {
  const trimmed = address.replace(/\/+$/, '');
  if (address !== remoteUrl) return trimmed;
  return `${trimmed.endsWith('.git') ? trimmed : `${trimmed}.git`}/info/lfs`;
}

/** The folder that an address names on this machine, or null. */
export function localRemoteFolder(address: string): string | null {
  if (address.startsWith('file://')) return fileURLToPath(address);
  return address.startsWith('/') || /^[a-z]:[\\/]/i.test(address) ? address : null;
}
