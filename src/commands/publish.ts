import { join, resolve } from 'node:path';
import { openEarlyPush } from '../container/image/early-push.ts';
import { openFactsCache } from '../container/image/facts-cache.ts';
import type { LayoutOutput } from '../container/image/layout-output.ts';
import { decideTags, declaredTag, type ExistingTag, readTags, wantedTags } from '../container/image/tags.ts';
import type { ImageRepository } from '../container/registry/image-repository.ts';
import type { EventOutcome, EventRequest } from '../registry/event-plan.ts';
import { parseStatus } from '../registry/version-filter.ts';
import { servedName } from '../serving/served-name.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { CommandResult } from './command-result.ts';
import { openContainerRegistries } from './container-registries.ts';
import { carryOut } from './publish/delivery.ts';
import { allMet, gateSteps, judgeModel, type ModelGate } from './publish/gate.ts';
import { buildImage } from './publish/image-building.ts';
import { chooseSigner } from './publish/proof-signer.ts';
import { type PublishOptions, type PublishSettings, publishSettings } from './publish/publish-options.ts';
import {
  conditionsText,
  gateDocument,
  isComplete,
  type PublishPlan,
  type PublishTarget,
  planDocument,
  planText,
  resultDocument,
  resultText,
  targetName,
} from './publish/publish-plan.ts';
import { findModel, namesOf, type PublishedModel, publishConfigOf } from './publish/published-model.ts';
import { promotionRules } from './registry/lifecycle.ts';
import { promotionSteps, stepsText } from './registry/next-steps.ts';
import { openSession, type RegistrySession } from './registry/session.ts';
import type { Surroundings } from './surroundings.ts';

export type { PublishOptions };

async function findModels(
  session: RegistrySession,
  options: PublishOptions,
  world: Surroundings,
): Promise<readonly PublishedModel[]> {
  const names = namesOf(session, options.models, options.cwd);
  const registry = await session.registry.read({ models: names, measurementLimit: 0 });
  const cache = openFactsCache(join(world.cacheFolder, 'facts'), world.now);
  const models: PublishedModel[] = [];
  for (const argument of options.models) {
    models.push(await findModel(session, registry, argument, cache, world, options));
  }
  const served = models.map(({ name }) => servedName(name));
  const twice = served.findIndex((name, index) => served.indexOf(name) < index);
  if (twice < 0) return models;
  const [first, second] = [models[served.indexOf(served[twice] ?? '')]?.name, models[twice]?.name];
  throw new QuickServeError({
    code: 'USAGE',
    message:
      first === second
        ? `"${second}" is named twice; an image holds one version of a model.`
        : `"${first}" and "${second}" would both be served as "${served[twice]}".`,
    hint: first === second ? 'Name each model once.' : 'Make an image of each.',
  });
}

async function judgeAll(
  session: RegistrySession,
  models: readonly PublishedModel[],
  settings: PublishSettings,
): Promise<readonly ModelGate[]> {
  return Promise.all(
    models.map(async model => {
      const verdict =
        model.version === null ? null : await session.registry.readVerdict(model.name, model.sha256);
      return judgeModel(model, verdict, settings);
    }),
  );
}

/** The promotion that was asked for, and what the registry would say to it now; null: none was. */
async function preparePromotion(
  session: RegistrySession,
  models: readonly PublishedModel[],
  options: PublishOptions,
): Promise<{ readonly request: EventRequest; readonly preview: EventOutcome } | null> {
  if (options.promote === undefined) return null;
  const [model, ...others] = models;
  if (model?.version == null || others.length > 0) {
    throw new QuickServeError({
      code: 'USAGE',
      message: '--promote is for one version of the registry.',
      hint: 'Publish one model, name@version, or promote with `quickserveml registry promote`.',
    });
  }
  const status = parseStatus(options.promote);
  const request: EventRequest = {
    model: model.name,
    version: model.version.version.version,
    reason: options.reason ?? null,
    content: { kind: 'promotion', status, rules: promotionRules(session, status) },
  };
  return { request, preview: await session.registry.addEvent(request, true) };
}

function tagsFor(
  models: readonly PublishedModel[],
  options: PublishOptions,
  settings: PublishSettings,
): ReturnType<typeof wantedTags> {
  const [model, ...others] = models;
  if (others.length === 0) {
    const status = options.promote ?? model?.version?.status ?? null;
    return wantedTags(model?.version?.version.version ?? null, status, settings.tags);
  }
  if (settings.tags.length === 0 && settings.targets.length > 0) {
    throw new QuickServeError({
      code: 'USAGE',
      message: 'An image of several models has no version of its own.',
      hint: 'Give its tag: --tag 2026.11, or --image ghcr.io/acme/models:2026.11.',
    });
  }
  return wantedTags(null, null, settings.tags);
}

/** Where a layout is written, and under which names: those that it is pushed as, else local ones. */
function outputOf(
  options: PublishOptions,
  targets: readonly PublishTarget[],
  tags: ReturnType<typeof wantedTags>,
  model: string,
): LayoutOutput | null {
  if (options.output === undefined) return null;
  const path = resolve(options.cwd, options.output);
  const local = `localhost/${model
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')}`;
  const bases = targets.length > 0 ? targets.map(targetName) : [local];
  const names = bases.flatMap(base => tags.map(({ name }) => `${base}:${name}`));
  return { kind: path.endsWith('.tar') ? 'archive' : 'folder', path, names };
}

