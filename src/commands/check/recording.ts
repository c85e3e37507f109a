import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fingerprint } from '../../benchmark/measurement.ts';
import { type CasesReport, casesFailed } from '../../cases/cases-report.ts';
import type { Config } from '../../config/config.ts';
import { compareInterfaces } from '../../contract/compare-interfaces.ts';
import { separateUrlCredentials } from '../../git/credentials.ts';
import { relateCommits } from '../../git/history.ts';
import { committedPointer } from '../../git/lfs.ts';
import { type Remote, type Repository, readGit } from '../../git/repository.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import type { CiContext } from '../../platforms/context.ts';
import type { MeasurementEntry, RecordEntry } from '../../registry/record-entry.ts';
import type { BytesLocation, FurtherMeasurement, RecordAuthor } from '../../registry/records.ts';
import { openRegistry, type Registry, type RegistryOptions } from '../../registry/registry.ts';
import { TIMED_METRICS } from '../../regression/timed.ts';
import type { Gate } from '../../regression/verdict.ts';
import type { ModelReport } from '../../report/report.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Surroundings } from '../surroundings.ts';
import type { ChangeSet } from './change-set.ts';
import type { CheckedModel } from './checked-model.ts';

/** Whether this run is to record, decided before anything is measured. */
export type RecordIntent =
  | { readonly kind: 'record'; readonly remote: Remote }
  | { readonly kind: 'skip'; readonly reason: string };

/** @throws QuickServeError REGISTRY_WRITE_REFUSED where recording was demanded and there is nowhere to record to. */
export function recordIntent(config: Config, context: CiContext, repository: Repository): RecordIntent {
  const { record } = config.registry;
  if (record === 'never') return { kind: 'skip', reason: 'recording is switched off' };
  const isDue = record === 'always' || (context.onDefaultBranch && context.event !== 'pull-request');
  if (!isDue) {
    const reason =
      context.base.kind === 'local'
        ? 'only checks in CI are recorded; `--record always` records from here'
        : 'only checks of the default branch are recorded';
    return { kind: 'skip', reason };
  }
  const remote = registryRemote(config, repository);
  if (remote !== null) return { kind: 'record', remote };
  if (record === 'auto') return { kind: 'skip', reason: 'the repository has no remote' };
  throw new QuickServeError({
    code: 'REGISTRY_WRITE_REFUSED',
    message: 'Recording was demanded, and the repository has no remote that could hold the registry branch.',
    hint: 'Add a remote (git remote add origin ...), or set registry.remote in quickserveml.yml.',
  });
}

/**
 * A version names the commit that its model comes from: on a laptop the file must be as that commit has it. What
 * `prepare` makes, and what git ignores, is in no commit.
 * @throws QuickServeError REGISTRY_WRITE_REFUSED.
 */
export function requireCommitted(intent: RecordIntent, context: CiContext, changes: ChangeSet): void {
  if (intent.kind === 'skip' || context.base.kind !== 'local') return;
  const changed = changes.models.find(
    ({ config }) =>
      config !== null &&
      (config.tests?.prepare ?? null) === null &&
      changes.headFiles.get(config.path) === null,
  );
  if (changed === undefined) return;
  throw new QuickServeError({
    code: 'REGISTRY_WRITE_REFUSED',
    message: `${changed.change.path} has changes that are not committed: the version would name a commit that does not have them.`,
    hint: 'Commit first, or check with --record never.',
  });
}

/** The repository that holds the registry: the configured one, else the clone's own remote. */
export function registryRemote(config: Config, repository: Repository): Remote | null {
  if (config.registry.remote === null) return repository.remote;
  const { url, credentials } = separateUrlCredentials(config.registry.remote);
  const isSame = repository.remote !== null && repository.remote.url === url;
  return {
    name: url,
    url,
    credentials: isSame ? (repository.remote?.credentials ?? credentials) : credentials,
  };
}

async function authorOf(context: CiContext, repository: Repository): Promise<RecordAuthor> {
  if (context.platform === 'github' && context.actor !== null) {
    return { name: context.actor, email: `${context.actor}@users.noreply.github.com` };
  }
  const read = async (key: string): Promise<string> =>
    (await readGit(repository, ['config', '--get', key], { accept: [0, 1] })).stdout.toString('utf8').trim();
  return {
    name: context.actor ?? ((await read('user.name')) || 'QuickServeML'),
    email: (await read('user.email')) || 'quickserveml@example.invalid',
  };
}

/** How the registry of a check is opened. */
export async function checkRegistryOptions(
  config: Config,
  context: CiContext,
  repository: Repository,
  remote: Remote,
  world: Surroundings,
): Promise<RegistryOptions> {
  return {
    remote,
    branch: config.registry.branch,
    environment: repository.environment,
    objectFormat: repository.objectFormat,
    now: world.now,
    random: world.random,
    sleep,
    author: await authorOf(context, repository),
    runUrl: context.runUrl,
    toolVersion: world.toolVersion,
    packMonths: config.registry.packMonths,
    namespace: config.registry.namespace,
    cacheFolder: join(world.cacheFolder, 'registry'),
    signingKey: world.env['QUICKSERVEML_SIGNING_KEY'] ?? null,
    signersFile:
      config.registry.signersPath === null ? null : join(repository.root, config.registry.signersPath),
  };
}

export const openCheckRegistry = async (...how: Parameters<typeof checkRegistryOptions>): Promise<Registry> =>
  openRegistry(await checkRegistryOptions(...how));

/** What the history of a model is made of. */
const RECORDED: ReadonlySet<string> = new Set(TIMED_METRICS);

