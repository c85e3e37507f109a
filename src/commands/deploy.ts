import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config, DeployConfig } from '../config/config.ts';
import { parseSize } from '../config/quantities.ts';
import { formatReference, parseReference } from '../container/registry/reference.ts';
import { type MachineCost, machineCosts } from '../delivery/cost.ts';
import type { Deployment, Manifest } from '../delivery/deployment.ts';
import { type MeasuredModel, planSize, type Sizing, type WantedSize } from '../delivery/sizing.ts';
import type { TargetName } from '../delivery/target-names.ts';
import { TARGETS } from '../delivery/targets.ts';
import type { VersionState } from '../registry/lifecycle.ts';
import type { ConditionOutcome, EventRecord, MeasurementRecord } from '../registry/records.ts';
import { parseSelector, selectModel, selectVersion } from '../registry/selector.ts';
import { fileReason, QuickServeError } from '../shared/errors.ts';
import { quoteName, terminalSafe } from '../shared/terminal-text.ts';
import type { CommandResult } from './command-result.ts';
import { loadConfig } from './config-file.ts';
import { openSession, type RegistryCommandOptions, readExisting } from './registry/session.ts';
import { table } from './registry/texts.ts';
import type { Surroundings } from './surroundings.ts';
import { replaceTextFile } from './text-file.ts';

export interface DeployOptions extends RegistryCommandOptions {
  readonly target: TargetName;
  /** `name[@version]` of the registry: measurement, version and image come from there. */
  readonly model?: string;
  readonly image?: string;
  readonly name?: string;
  readonly port?: number;
  readonly load?: number;
  readonly replicas?: number;
  readonly maxReplicas?: number;
  readonly cpus?: number;
  /** `1GiB`. */
  readonly memory?: string;
  /** Folder that the manifests are written to; none: they are printed. */
  readonly output?: string;
}

/** What the registry says of the model that is delivered. */
interface Known {
  readonly name: string | null;
  readonly version: string | null;
  readonly image: PublishedImage | null;
  /** As configured for what is published next. */
  readonly port: number;
  readonly measured: MeasuredModel | null;
}

/** An image as the record of its publication has it. */
interface PublishedImage {
  /** By digest. */
  readonly name: string;
  /** That its server listens on; null: an earlier release published it, and did not say. */
  readonly port: number | null;
  /** Conditions that were not met when somebody published it by force; null: nobody had to. */
  readonly forcedOver: readonly ConditionOutcome[] | null;
}

const usage = (message: string, hint: string): QuickServeError =>
  new QuickServeError({ code: 'USAGE', message, hint });

/** The newest measurement of these bytes that has a latency, whatever the machine. */
function newestMeasurement(
  measurements: Iterable<readonly MeasurementRecord[]>,
  sha256: string,
): MeasuredModel | null {
  const [newest] = [...measurements]
    .flat()
    .filter(record => record.sha256 === sha256 && (record.metrics['latency'] ?? 0) > 0)
    .sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1));
  const latencyMs = newest?.metrics['latency'];
  if (newest === undefined || latencyMs === undefined) return null;
  const { cpuModel, threads } = newest.fingerprint;
  return {
    latencyMs,
    memoryBytes: newest.metrics['memory'] ?? null,
    loadMs: newest.metrics['load-time'] ?? null,
    threads,
    machine: cpuModel,
  };
}

/** The image that was published last; null: none was. */
function publishedImage(events: readonly EventRecord[], version: string): PublishedImage | null {
  const published = events.flatMap(event =>
    event.kind === 'deployment' && event.version === version
      ? event.images.map(
          ({ name, digest }): PublishedImage => ({
            name: `${name}@${digest}`,
            port: event.port ?? null,
            forcedOver: event.forced ? (event.conditions?.filter(({ met }) => !met) ?? []) : null,
          }),
        )
      : [],
  );
  return published.at(-1) ?? null;
}

async function fromRegistry(
  selector: string,
  options: DeployOptions,
  world: Surroundings,
): Promise<{ readonly known: Known; readonly config: Config }> {
  const session = await openSession(options, world);
  const { model: name, version: wanted } = parseSelector(selector);
  const registry = await readExisting(session, { models: [name], measurementLimit: 10 });
  const { model, state } = selectModel(registry, name);
  const { version }: VersionState = selectVersion({ model, state }, wanted);
  const configured = session.config.models?.find(each => each.name === name);
  return {
    config: session.config,
    known: {
      name,
      version: version.version,
      image: publishedImage(state.events, version.version),
      port: (configured?.publish ?? session.config.defaults.publish).port,
      measured: newestMeasurement(model.measurements.values(), version.sha256),
    },
  };
}

async function fromNothing(
  options: DeployOptions,
): Promise<{ readonly known: Known; readonly config: Config }> {
  const config = await loadConfig(options.cwd, options.cwd, options.config ?? null);
  const known = {
    name: null,
    version: null,
    image: null,
    port: config.defaults.publish.port,
    measured: null,
  };
  return { config, known };
}

function memoryOption(text: string | undefined): number | null {
  if (text === undefined) return null;
  const sizeBytes = parseSize(text);
  if (sizeBytes !== null && sizeBytes > 0) return sizeBytes;
  throw usage(`${quoteName(text)} is not a size.`, 'Write --memory 1GiB.');
}

function wantedSize(options: DeployOptions, config: DeployConfig): WantedSize {
  return {
    loadPerSecond: options.load ?? config.loadPerSecond,
    minReplicas: options.replicas ?? config.replicas,
    maxReplicas: options.maxReplicas ?? config.maxReplicas,
    cpus: options.cpus ?? config.cpus,
    memoryBytes: memoryOption(options.memory) ?? config.memoryBytes,
  };
}