/** A repository that the image goes to, and what its tags stand for now. */
interface Destination {
  readonly repository: ImageRepository;
  readonly existing: ReadonlyMap<string, ExistingTag>;
}

/**
 * Where layers may be sent before the image is whole: one repository that has none of the tags, so that each is sure to be
 * new, and for which no publication of these models is recorded, so that it lacks their layers. null: nowhere.
 */
function firstPushOf(
  destinations: readonly Destination[],
  models: readonly PublishedModel[],
): ImageRepository | null {
  const [only, ...others] = destinations;
  if (only === undefined || others.length > 0 || only.existing.size > 0) return null;
  const name = targetName(only);
  const isThere = models.some(({ deployed }) => deployed.some(image => image.name === name));
  return isThere ? null : only.repository;
}

const MOVES =
  '--allow-move moves tags. For the same image again, publish with what it was made of: the options in brackets, and the same release.';

function refusal(plan: PublishPlan, text: string, dryRun: boolean): CommandResult {
  return { document: { ...planDocument(plan), dryRun, complete: false }, text, exitCode: 1 };
}

/**
 * `publish`: an image of versions that passed, pushed to registries or written to a file, and the deployment on the
 * registry branch. Nothing is pushed before the gate, the promotion's conditions and every tag are decided on.
 */
export async function publish(options: PublishOptions, world: Surroundings): Promise<CommandResult> {
  const session = await openSession(options, world);
  const models = await findModels(session, options, world);
  const [first] = models;
  if (first === undefined) {
    throw new QuickServeError({
      code: 'USAGE',
      message: 'No model was named.',
      hint: 'Name a file or name@version.',
    });
  }
  const settings = publishSettings(options, publishConfigOf(session, first));
  const gates = await judgeAll(session, models, settings);
  const forced = !allMet(gates);
  if (forced && options.force !== true) {
    return {
      document: { models: gateDocument(gates), dryRun: session.dryRun, complete: false },
      text: `Refused: only what passed is published.\n\n${conditionsText(gates)}${stepsText(gateSteps(gates))}\n\n--force publishes anyway, and records that.`,
      exitCode: 1,
    };
  }
  const promotion = await preparePromotion(session, models, options);
  const wanted = tagsFor(models, options, settings);
  await using registries = await openContainerRegistries(
    options,
    settings.targets.map(({ registry }) => registry),
    world,
  );
  const base = registries.repository(settings.base);
  const cache = openFactsCache(join(world.cacheFolder, 'facts'), world.now);
  const proofs = await chooseSigner(settings.proofs, world.env);
  const destinations = await Promise.all(
    settings.targets.map(async (target): Promise<Destination> => {
      const repository = registries.repository(target);
      const existing = await readTags(
        repository,
        wanted.map(({ name }) => name),
      );
      return { repository, existing };
    }),
  );
  const isSettled = !session.dryRun && wanted.length > 0 && promotion?.preview.kind !== 'refused';
  const newTo = isSettled ? firstPushOf(destinations, models) : null;
  await using early = newTo === null ? null : openEarlyPush(newTo, base);
  const image = await buildImage({ session, options, settings, models, base, cache, early, world });
  const targets = destinations.map(({ repository, existing }): PublishTarget => {
    const tags = decideTags(wanted, existing, declaredTag(image.index), options.allowMove === true);
    return { repository, tags };
  });
  const plan: PublishPlan = {
    gates,
    forced,
    image,
    port: settings.port,
    targets,
    output: outputOf(options, targets, wanted, first.name),
    promotion: options.promote ?? null,
    proofs,
  };
  if (promotion?.preview.kind === 'refused') {
    const { conditions } = promotion.preview;
    const unmet = conditions.map(
      ({ name, met, detail }) => `  ${met ? 'met' : 'not met'}: ${name}, ${detail}`,
    );
    return refusal(
      plan,
      `Refused: the conditions to promote are not all met.\n${unmet.join('\n')}${stepsText(promotionSteps(promotion.request, conditions))}`,
      session.dryRun,
    );
  }
  if (targets.some(({ tags }) => tags.some(({ action }) => action === 'refuse'))) {
    return refusal(
      plan,
      `Refused: a tag would move that should not. Nothing was pushed.\n\n${planText(plan)}\n\n${MOVES}`,
      session.dryRun,
    );
  }
  if (session.dryRun) {
    return {
      document: { ...planDocument(plan), dryRun: true, complete: false },
      text: planText(plan),
      exitCode: 0,
    };
  }
  const result = await carryOut(plan, {
    session,
    base,
    early,
    promotion: promotion?.request ?? null,
    options,
    world,
  });
  const failedPromotion = result.promotion?.kind === 'refused';
  return {
    document: resultDocument(plan, result),
    text: resultText(plan, result),
    exitCode: isComplete(result) && result.failure === null ? (failedPromotion ? 1 : 0) : 3,
  };
}
