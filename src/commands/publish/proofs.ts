import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applicationEntries } from '../../container/image/application.ts';
import { platformText } from '../../container/image/base-image.ts';
import type { SignedStatement } from '../../container/proof/attachment.ts';
import { type BundledPackage, billStatement } from '../../container/proof/bill-of-materials.ts';
import type { StatementSigner } from '../../container/proof/envelope.ts';
import { type ImageMaking, provenanceStatement } from '../../container/proof/provenance.ts';
import type { Statement, Subject } from '../../container/proof/statement.ts';
import { hexOf } from '../../container/proof/statement.ts';
import { type ProvenModel, verdictStatement } from '../../container/proof/verdict-predicate.ts';
import type { ImageReference } from '../../container/registry/reference.ts';
import type { MeasurementRecord } from '../../registry/records.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { RegistrySession } from '../registry/session.ts';
import type { Surroundings } from '../surroundings.ts';
import type { ModelGate } from './gate.ts';
import { applicationFolder, publicAddress } from './image-building.ts';
import { type PublishPlan, targetName } from './publish-plan.ts';

/** Beside the bundles, written by the build: whose code is in which of them. */
const PACKAGE_LIST = 'third-party.json';

interface ListedPackage extends BundledPackage {
  readonly files: readonly string[];
}

/** Packages whose code is in the files that go into the image. @throws QuickServeError FILE_UNREADABLE. */
async function packagesInImage(folder: string): Promise<readonly BundledPackage[]> {
  const listed = await readFile(join(folder, PACKAGE_LIST), 'utf8').then(
    text => JSON.parse(text) as readonly ListedPackage[],
    cause => {
      throw new QuickServeError({
        code: 'FILE_UNREADABLE',
        message: `The list of what is bundled, ${join(folder, PACKAGE_LIST)}, cannot be read.`,
        hint: 'Install the package again; in a checkout: `npm run build`.',
        cause,
      });
    },
  );
  const shipped = new Set((await applicationEntries(folder)).map(({ path }) => path.replace(/^app\//, '')));
  return listed
    .filter(({ files }) => files.some(file => shipped.has(file)))
    .map(({ name, version, license }) => ({ name, version, license }));
}

/** The newest measurement of these bytes on each kind of machine. */
async function measurementsOf(
  session: RegistrySession,
  gate: ModelGate,
): Promise<readonly MeasurementRecord[]> {
  const { name, sha256, version } = gate.model;
  if (version === null) return [];
  const { models } = await session.registry.read({ models: [name], measurementLimit: 10 });
  const all = [...(models.get(name)?.measurements.values() ?? [])];
  return all.flatMap(records => {
    const own = records.filter(record => record.sha256 === sha256);
    const [newest] = [...own].sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1));
    return newest === undefined ? [] : [newest];
  });
}

/** Names the machine or the service that ran this, by an address of it. */
function builderOf(session: RegistrySession, env: Surroundings['env']): string {
  const { platform } = session.context;
  switch (platform) {
    case 'github':
      return `${env['GITHUB_SERVER_URL'] ?? 'https://github.com'}/${env['GITHUB_WORKFLOW_REF'] ?? session.context.repository ?? ''}`;
    case 'gitlab':
      return `${env['CI_PROJECT_URL'] ?? ''}/-/runners/${env['CI_RUNNER_ID'] ?? ''}`;
    case 'jenkins':
      return env['JENKINS_URL'] ?? 'urn:quickserveml:jenkins';
    case 'local':
      return 'urn:quickserveml:local';
  }
}

const fullName = ({ registry, repository }: ImageReference): string => `${registry}/${repository}`;

function makingOf(session: RegistrySession, plan: PublishPlan, images: readonly string[]): ImageMaking {
  const { world } = session;
  const { image, gates } = plan;
  const commits = gates.flatMap(({ model }) => model.version?.version.source.commit ?? []);
  return {
    images,
    models: gates.map(({ model }) => ({
      name: model.name,
      version: model.version?.version.version ?? null,
      sha256: model.sha256,
    })),
    baseName: fullName(image.base),
    baseDigest: image.base.digest ?? '',
    platforms: image.platforms.map(({ platform }) => platformText(platform)),
    tags: [...new Set(plan.targets.flatMap(({ tags }) => tags.map(({ name }) => name)))],
    layers: image.platforms.flatMap(({ ownLayers }) =>
      ownLayers.map(({ createdBy, descriptor }) => ({ what: createdBy, digest: descriptor.digest })),
    ),
    source: publicAddress(session.repository.remote?.url ?? ''),
    commits: [...new Set(commits)].sort(),
    toolVersion: world.toolVersion,
    runtimeVersion: session.config.runtime.version,
    builder: builderOf(session, world.env),
    runUrl: session.context.runUrl,
    startedOn: new Date(world.now()).toISOString(),
  };
}

async function provenModel(session: RegistrySession, gate: ModelGate): Promise<ProvenModel> {
  const { model, verdict, conditions } = gate;
  return {
    name: model.name,
    sha256: model.sha256,
    version: model.version?.version ?? null,
    verdict,
    measurements: await measurementsOf(session, gate),
    conditions,
  };
}

/** What the image is called, without tags: where it is pushed to, else in the layout. */
function imageNames({ targets, output }: PublishPlan): readonly string[] {
  if (targets.length > 0) return targets.map(targetName);
  const [name = 'localhost/image'] = output?.names ?? [];
  return [name.replace(/:[^:/]*$/, '')];
}

/** All that is said of an image that is about to be tagged: a verdict for each model, its provenance, its contents. */
export async function makeStatements(
  session: RegistrySession,
  plan: PublishPlan,
): Promise<readonly Statement[]> {
  const { digest } = plan.image.index.descriptor;
  const images = imageNames(plan);
  const subject: readonly Subject[] = images.map(name => ({ name, digest: { sha256: hexOf(digest) } }));
  const making = makingOf(session, plan, images);
  const packages = await packagesInImage(applicationFolder(session.world));
  const models = await Promise.all(plan.gates.map(gate => provenModel(session, gate)));
  return [
    ...models.map(model => verdictStatement(subject, model, plan.forced)),
    provenanceStatement(subject, making),
    billStatement(subject, { digest, created: plan.image.created, making, packages }),
  ];
}

/** @throws QuickServeError SIGNATURE_FAILED. */
export async function signStatements(
  statements: readonly Statement[],
  signer: StatementSigner,
): Promise<readonly SignedStatement[]> {
  const signed: SignedStatement[] = [];
  for (const statement of statements) {
    const bundle = await signer.sign(Buffer.from(JSON.stringify(statement)));
    signed.push({ predicateType: statement.predicateType, bundle });
  }
  return signed;
}
