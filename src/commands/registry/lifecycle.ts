import { CHANNELS } from '../../container/image/tags.ts';
import type { EventOutcome, EventRequest } from '../../registry/event-plan.ts';
import type { ModelState } from '../../registry/lifecycle.ts';
import { noRules, type PromotionRules } from '../../registry/promotion.ts';
import type { EventContent, VersionStatus } from '../../registry/records.ts';
import { parseSelector, selectModel, selectVersion } from '../../registry/selector.ts';
import { parseStatus } from '../../registry/version-filter.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { terminalSafe } from '../../shared/terminal-text.ts';
import type { CommandResult } from '../command-result.ts';
import type { Surroundings } from '../surroundings.ts';
import { promotionSteps, stepsText } from './next-steps.ts';
import { openSession, type RegistryCommandOptions, type RegistrySession, readExisting } from './session.ts';
import { table } from './texts.ts';

interface LifecycleOptions extends RegistryCommandOptions {
  readonly selector: string;
  readonly reason?: string;
}

const PAST: Readonly<Record<string, string>> = {
  approve: 'Approved',
  delete: 'Deleted',
  set: 'Set',
  update: 'Updated',
};

/** `update digits 1.0.0` as what was done: `Updated digits 1.0.0`. */
function inPast(what: string): string {
  const verb = /^\w+/.exec(what)?.[0] ?? '';
  return `${PAST[verb] ?? `Done: ${verb}`}${what.slice(verb.length)}`;
}

/** What an event is about, and the sentence that it makes. */
function answer(
  session: RegistrySession,
  request: EventRequest,
  what: string,
  outcome: EventOutcome,
): CommandResult & { readonly document: object } {
  const document = { model: request.model, version: request.version, dryRun: session.dryRun, ...outcome };
  switch (outcome.kind) {
    case 'written':
      return {
        document,
        text: terminalSafe(session.dryRun ? `Would ${what}.` : `${inPast(what)}.`),
        exitCode: 0,
      };
    case 'unchanged':
      return { document, text: terminalSafe(`Nothing to do: ${outcome.reason}.`), exitCode: 0 };
    case 'refused': {
      const rows = outcome.conditions.map(({ name, met, detail }) => [met ? 'met' : 'not met', name, detail]);
      return {
        document,
        text: `Refused: the conditions to ${what} are not all met.\n\n${table(['', 'condition', 'how it stands'], rows, 'lll')}${stepsText(promotionSteps(request, outcome.conditions))}`,
        exitCode: 1,
      };
    }
  }
}

async function resolved(session: RegistrySession, selector: string) {
  const { model, version } = parseSelector(selector);
  const registry = await readExisting(session, { models: [model], measurementLimit: 0 });
  const selected = selectModel(registry, model);
  return { model, wanted: version, selected };
}

export interface UpdateOptions extends LifecycleOptions {
  readonly description?: string;
  readonly tag: readonly string[];
  readonly untag: readonly string[];
  readonly owner: readonly string[];
  readonly metric: readonly string[];
  readonly note?: string;
}

function parseMetrics(pairs: readonly string[]): Readonly<Record<string, number | null>> {
  return Object.fromEntries(
    pairs.map(pair => {
      const at = pair.indexOf('=');
      const text = pair.slice(at + 1).trim();
      const value = text === '' ? null : Number(text);
      if (at < 1 || (value !== null && !Number.isFinite(value))) {
        throw new QuickServeError({
          code: 'USAGE',
          message: `"${pair}" is not a metric with a number.`,
          hint: 'Write --metric accuracy=0.93, or --metric accuracy= to take it away.',
        });
      }
      return [pair.slice(0, at).trim(), value];
    }),
  );
}

/** `registry update NAME[@VERSION]`: description, tags, owners, metrics, notes. Without a version the model as a whole. */
export async function updateVersion(options: UpdateOptions, world: Surroundings): Promise<CommandResult> {
  const metrics = parseMetrics(options.metric);
  const content: Extract<EventContent, { kind: 'update' }> = {
    kind: 'update',
    ...(options.description === undefined ? {} : { description: options.description }),
    ...(options.tag.length === 0 ? {} : { addTags: options.tag }),
    ...(options.untag.length === 0 ? {} : { removeTags: options.untag }),
    ...(options.owner.length === 0 ? {} : { owners: options.owner }),
    ...(Object.keys(metrics).length === 0 ? {} : { metrics }),
    ...(options.note === undefined ? {} : { note: options.note }),
  };
  if (Object.keys(content).length === 1) {
    throw new QuickServeError({
      code: 'USAGE',
      message: 'Nothing to update was named.',
      hint: 'Give --description, --tag, --untag, --owner, --metric or --note.',
    });
  }
  const session = await openSession(options, world);
  const { model, wanted, selected } = await resolved(session, options.selector);
  const version = wanted === null ? null : selectVersion(selected, wanted).version.version;
  if (version === null && (content.metrics !== undefined || content.note !== undefined)) {
    throw new QuickServeError({
      code: 'USAGE',
      message: 'Metrics and notes belong to a version, and none was named.',
      hint: `Write ${model}@latest, or ${model}@<version>.`,
    });
  }
  const request: EventRequest = { model, version, reason: options.reason ?? null, content };
  const outcome = await session.registry.addEvent(request, session.dryRun);
  return answer(session, request, `update ${model}${version === null ? '' : ` ${version}`}`, outcome);
}

