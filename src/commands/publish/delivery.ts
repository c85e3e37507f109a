import { stat } from 'node:fs/promises';
import type { EarlyPush } from '../../container/image/early-push.ts';
import { type LayoutOutput, writeLayout } from '../../container/image/layout-output.ts';
import { openLayout } from '../../container/image/layout-source.ts';
import { type PushOutcome, pushImage } from '../../container/image/push.ts';
import type { TagDecision } from '../../container/image/tags.ts';
import { attachStatements, type SignedStatement } from '../../container/proof/attachment.ts';
import { settleProofs } from '../../container/proof/reuse.ts';
import type { ImageRepository } from '../../container/registry/image-repository.ts';
import type { Descriptor } from '../../container/registry/manifest.ts';
import type { EventOutcome, EventRequest } from '../../registry/event-plan.ts';
import type { DeployedImage } from '../../registry/records.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { RegistrySession } from '../registry/session.ts';
import type { Surroundings } from '../surroundings.ts';
import { makeStatements, signStatements } from './proofs.ts';
import type { PublishOptions } from './publish-options.ts';
import { type Attachments, isComplete, type PublishPlan, type PublishResult } from './publish-plan.ts';

const mayBeSet = ({ action }: TagDecision): boolean => action === 'create' || action === 'move';

async function pushAll(
  plan: PublishPlan,
  base: ImageRepository,
  early: EarlyPush | null,
  proofs: readonly SignedStatement[],
  world: Surroundings,
): Promise<{ readonly pushes: readonly PushOutcome[]; readonly attachments: Attachments }> {
  const attachments = { added: 0, found: 0 };
  const pushes = await Promise.all(
    plan.targets.map(({ repository, tags }) => {
      // A channel follows the registry branch: its tag is set after the promotion that it stands for.
      const now = tags.filter(tag => mayBeSet(tag) && !(plan.promotion !== null && tag.kind === 'channel'));
      const target = {
        repository,
        tags: now.map(({ name }) => name),
        early,
        beforeTags: async (image: Descriptor) => {
          if (plan.proofs.kind === 'none') return;
          const settled = await settleProofs(repository, image.digest, proofs, plan.proofs.signer);
          const fresh = settled.filter(({ isThere }) => !isThere).map(({ proof }) => proof);
          await attachStatements(repository, image, fresh);
          attachments.added += fresh.length;
          attachments.found += settled.length - fresh.length;
        },
      };
      return pushImage(plan.image, base, target, progress => {
        const percent = Math.floor((100 * progress.sentBytes) / Math.max(1, progress.totalBytes));
        world.progress.update(`pushing to ${progress.registry}: ${percent} %`);
      });
    }),
  );
  return { pushes, attachments };
}

/** The proofs as they go into a layout: those of an earlier run stay, so that the same inputs give the same bytes. */
async function proofsForLayout(
  plan: PublishPlan,
  { path }: LayoutOutput,
  proofs: readonly SignedStatement[],
): Promise<readonly SignedStatement[]> {
  if (plan.proofs.kind === 'none' || (await stat(path).catch(() => null)) === null) return proofs;
  try {
    const layout = await openLayout(path);
    const { digest } = plan.image.index.descriptor;
    const settled = await settleProofs(layout, digest, proofs, plan.proofs.signer);
    return settled.map(({ proof }) => proof);
  } catch (error) {
    // Whatever is there is replaced, or refused by who writes.
    if (error instanceof QuickServeError) return proofs;
    throw error;
  }
}

async function tagChannels(
  plan: PublishPlan,
  pushes: readonly PushOutcome[],
): Promise<readonly PushOutcome[]> {
  return Promise.all(
    pushes.map(async (push, index) => {
      const tags = [...push.tags];
      const wanted = plan.targets[index]?.tags.filter(tag => tag.kind === 'channel' && mayBeSet(tag)) ?? [];
      try {
        for (const { name } of wanted) {
          await plan.targets[index]?.repository.writeManifest(plan.image.index, name);
          tags.push(name);
        }
        return { ...push, tags };
      } catch (error) {
        if (!(error instanceof QuickServeError)) throw error;
        return { ...push, tags, state: 'untagged' as const, error };
      }
    }),
  );
}

