/**
 * Writes everything that a closed network needs into one archive: `node scripts/export-archive.ts FILE.tar
 * [--platform linux/x64] [--base-image REF] [--insecure HOST]`. In it: the command line, as a folder and as an npm package;
 * onnxruntime for the platforms; the GitLab component project; the Jenkins library; and, where asked for, the base image of
 * `publish` as an OCI layout. The same commit, platforms and base digest give the same bytes. docs/closed-networks.md says
 * what to do with it.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fileContent, layOutTar, readTar, type TarEntry } from '../src/container/image/tar.ts';
import { parseReference } from '../src/container/registry/reference.ts';
import { openRegistries } from '../src/container/registry/registries.ts';
import { cacheFolder } from '../src/runtime/cache-folder.ts';
import { saveRuntime } from '../src/runtime/runtime-archive.ts';
import { PINNED_RUNTIME_VERSION } from '../src/runtime/runtime-location.ts';
import { baseLayout, type LayoutFile } from './release/base-layout.ts';
import {
  entryOf,
  projectFile,
  type ReleaseFile,
  root,
  sha256Of,
  textFile,
  withFolders,
} from './release/files.ts';
import { commandLine, gitLabProject, jenkinsLibrary, npmPackage } from './release/libraries.ts';

const OCI_ARCHITECTURES: Readonly<Record<string, string>> = { 'linux/x64': 'amd64', 'linux/arm64': 'arm64' };
const PIECE_BYTES = 512 * 1024;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    platform: { type: 'string', multiple: true, default: ['linux/x64'] },
    'base-image': { type: 'string' },
    insecure: { type: 'string', multiple: true, default: [] },
  },
});
const [target] = positionals;
const { version }: { readonly version: string } = JSON.parse(
  Buffer.from(projectFile('package.json', '').bytes).toString('utf8'),
);

const below = (folder: string, files: readonly ReleaseFile[]): readonly ReleaseFile[] =>
  files.map(({ path, bytes }) => ({ path: `${folder}/${path}`, bytes }));

async function runtimeFile(scratch: string): Promise<LayoutFile> {
  const file = join(scratch, 'runtime.tar');
  const { sha256 } = await saveRuntime(
    {
      runtimePath: null,
      version: PINNED_RUNTIME_VERSION,
      searchFolders: [root],
      cacheFolder: cacheFolder(process.env, process.platform, homedir()),
      environment: process.env,
      cwd: root,
      home: homedir(),
      platform: process.platform,
      arch: process.arch,
    },
    [...values.platform].sort(),
    file,
  );
  const entry: TarEntry = {
    kind: 'file',
    path: 'runtime.tar',
    mode: 0o644,
    content: await fileContent(file),
  };
  return { sha256, entry };
}

/** The base image's files; its connections stay open until the archive is written. */
function openBase(): AsyncDisposable & { readonly files: () => Promise<readonly LayoutFile[]> } {
  const registries = openRegistries({
    explicit: [],
    environment: process.env,
    homeFolder: homedir(),
    insecure: values.insecure,
    certificates: [],
    toolVersion: version,
    sleep: durationMs => sleep(durationMs),
    now: Date.now,
    random: Math.random,
  });
  const named = values['base-image'];
  return {
    async files() {
      if (named === undefined) return [];
      const architectures = [...values.platform].sort().flatMap(each => OCI_ARCHITECTURES[each] ?? []);
      const reference = parseReference(named);
      const layout = await baseLayout(registries.repository(reference), reference, architectures);
      return layout.map(({ sha256, entry }) => ({
        sha256,
        entry: { ...entry, path: `base-image/${entry.path}` },
      }));
    },
    [Symbol.asyncDispose]: () => registries[Symbol.asyncDispose](),
  };
}

async function plainFiles(): Promise<readonly LayoutFile[]> {
  const files = [
    projectFile('docs/closed-networks.md', 'README.md'),
    { path: `quickserveml-${version}.tgz`, bytes: await npmPackage() },
    ...below('cli', commandLine()),
    ...below('gitlab', gitLabProject()),
    ...below('jenkins', await jenkinsLibrary()),
  ];
  return files.map(file => ({ sha256: sha256Of(file.bytes), entry: entryOf(file) }));
}

async function write(path: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'quickserveml-archive-'));
  const temporary = `${path}.${randomUUID()}`;
  await using base = openBase();
  try {
    const files = [...(await plainFiles()), await runtimeFile(scratch), ...(await base.files())];
    const sums = files.map(({ sha256, entry }) => `${sha256}  ${entry.path}\n`).sort();
    const entries = [entryOf(textFile('SHA256SUMS', sums.join(''))), ...files.map(({ entry }) => entry)];
    const folder = `quickserveml-${version}`;
    const archive = layOutTar(
      withFolders(entries.map(entry => ({ ...entry, path: `${folder}/${entry.path}` }))),
    );
    const hash = createHash('sha256');
    const hashing = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(
      readTar(archive, 0, archive.sizeBytes, PIECE_BYTES),
      hashing,
      createWriteStream(temporary, { flags: 'wx' }),
    );
    await rename(temporary, path);
    process.stdout.write(
      `${path}: ${folder}/, ${(archive.sizeBytes / 1e6).toFixed(0)} MB\nsha256 ${hash.digest('hex')}\n`,
    );
  } finally {
    await rm(temporary, { force: true });
    await rm(scratch, { recursive: true, force: true });
  }
}

if (target === undefined) {
  process.stderr.write(
    'usage: node scripts/export-archive.ts FILE.tar [--platform OS/ARCH] [--base-image REF]\n',
  );
  process.exitCode = 2;
} else await write(resolve(target));
