import { platformText } from '../../container/image/base-image.ts';
import type { ComposedImage } from '../../container/image/composition.ts';
import type { LayoutOutput } from '../../container/image/layout-output.ts';
import type { PushOutcome } from '../../container/image/push.ts';
import type { TagDecision } from '../../container/image/tags.ts';
import type { ImageRepository } from '../../container/registry/image-repository.ts';
import { formatReference } from '../../container/registry/reference.ts';
import type { EventOutcome } from '../../registry/event-plan.ts';
import { formatValue } from '../../report/format-values.ts';
import type { QuickServeError } from '../../shared/errors.ts';
import { terminalSafe } from '../../shared/terminal-text.ts';
import { table } from '../registry/texts.ts';
import type { ModelGate } from './gate.ts';
import type { ProofSigner } from './proof-signer.ts';

/** One registry that the image goes to, and what becomes of its tags. */
export interface PublishTarget {
  readonly repository: ImageRepository;
  readonly tags: readonly TagDecision[];
}

/** Everything that a publish is going to do, before it does any of it. */
export interface PublishPlan {
  readonly gates: readonly ModelGate[];
  /** The conditions are not all met, and somebody insists. */
  readonly forced: boolean;
  readonly image: ComposedImage;
  /** That the server in it listens on. */
  readonly port: number;
  readonly targets: readonly PublishTarget[];
  readonly output: LayoutOutput | null;
  /** Status that the version gets in the same run; null: none. */
  readonly promotion: string | null;
  /** Whether verdict, provenance and bill of materials are signed and attached. */
  readonly proofs: ProofSigner;
}

/** Proofs in the registries, over all of them. */
export interface Attachments {
  readonly added: number;
  /** The same had been attached by an earlier run. */
  readonly found: number;
}

/** How it ended. */
export interface PublishResult {
  readonly pushes: readonly PushOutcome[];
  readonly output: string | null;
  readonly promotion: EventOutcome | null;
  /** Models whose deployment is on the registry branch. */
  readonly recorded: readonly string[];
  /** Types of the signed statements that are attached wherever the image is out. */
  readonly attached: readonly string[];
  readonly attachments: Attachments;
  /** The image is out, and the promotion or the record of it failed; null: they did not. */
  readonly failure: QuickServeError | null;
}

export const targetName = ({ repository }: Pick<PublishTarget, 'repository'>): string =>
  `${repository.registry}/${repository.name}`;

export const gateDocument = (gates: readonly ModelGate[]): readonly object[] =>
  gates.map(({ model, verdict, conditions }) => ({
    name: model.name,
    version: model.version?.version.version ?? null,
    sha256: model.sha256,
    status: model.version?.status ?? null,
    verdict: verdict?.verdict.gate ?? null,
    signature: verdict?.signature ?? { kind: 'none' },
    conditions,
  }));

export function planDocument(plan: PublishPlan): object {
  const { image } = plan;
  return {
    models: gateDocument(plan.gates),
    forced: plan.forced,
    image: {
      digest: image.index.descriptor.digest,
      base: { name: formatReference({ ...image.base, digest: null }), digest: image.base.digest },
      platforms: image.platforms.map(({ platform, manifest, config, baseLayers, ownLayers }) => ({
        platform: platformText(platform),
        digest: manifest.descriptor.digest,
        config: config.descriptor.digest,
        layers: [
          ...baseLayers.map(({ digest, size }) => ({ digest, sizeBytes: size, from: 'base' })),
          ...ownLayers.map(({ descriptor, createdBy }) => ({
            digest: descriptor.digest,
            sizeBytes: descriptor.size,
            from: createdBy,
          })),
        ],
      })),
    },
    targets: plan.targets.map(target => ({ image: targetName(target), tags: target.tags })),
    output: plan.output?.path ?? null,
    promotion: plan.promotion,
    proofs:
      plan.proofs.kind === 'signer'
        ? { signedBy: plan.proofs.signer.description }
        : { signedBy: null, reason: plan.proofs.reason },
  };
}

export function conditionsText(gates: readonly ModelGate[]): string {
  const rows = gates.flatMap(({ model, conditions }) =>
    conditions.map(({ name, met, detail }) => [met ? 'met' : 'not met', model.name, name, detail]),
  );
  return table(['', 'model', 'condition', 'how it stands'], rows, 'llll');
}

const modelsText = (gates: readonly ModelGate[]): string =>
  gates.map(({ model }) => `${model.name} ${model.version?.version.version ?? '(not recorded)'}`).join(', ');

function tagText(tag: TagDecision): string {
  switch (tag.action) {
    case 'create':
      return 'new';
    case 'unchanged':
      return 'as it is';
    case 'move':
      return `moves from ${tag.from.slice(0, 19)}`;
    case 'keep':
      return `stays where it is: ${tag.reason}`;
    case 'refuse':
      return `REFUSED: ${tag.reason}`;
  }
}

const proofsText = (proofs: ProofSigner): string =>
  proofs.kind === 'signer'
    ? `Verdict, provenance and bill of materials would be signed by ${proofs.signer.description}.`
    : `Nothing would be attached as proof: ${proofs.reason}.`;

/** How the image is called in a layout; clients load an archive under its first name alone. */
function namesInOutput({ kind, names }: LayoutOutput): string {
  const [first] = names;
  if (first === undefined) return '';
  const tags = new Set(names.map(name => name.slice(name.lastIndexOf(':') + 1)));
  return kind === 'archive' ? `; it loads as ${first}` : `; tags ${[...tags].join(', ')}`;
}