/** The tags that stand for the image after a push, those that did before included. */
function standing(plan: PublishPlan, pushes: readonly PushOutcome[]): readonly PushOutcome[] {
  return pushes.map((push, index) => {
    const decisions = plan.targets[index]?.tags ?? [];
    const stands = ({ name, action }: TagDecision): boolean =>
      push.tags.includes(name) || (push.state === 'complete' && action === 'unchanged');
    return { ...push, tags: decisions.filter(stands).map(({ name }) => name) };
  });
}

const isKnown = (image: DeployedImage, known: readonly DeployedImage[]): boolean =>
  known.some(
    ({ name, digest, tags }) =>
      name === image.name && digest === image.digest && image.tags.every(tag => tags.includes(tag)),
  );

/**
 * Writes the deployment of every model down; only of what is out, and only what is new: a tag that came back to an image
 * of long ago is new too.
 * @param pushed the pushes with the tags that this run set.
 */
async function recordDeployment(
  session: RegistrySession,
  plan: PublishPlan,
  pushed: readonly PushOutcome[],
  reason: string | null,
): Promise<readonly string[]> {
  const out = standing(plan, pushed).filter(({ state }) => state === 'complete');
  const images = out.map(({ registry, repository, digest, tags }) => ({
    name: `${registry}/${repository}`,
    digest,
    tags,
  }));
  const anyTagSet = pushed.some(({ state, tags }) => state === 'complete' && tags.length > 0);
  if (images.length === 0) return [];
  const recorded: string[] = [];
  for (const { model, conditions } of plan.gates) {
    if (model.version === null) continue;
    if (!anyTagSet && images.every(image => isKnown(image, model.deployed))) continue;
    const { version } = model.version.version;
    await session.registry.addEvent({
      model: model.name,
      version,
      reason,
      content: { kind: 'deployment', images, port: plan.port, conditions, forced: plan.forced },
    });
    recorded.push(`${model.name} ${version}`);
  }
  return recorded;
}

/** Does what the plan says: the file, the registries, the promotion, the channels' tags, the record; in this order. */
export async function carryOut(
  plan: PublishPlan,
  context: {
    readonly session: RegistrySession;
    readonly base: ImageRepository;
    /** What has been sent already to the only target. */
    readonly early: EarlyPush | null;
    readonly promotion: EventRequest | null;
    readonly options: PublishOptions;
    readonly world: Surroundings;
  },
): Promise<PublishResult> {
  const { session, base, options, world } = context;
  const proofs =
    plan.proofs.kind === 'signer'
      ? await signStatements(await makeStatements(session, plan), plan.proofs.signer)
      : [];
  if (plan.output !== null) {
    world.progress.step(`writing ${plan.output.path}`);
    await writeLayout(plan.image, base, plan.output, await proofsForLayout(plan, plan.output, proofs));
  }
  if (plan.targets.length > 0) world.progress.step(`pushing ${plan.image.index.descriptor.digest}`);
  const pushed = await pushAll(plan, base, context.early, proofs, world);
  const { attachments } = pushed;
  let { pushes } = pushed;
  const isAttached = plan.output !== null || attachments.added + attachments.found > 0;
  const attached = isAttached ? proofs.map(({ predicateType }) => predicateType) : [];
  const out = {
    pushes,
    output: plan.output?.path ?? null,
    promotion: null,
    recorded: [],
    attached,
    attachments,
    failure: null,
  };
  let promotion: EventOutcome | null = null;
  let recorded: readonly string[] = [];
  let failure: QuickServeError | null = null;
  try {
    if (context.promotion !== null && isComplete(out)) {
      promotion = await session.registry.addEvent(context.promotion);
      if (promotion.kind !== 'refused') pushes = await tagChannels(plan, pushes);
    }
    recorded = await recordDeployment(session, plan, pushes, options.reason ?? null);
  } catch (error) {
    // The image is out: that has to be said along with what failed.
    if (!(error instanceof QuickServeError)) throw error;
    failure = error;
  }
  return { ...out, pushes: standing(plan, pushes), promotion, recorded, failure };
}