export interface PromoteOptions extends LifecycleOptions {
  readonly to?: string;
  readonly approve?: boolean;
  readonly rollback?: boolean;
}

export function promotionRules(session: RegistrySession, status: VersionStatus): PromotionRules {
  const rules = session.config.registry.promotion[status];
  return rules === undefined ? noRules : { ...rules, from: rules.from.map(parseStatus) };
}

/** Images whose tag of that name stands for another version than the one that has the status now, as publishes recorded it. */
function imagesLeftBehind(
  state: ModelState,
  status: string,
  version: string,
): readonly { readonly name: string; readonly version: string }[] {
  if (!CHANNELS.includes(status)) return [];
  const holders = new Map<string, string>();
  for (const event of state.events) {
    if (event.kind !== 'deployment' || event.version === null) continue;
    for (const { name, tags } of event.images) if (tags.includes(status)) holders.set(name, event.version);
  }
  return [...holders].flatMap(([name, holder]) => (holder === version ? [] : [{ name, version: holder }]));
}

/** The answer to a promotion, with what it leaves to be done: images follow by a publish only. */
function answerPromotion(
  session: RegistrySession,
  request: EventRequest,
  what: string,
  outcome: EventOutcome,
  state: ModelState,
): CommandResult {
  const result = answer(session, request, what, outcome);
  if (session.dryRun || outcome.kind !== 'written' || request.content.kind !== 'promotion') return result;
  const { status } = request.content;
  const behind = imagesLeftBehind(state, status, request.version ?? '');
  const lines = behind.flatMap(({ name, version }) => [
    `${name}:${status} is still ${version}. To move it:`,
    `  quickserveml publish ${request.model}@${request.version} --image ${name}`,
  ]);
  return {
    ...result,
    document: { ...result.document, imagesLeftBehind: behind },
    text: [result.text, ...lines.map(terminalSafe)].join('\n'),
  };
}

/** `registry promote NAME[@VERSION] --to STATUS`, `--approve`, `--rollback`. */
export async function promoteVersion(options: PromoteOptions, world: Surroundings): Promise<CommandResult> {
  const session = await openSession(options, world);
  const { model, wanted, selected } = await resolved(session, options.selector);
  const inProduction = selected.state.production?.version.version ?? null;
  if (options.rollback === true) {
    const earlier = selected.state.productionHistory.findLast(
      span =>
        span.version !== inProduction &&
        selected.state.versions.some(
          state => state.version.version === span.version && state.deleted === null,
        ),
    );
    if (earlier === undefined) {
      throw new QuickServeError({
        code: 'VERSION_NOT_FOUND',
        message: `No other version of "${model}" has been in production, so there is nothing to go back to.`,
        hint: '`quickserveml registry history` shows what was; promote a version by name.',
      });
    }
    const request: EventRequest = {
      model,
      version: earlier.version,
      reason: options.reason ?? `rollback from ${inProduction ?? 'nothing'}`,
      // It was let through before; going back is not to wait for people or conditions.
      content: { kind: 'promotion', status: 'production', rules: noRules, expectProduction: inProduction },
    };
    const outcome = await session.registry.addEvent(request, session.dryRun);
    const what = `set ${model} back from ${inProduction ?? 'nothing'} to ${earlier.version}`;
    return answerPromotion(session, request, what, outcome, selected.state);
  }
  const status = parseStatus(options.to ?? 'production');
  const version = selectVersion(selected, wanted).version.version;
  const request: EventRequest = {
    model,
    version,
    reason: options.reason ?? null,
    content:
      options.approve === true
        ? { kind: 'approval', status }
        : { kind: 'promotion', status, rules: promotionRules(session, status) },
  };
  const outcome = await session.registry.addEvent(request, session.dryRun);
  const what =
    options.approve === true
      ? `approve ${model} ${version} for ${status}`
      : `set ${model} ${version} to ${status}`;
  return answerPromotion(session, request, what, outcome, selected.state);
}

/** `registry delete NAME[@VERSION]`: a tombstone; without a version for the whole model. */
export async function deleteVersion(options: LifecycleOptions, world: Surroundings): Promise<CommandResult> {
  const session = await openSession(options, world);
  const { model, wanted, selected } = await resolved(session, options.selector);
  const version = wanted === null ? null : selectVersion(selected, wanted).version.version;
  const inProduction = selected.state.production?.version.version;
  if (inProduction !== undefined && (version === null || version === inProduction)) {
    throw new QuickServeError({
      code: 'USAGE',
      message: `${model} ${inProduction} is in production.`,
      hint: `Promote another version first, or take it out: quickserveml registry promote ${model}@${inProduction} --to archived`,
    });
  }
  const request: EventRequest = {
    model,
    version,
    reason: options.reason ?? null,
    content: { kind: 'tombstone' },
  };
  const outcome = await session.registry.addEvent(request, session.dryRun);
  return answer(session, request, `delete ${model}${version === null ? '' : ` ${version}`}`, outcome);
}