type MeasuredReport = Pick<ModelReport, 'metrics' | 'measurement'>;
type MeasuredValues = Pick<FurtherMeasurement, 'metrics' | 'samples'>;

/** What was measured with one set of inputs; with `common`, also what does not depend on them. */
function valuesWith(
  { metrics }: MeasuredReport,
  name: string | undefined,
  common: 'with-common' | 'without-common',
): MeasuredValues {
  const measured = metrics.flatMap(({ metric, candidate, samples, workload }) =>
    candidate === null ||
    samples === undefined ||
    !RECORDED.has(metric) ||
    (workload !== name && (workload !== undefined || common === 'without-common'))
      ? []
      : [{ metric, candidate, samples: samples.candidate }],
  );
  return {
    metrics: Object.fromEntries(measured.map(({ metric, candidate }) => [metric, candidate])),
    samples: Object.fromEntries(measured.map(({ metric, samples }) => [metric, samples])),
  };
}

/** What was measured of the candidate with each set of its inputs, from its comparisons; null where nothing was. */
export function measurementOf(
  report: MeasuredReport,
  fingerprint: Fingerprint | null,
): MeasurementEntry | null {
  const { measurement } = report;
  if (fingerprint === null || measurement.kind === 'not-measured') return null;
  // A set that could not be run is in the metrics, not among those that were measured.
  const [first, ...others] = measurement.inputs ?? [];
  const name =
    first?.name ??
    report.metrics.find(({ metric, candidate }) => metric === 'latency' && candidate !== null)?.workload;
  const values = valuesWith(report, name, 'with-common');
  if (Object.keys(values.metrics).length === 0) return null;
  const { feedDigest } = measurement;
  return {
    fingerprint,
    ...values,
    ...(feedDigest === undefined ? {} : { inputs: { name: name ?? '', digest: feedDigest } }),
    furtherInputs: others.map(each => ({
      inputs: { name: each.name, digest: each.feedDigest },
      ...valuesWith(report, each.name, 'without-common'),
    })),
  };
}

/** Where the bytes of a committed file can be found again: its LFS object, or commit and path. */
export async function committedLocation(
  config: Config,
  repository: Repository,
  commit: string,
  path: string,
): Promise<Extract<BytesLocation, { kind: 'commit' | 'lfs' }>> {
  const place = {
    repository: config.registry.remote === null ? null : (repository.remote?.url ?? null),
    commit,
    path,
  };
  const pointer = await committedPointer(repository, commit, path);
  return pointer === null ? { kind: 'commit', ...place } : { kind: 'lfs', ...place, oid: pointer.oid };
}

/** Where bytes that are too large for the branch can be found again; null where no commit has them. */
async function pointerTo(
  changes: ChangeSet,
  path: string,
): Promise<Exclude<BytesLocation, { kind: 'blob' }> | null> {
  const { config, repository } = changes;
  const isCommitted = typeof changes.headFiles.get(path) === 'string';
  if (repository.headSha === null || !isCommitted) return null;
  return await committedLocation(config, repository, repository.headSha, path);
}

/** Passed only where cases were run and each had something to be compared with. */
function casesOutcome(report: CasesReport | undefined): 'passed' | 'failed' | 'none' {
  if (report === undefined) return 'none';
  if (casesFailed(report)) return 'failed';
  return report.cases.some(({ kind }) => kind === 'passed') ? 'passed' : 'none';
}

/** One entry a model that has bytes. Plain data but for two callbacks that look at the newest version on every retry. */
export async function recordEntries(
  checked: readonly CheckedModel[],
  changes: ChangeSet,
  environmentOf: (model: ModelReport) => Fingerprint | null,
): Promise<readonly RecordEntry[]> {
  const { headSha } = changes.repository;
  const pointers = new Map<string, Exclude<BytesLocation, { kind: 'blob' }> | null>();
  for (const { report } of checked) pointers.set(report.path, await pointerTo(changes, report.path));
  return checked.flatMap(({ report, candidate, policy }) => {
    if (candidate === null) return [];
    const { identity, model } = candidate;
    const own = interfaceOf(model);
    return [
      {
        model: report.name,
        identity,
        bytes: {
          files: new Map(identity.parts.map(part => [part.sha256, join(dirname(candidate.file), part.path)])),
          blobLimitBytes: changes.config.registry.blobLimitBytes,
          otherwise: pointers.get(report.path) ?? null,
        },
        interface: own,
        inspection: report.candidate,
        source: { commit: headSha, path: report.path },
        bumpOf: previous => (previous === null ? 'none' : compareInterfaces(previous.interface, own).bump),
        relationTo: async newest => {
          if (headSha === null || newest.source.commit === null) return 'unknown';
          const relation = await relateCommits(changes.store, headSha, newest.source.commit);
          return relation === 'newer' || relation === 'older' ? relation : 'unknown';
        },
        measurement: measurementOf(report, environmentOf(report)),
        verdict: {
          gate: report.gate,
          policyDigest: createHash('sha256').update(JSON.stringify(policy)).digest('hex'),
          baseCommit: changes.base.kind === 'commit' ? changes.base.sha : null,
          cases: casesOutcome(report.cases),
          accepted: report.accepted,
        },
      },
    ];
  });
}

/** Why nothing is recorded after all, or null: a verdict comes before every record. */
export function reasonNotToRecord(gate: Gate): string | null {
  if (gate === 'failed') return 'the check failed';
  if (gate === 'no-verdict') return 'there was no verdict';
  return null;
}
