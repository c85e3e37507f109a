import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { canMountSmallDisk } from './small-disk.ts';

/** Parts of a machine that some tests want. `QUICKSERVEML_REQUIRE=models,browser` (or `all`) makes a missing one a failure. */
export type Part =
  | 'models'
  | 'browser'
  | 'python'
  | 'runtime'
  | 'npm-registry'
  | 'unprivileged-user'
  | 'promtool'
  | 'poppler'
  | 'xmllint'
  | 'docker-registry'
  | 'skopeo'
  | 'umoci'
  | 'podman'
  | 'htpasswd'
  | 'groovy'
  | 'codenarc'
  | 'rsync'
  | 'git-lfs'
  | 'small-disk';

export const projectRoot = resolve(import.meta.dirname, '../..');
export const modelsFolder = resolve(projectRoot, process.env['QUICKSERVEML_MODELS'] ?? '../shared/models');

const commandExists = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

/** The path of a Chromium that playwright-core can drive, or undefined. */
export const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  path => existsSync(path),
);

const checks: Record<Part, () => { readonly present: boolean; readonly missing: string }> = {
  models: () => ({
    present: existsSync(resolve(modelsFolder, 'manifest.json')),
    missing: 'the folder of real models (set QUICKSERVEML_MODELS)',
  }),
  browser: () => ({ present: browserPath !== undefined, missing: 'chromium' }),
  promtool: () => ({ present: commandExists('promtool'), missing: 'promtool (Debian: prometheus)' }),
  poppler: () => ({
    present: spawnSync('pdftoppm', ['-v'], { stdio: 'ignore' }).status === 0,
    missing: 'pdftoppm and pdftotext (Debian: poppler-utils)',
  }),
  xmllint: () => ({ present: commandExists('xmllint'), missing: 'xmllint (Debian: libxml2-utils)' }),
  'docker-registry': () => ({
    present: commandExists('docker-registry'),
    missing: 'docker-registry (Debian: docker-registry)',
  }),
  skopeo: () => ({ present: commandExists('skopeo'), missing: 'skopeo (Debian: skopeo)' }),
  umoci: () => ({ present: commandExists('umoci'), missing: 'umoci (Debian: umoci)' }),
  podman: () => ({
    present: commandExists('podman') && commandExists('runc'),
    missing: 'podman with runc (Debian: podman, runc)',
  }),
  htpasswd: () => ({
    present: spawnSync('htpasswd', ['-nbB', 'user', 'word'], { stdio: 'ignore' }).status === 0,
    missing: 'htpasswd (Debian: apache2-utils)',
  }),
  groovy: () => ({ present: existsSync('/usr/bin/groovy'), missing: 'groovy 2.4 (Debian: groovy)' }),
  codenarc: () => ({
    present: existsSync('/usr/share/java/CodeNarc.jar'),
    missing: 'CodeNarc (Debian: libcodenarc-groovy-java)',
  }),
  'small-disk': () => ({ present: canMountSmallDisk(), missing: 'the right to mount a tmpfs (root)' }),
  rsync: () => ({ present: commandExists('rsync'), missing: 'rsync (Debian: rsync)' }),
  'git-lfs': () => ({ present: commandExists('git-lfs'), missing: 'git-lfs (Debian: git-lfs)' }),
  python: () => ({ present: commandExists('python3'), missing: 'python3' }),
  runtime: () => ({
    present: existsSync(
      resolve(projectRoot, `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`),
    ),
    missing: 'a build of onnxruntime-node for this platform',
  }),
  'npm-registry': () => {
    const ping = spawnSync('npm', ['view', 'onnxruntime-common', 'name'], {
      stdio: 'ignore',
      timeout: 30_000,
    });
    return { present: ping.status === 0, missing: 'an npm registry that answers' };
  },
  'unprivileged-user': () => ({
    present: process.getuid?.() === 0 && commandExists('setpriv'),
    missing: 'root and setpriv (to run as another user)',
  }),
};

const known = new Map<Part, { readonly present: boolean; readonly missing: string }>();

function look(part: Part): { readonly present: boolean; readonly missing: string } {
  const found = known.get(part) ?? checks[part]();
  known.set(part, found);
  return found;
}

/**
 * For `describe.skipIf(lacks('models'))`: true where the machine lacks the part; says so on stderr.
 * Throws where QUICKSERVEML_REQUIRE names the part, so that a suite cannot quietly shrink.
 */
export function lacks(part: Part): boolean {
  const { present, missing } = look(part);
  if (present) return false;
  const required = (process.env['QUICKSERVEML_REQUIRE'] ?? '').split(',').map(name => name.trim());
  if (required.includes(part) || required.includes('all')) {
    throw new Error(`QUICKSERVEML_REQUIRE demands "${part}", and this machine lacks ${missing}.`);
  }
  process.stderr.write(`skipped: tests that need ${missing}\n`);
  return true;
}