/** A name that every target takes: that of DNS labels (RFC 1123), at most 32 as container apps have it. */
function targetName(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
    .slice(0, 32)
    .replace(/-+$/, '');
  if (name !== '') return name;
  throw usage(`${quoteName(text)} gives no name of letters and digits.`, 'Give one with --name.');
}

/** The port of the server in the image: what was recorded of it, which no manifest changes, else what is said. */
function portOf(options: DeployOptions, known: Known, image: string): number {
  const recorded = image === known.image?.name ? known.image.port : null;
  if (recorded !== null && options.port !== undefined && options.port !== recorded) {
    throw usage(
      `The server in ${image} listens on port ${recorded}, not on ${options.port}.`,
      `Leave --port out, or publish it again with --port ${options.port} (publish.port).`,
    );
  }
  return recorded ?? options.port ?? known.port;
}

/** What is to be known of the image before it is delivered. */
function warningsOf({ name, version, image }: Known, delivered: string): readonly string[] {
  if (image === null || image.name !== delivered || image.forcedOver === null) return [];
  const unmet = image.forcedOver.map(condition => `${condition.name}: ${condition.detail}`).join('; ');
  return [
    `The image of ${name} ${version} was published by force${unmet === '' ? '' : `; not met: ${unmet}`}.`,
  ];
}

function describe(options: DeployOptions, known: Known, sizing: Sizing): Deployment {
  const image = options.image ?? known.image?.name ?? null;
  if (image === null) {
    const name = '--image ghcr.io/acme/digits@sha256:...';
    throw known.name === null
      ? usage(
          'It is not known which image is to be delivered.',
          `Name it with ${name}, or a published version with --model digits@1.4.2.`,
        )
      : usage(
          `The registry knows no published image of ${known.name} ${known.version ?? ''}.`,
          `Run \`quickserveml publish ${known.name}@${known.version ?? 'latest'}\` first, or name one with ${name}.`,
        );
  }
  const reference = parseReference(image);
  const port = portOf(options, known, formatReference(reference));
  if (options.target === 'sagemaker' && port !== 8080) {
    throw usage(
      `SageMaker asks port 8080, and the image listens on ${port}.`,
      'Publish it with --port 8080 (publish.port).',
    );
  }
  return {
    name: targetName(options.name ?? known.name ?? reference.repository.split('/').at(-1) ?? ''),
    image: formatReference(reference),
    version: known.version,
    port,
    replicas: sizing.replicas,
    size: sizing.size,
  };
}

function costsOf(
  config: DeployConfig,
  wanted: WantedSize,
  { size, replicas, capacityPerSecond }: Sizing,
): readonly MachineCost[] {
  if (capacityPerSecond === null) return [];
  return machineCosts(config.prices, size, {
    replicas: replicas.min,
    capacityPerSecond,
    loadPerSecond: wanted.loadPerSecond,
  });
}

const money = (value: number | null): string => (value === null ? '' : String(Number(value.toPrecision(3))));

function adviceText(
  warnings: readonly string[],
  sizing: Sizing,
  costs: readonly MachineCost[],
  isPinned: boolean,
): readonly string[] {
  const rows = costs.map(cost => [
    cost.machine,
    String(cost.machines),
    String(cost.copies),
    money(cost.hourly),
    money(cost.perMillion),
    money(cost.perMillionAtBest),
  ]);
  const header = ['machine', 'machines', 'copies on one', 'an hour', 'a million predictions', 'at best'];
  return [
    ...warnings.map(terminalSafe),
    ...sizing.reasons,
    ...(isPinned
      ? []
      : ['The image is named by a tag, which may come to stand for another: better by digest.']),
    ...(rows.length === 0 ? [] : ['', table(header, rows, 'lrrrrr')]),
  ];
}

async function writeManifests(manifests: readonly Manifest[], folder: string): Promise<readonly string[]> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new QuickServeError({
      code: 'OUTPUT_UNWRITABLE',
      message: `${folder} cannot be made: ${fileReason(cause)}.`,
      hint: 'Name a folder that can be written.',
      cause,
    });
  }
  for (const { name, text } of manifests) await replaceTextFile(join(folder, name), text);
  return manifests.map(({ name }) => join(folder, name));
}

/** `deploy render`: the manifests of one target, and what the measurement says of size and cost. */
export async function renderDeployment(options: DeployOptions, world: Surroundings): Promise<CommandResult> {
  const { known, config } = await (options.model === undefined
    ? fromNothing(options)
    : fromRegistry(options.model, options, world));
  const wanted = wantedSize(options, config.deploy);
  const sizing = planSize(known.measured, wanted);
  const deployment = describe(options, known, sizing);
  const { render, use } = TARGETS[options.target];
  const manifests = render(deployment, sizing.capacityPerSecond);
  const costs = costsOf(config.deploy, wanted, sizing);
  const warnings = warningsOf(known, deployment.image);
  const advice = adviceText(warnings, sizing, costs, deployment.image.includes('@'));
  const document = { target: options.target, deployment, warnings, sizing, costs, use, manifests };
  if (options.output === undefined) {
    world.progress.step(advice.join('\n'));
    const parts = manifests.map(({ name, text }) => (manifests.length === 1 ? text : `# ${name}\n${text}`));
    return { document, text: parts.join('\n'), exitCode: 0 };
  }
  const written = await writeManifests(manifests, resolve(options.cwd, options.output));
  const text = [...written.map(path => `written: ${path}`), `use:     ${use}`, '', ...advice].join('\n');
  return { document: { ...document, written }, text, exitCode: 0 };
}
