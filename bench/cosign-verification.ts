/**
 * Whether cosign, which nobody here wrote, verifies what `publish` attaches: against a real registry, with a key.
 * Wants `cosign` 2.6 or 3 in PATH (or COSIGN), docker-registry and onnxruntime-node. Exits with 1 where cosign disagrees.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readBundles } from '../src/container/proof/attachment.ts';
import { PREDICATE_TYPES } from '../src/container/proof/statement.ts';
import { plainRegistries, pushSmallBase } from '../test/support/base-images.ts';
import { startContainerRegistry } from '../test/support/container-registries.ts';
import { temporaryFolder } from '../test/support/git-repositories.ts';
import { createPublishProject, fixtureModel } from '../test/support/publish-project.ts';
import { makeSigningKeys } from '../test/support/signing-keys.ts';

const cosign = process.env['COSIGN'] ?? 'cosign';
if (spawnSync(cosign, ['version']).status !== 0) {
  process.stdout.write('skipped: there is no cosign\n');
  process.exit(0);
}
const version = /GitVersion:\s+(\S+)/.exec(execFileSync(cosign, ['version'], { encoding: 'utf8' }))?.[1];

await using home = temporaryFolder();
await using registry = await startContainerRegistry(home.path);
const repository = (name: string) =>
  plainRegistries(registry.host).repository({ registry: registry.host, repository: name });
await pushSmallBase(repository('base/node'), '24');
const keys = makeSigningKeys(home.path);
const other = makeSigningKeys(home.path, 'other');
const project = await createPublishProject(home.path);
Object.assign(project.world.env, { QUICKSERVEML_IMAGE_KEY: keys.privateKey });
await project.record('digits');
const { document, text } = await project.publish({
  image: [`${registry.host}/acme/digits`],
  baseImage: `${registry.host}/base/node:24`,
  insecure: [registry.host],
  platform: ['linux/amd64'],
});
process.stdout.write(`${text}\n\ncosign ${version}\n`);
const image = `${registry.host}/acme/digits@${document.image.digest}`;

function run(what: string, args: readonly string[], wanted: 'verifies' | 'refuses'): void {
  const { status, stderr } = spawnSync(cosign, args, { encoding: 'utf8', timeout: 60_000 });
  const got = status === 0 ? 'verifies' : 'refuses';
  if (got !== wanted) process.exitCode = 1;
  const reason = got === wanted ? '' : `\n${stderr}`;
  process.stdout.write(`${got === wanted ? 'ok  ' : 'FAIL'} ${got} ${what}${reason}\n`);
}

/** cosign 2 looks for Sigstore bundles only when it is told to, and then wants a root, although a key needs none. */
const rootFile = join(home.path, 'trusted-root.json');
writeFileSync(rootFile, '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}');
const isOld = version?.startsWith('v2.') === true;
const bundles = isOld ? ['--new-bundle-format', '--trusted-root', rootFile] : [];

const attestation = (key: string, type: string, ref: string): readonly string[] => [
  'verify-attestation',
  ...['--key', key, '--type', type, '--insecure-ignore-tlog', '--allow-insecure-registry', ...bundles, ref],
];
for (const [name, type] of Object.entries(PREDICATE_TYPES)) {
  run(`${name} of the image`, attestation(keys.publicKeyFile, type, image), 'verifies');
  run(`${name} with another key`, attestation(other.publicKeyFile, type, image), 'refuses');
}
run(
  'a verdict on the base image',
  attestation(keys.publicKeyFile, PREDICATE_TYPES.verdict, `${registry.host}/base/node:24`),
  'refuses',
);

const [verdict] = await readBundles(repository('acme/digits'), document.image.digest);
const bundleFile = join(home.path, 'verdict.json');
writeFileSync(bundleFile, JSON.stringify(verdict?.bundle));
const blob = (file: string): readonly string[] => [
  'verify-blob-attestation',
  ...['--bundle', bundleFile, '--key', keys.publicKeyFile, '--type', PREDICATE_TYPES.verdict],
  ...['--insecure-ignore-tlog', ...bundles, file],
];
run('the verdict on the model file', blob(fixtureModel('digits')), 'verifies');
run('the verdict on another model file', blob(fixtureModel('digits-wide')), 'refuses');
