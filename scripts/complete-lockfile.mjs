// Adds to package-lock.json the builds for other platforms that npm left out. A registry mirror may hold only some
// platforms' packages; npm then writes a lock file without the others, and `npm ci` refuses such a file everywhere.
// Their versions are pinned by the package that lists them, so nothing is guessed but os and cpu, which the names of
// these packages spell out. Run it after `npm install`.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = resolve(fileURLToPath(import.meta.url), '../../package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8'));

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const CPUS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64', 'wasm32'];

function platformOf(name) {
  const parts = name.split(/[/-]/);
  const os = SYSTEMS.find(system => parts.includes(system));
  const cpu = CPUS.find(each => parts.includes(each));
  return { ...(os === undefined ? {} : { os: [os] }), ...(cpu === undefined ? {} : { cpu: [cpu] }) };
}

/** Exact versions are compared; of a range, whatever npm chose is right. */
const satisfies = (found, wanted) => !/^\d/.test(wanted) || found === wanted;

/** Where Node would look for a package that `owner` asks for, nearest first. */
function placesFor(owner, name) {
  const places = [];
  for (
    let folder = owner;
    folder !== '';
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))
  ) {
    places.push(`${folder}/node_modules/${name}`);
  }
  return [...places, `node_modules/${name}`];
}

const added = [];
for (const [owner, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const found = placesFor(owner, name).find(place => lock.packages[place] !== undefined);
    if (found !== undefined && satisfies(lock.packages[found].version, version)) continue;
    // npm takes an optional package that cannot be fetched for one that is not wanted.
    const platform = platformOf(name);
    const exact = version.replace(/^[~^]/, '');
    const place = found === undefined ? `node_modules/${name}` : `${owner}/node_modules/${name}`;
    lock.packages[place] = { version: exact, ...platform, dev: true, optional: true };
    added.push(name);
  }
}
const sorted = Object.fromEntries(
  Object.entries(lock.packages).sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0)),
);
writeFileSync(path, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
process.stdout.write(`${added.length} packages added\n`);
