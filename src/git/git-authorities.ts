import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { allAuthorities, extraCertificates, readCertificates } from '../network/certificates.ts';
import { fullDiskError } from '../shared/full-disk.ts';
import { type ConfigEntry, type GitEnvironment, processVariables } from './git-environment.ts';
import { SCRATCH_PREFIX } from './scratch-folders.ts';

/** By environment: asked once, since every git process needs it. */
const known = new WeakMap<GitEnvironment, readonly ConfigEntry[]>();

/** What the user told git to trust for every host, or null. */
function configuredFile(environment: GitEnvironment): string | null {
  try {
    const answer = execFileSync('git', ['config', '--get', '--type=path', 'http.sslCAInfo'], {
      cwd: environment.temporaryFolder,
      env: processVariables(environment),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return answer.trim() === '' ? null : answer.trim();
  } catch {
    return null;
  }
}

/** By folder and content, for all environments of this process. */
const written = new Map<string, string>();
const removeWritten = (): void => {
  for (const file of written.values()) rmSync(dirname(file), { recursive: true, force: true });
};

/**
 * git takes one file, which replaces what it would trust by itself: so that all goes into it.
 * @throws QuickServeError OUTPUT_UNWRITABLE.
 */
function writeBundle(certificates: readonly string[], temporaryFolder: string): string {
  const key = [temporaryFolder, ...certificates].join('\0');
  const before = written.get(key);
  if (before !== undefined && existsSync(before)) return before;
  const texts = new Set(allAuthorities(certificates).map(text => text.trim()));
  const folder = makeFolder(temporaryFolder);
  const file = join(folder, 'authorities.pem');
  try {
    writeFileSync(file, `${[...texts].join('\n')}\n`, { mode: 0o600 });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw fullDiskError(temporaryFolder, error);
  }
  if (written.size === 0) process.once('exit', removeWritten);
  written.set(key, file);
  return file;
}

function makeFolder(temporaryFolder: string): string {
  try {
    mkdirSync(temporaryFolder, { recursive: true });
    return mkdtempSync(join(temporaryFolder, `${SCRATCH_PREFIX}${process.pid}-`));
  } catch (error) {
    throw fullDiskError(temporaryFolder, error);
  }
}

/**
 * Configuration that makes git trust the authorities of NODE_EXTRA_CA_CERTS and the like, which it does not know by
 * itself. It yields to all that says more: GIT_SSL_CAINFO, and `http.<address>.sslCAInfo` of any configuration; a file
 * of `http.sslCAInfo` is trusted as well.
 */
export function authoritiesConfig(environment: GitEnvironment): readonly ConfigEntry[] {
  const before = known.get(environment);
  if (before !== undefined) return before;
  const extra = environment.variables['GIT_SSL_CAINFO'] ? [] : extraCertificates(environment.variables);
  let config: readonly ConfigEntry[] = [];
  if (extra.length > 0) {
    const file = configuredFile(environment);
    const configured = file === null ? null : readCertificates(file);
    const all = configured === null ? extra : [...extra, configured];
    config = [['http.sslCAInfo', writeBundle(all, environment.temporaryFolder)]];
  }
  known.set(environment, config);
  return config;
}