/** What `--dry-run` shows. */
export function planText(plan: PublishPlan): string {
  const { image } = plan;
  const layers = image.platforms.flatMap(({ platform, baseLayers, ownLayers }) => [
    [
      platformText(platform),
      'base image',
      baseLayers.length === 1 ? '1 layer' : `${baseLayers.length} layers`,
      formatValue(
        baseLayers.reduce((sum, { size }) => sum + size, 0),
        'bytes',
      ),
    ],
    ...ownLayers.map(({ descriptor, createdBy }) => [
      platformText(platform),
      createdBy,
      descriptor.digest.slice(0, 19),
      formatValue(descriptor.size, 'bytes'),
    ]),
  ]);
  const tags = plan.targets.flatMap(target =>
    target.tags.map(tag => [targetName(target), tag.name, tagText(tag)]),
  );
  return [
    `Would publish ${modelsText(plan.gates)} as ${image.index.descriptor.digest}${plan.forced ? ', FORCED' : ''}`,
    `on ${terminalSafe(formatReference(image.base))}.`,
    '',
    conditionsText(plan.gates),
    '',
    table(['platform', 'layer', 'digest', 'size'], layers, 'lllr'),
    ...(tags.length === 0 ? [] : ['', table(['image', 'tag', 'becomes'], tags, 'lll')]),
    ...(plan.output === null
      ? []
      : ['', `It would be written to ${plan.output.path}${namesInOutput(plan.output)}.`]),
    ...(plan.promotion === null ? [] : ['', `The version would become ${plan.promotion}.`]),
    '',
    proofsText(plan.proofs),
  ].join('\n');
}

function pushText({ registry, repository, state, tags, blobs, uploadedBytes, error }: PushOutcome): string {
  const where = `${registry}/${repository}`;
  const sent = `${blobs.uploaded} blobs sent (${formatValue(uploadedBytes, 'bytes')}), ${blobs.mounted} mounted, ${blobs.exists} were there`;
  const reason = error === null ? '' : `\n    ${error.message}\n    ${error.hint}`;
  switch (state) {
    case 'complete':
      return `  ${where}: out, tags ${tags.join(', ') || 'none'}; ${sent}`;
    case 'untagged':
      return `  ${where}: the image is there by its digest, tags that were set: ${tags.join(', ') || 'none'}; ${sent}${reason}`;
    case 'incomplete':
      return `  ${where}: NOT out, no tag was touched; ${sent}${reason}`;
  }
}

function promotionText(outcome: EventOutcome, status: string | null): string {
  if (outcome.kind !== 'refused') return `  the version is ${status}`;
  const unmet = outcome.conditions.filter(({ met }) => !met).map(({ name, detail }) => `${name}: ${detail}`);
  return `  NOT promoted to ${status}: ${unmet.join('; ')}`;
}

function attachmentsText({ added, found }: Attachments): string {
  const parts = [
    ...(added > 0 ? [`${added} proofs attached`] : []),
    ...(found > 0 ? [`${found} proofs were there`] : []),
  ];
  return parts.length === 0 ? 'proofs ' : `${parts.join(', ')}, `;
}

export const isComplete = (result: PublishResult): boolean =>
  result.pushes.every(({ state }) => state === 'complete');

export function resultText(plan: PublishPlan, result: PublishResult): string {
  const { digest } = plan.image.index.descriptor;
  const whole = isComplete(result);
  return [
    `${whole ? 'Published' : 'NOT published everywhere:'} ${modelsText(plan.gates)} as ${digest}${plan.forced ? ', forced' : ''}`,
    ...result.pushes.map(pushText),
    ...(result.output === null || plan.output === null
      ? []
      : [
          `  written to ${result.output}${result.attached.length > 0 ? `, with ${result.attached.length} proofs` : ''}${namesInOutput(plan.output)}`,
        ]),
    ...(result.promotion === null ? [] : [promotionText(result.promotion, plan.promotion)]),
    ...(result.attached.length > 0 && plan.proofs.kind === 'signer'
      ? [`  ${attachmentsText(result.attachments)}signed by ${plan.proofs.signer.description}`]
      : []),
    ...(plan.proofs.kind === 'none' ? [`  no proofs are attached: ${plan.proofs.reason}`] : []),
    ...plan.gates.flatMap(({ model, verdict }) =>
      verdict?.signature.kind === 'none' ? [`  the verdict on ${model.name} is unsigned`] : [],
    ),
    ...(result.recorded.length === 0
      ? []
      : [`  recorded on the registry branch: ${result.recorded.join(', ')}`]),
    ...(result.failure === null
      ? []
      : [`  NOT recorded: ${result.failure.message.replaceAll('\n', '\n    ')}\n    ${result.failure.hint}`]),
  ].join('\n');
}

export const resultDocument = (plan: PublishPlan, result: PublishResult): object => ({
  ...planDocument(plan),
  dryRun: false,
  complete: isComplete(result),
  pushes: result.pushes.map(({ error, ...push }) => ({ ...push, error: error?.toJSON() ?? null })),
  written: result.output,
  promoted: result.promotion?.kind ?? null,
  recorded: result.recorded,
  attached: result.attached,
  failure: result.failure?.toJSON() ?? null,
});
