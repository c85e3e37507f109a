import { QuickServeError } from '../shared/errors.ts';
import type { BranchState } from './branch-state.ts';
import type { AppendPlan } from './branch-writer.ts';
import { eventPath } from './layout.ts';
import { foldModel, type ModelState, type VersionState } from './lifecycle.ts';
import { type JudgedVerdict, judgePromotion, type PromotionRules } from './promotion.ts';
import type { RecordContext } from './record-context.ts';
import type { ConditionOutcome, EventContent, EventRecord, VerdictRecord, VersionStatus } from './records.ts';
import { checkRegistry, readLatestVerdict, readModelFiles } from './registry-files.ts';
import { type RecordReader, serialiseRecord } from './schemas.ts';
import type { NewFile } from './tree-builder.ts';

/** What is to happen to a model or a version. */
export interface EventRequest {
  readonly model: string;
  /** null: the model as a whole. */
  readonly version: string | null;
  readonly reason: string | null;
  readonly content:
    | Exclude<EventContent, { kind: 'status' } | { kind: 'purge' }>
    | {
        readonly kind: 'promotion';
        readonly status: VersionStatus;
        readonly rules: PromotionRules;
        /** Where it was decided by what is in production: that must still be so. Omit where it does not matter. */
        readonly expectProduction?: string | null;
      };
}

export type EventOutcome =
  | { readonly kind: 'written'; readonly event: EventRecord }
  /** It is so already. */
  | { readonly kind: 'unchanged'; readonly reason: string }
  /** A promotion whose conditions are not met. */
  | { readonly kind: 'refused'; readonly conditions: readonly ConditionOutcome[] };

/** What a plan may ask about a verdict that it read. */
export type JudgeVerdict = (verdict: VerdictRecord) => Promise<JudgedVerdict>;

const notFound = (model: string, version: string | null): QuickServeError =>
  new QuickServeError({
    code: 'VERSION_NOT_FOUND',
    message:
      version === null
        ? `The registry has no model "${model}".`
        : `The registry has no version ${version} of "${model}".`,
    hint: '`quickserveml registry list` shows the models, `registry versions <model>` its versions.',
  });

function refuseDeleted(model: string, state: VersionState): void {
  if (state.deleted === null) return;
  throw new QuickServeError({
    code: 'VERSION_DELETED',
    message: `${model} ${state.version.version} was deleted by ${state.deleted.by.name} on ${state.deleted.at.slice(0, 10)}.`,
    hint: 'Choose another version, or record the model again with other bytes.',
  });
}

function nothingToDo(request: EventRequest, model: ModelState, state: VersionState | null): string | null {
  const { content } = request;
  if (content.kind === 'tombstone') {
    const deleted = state === null ? model.deleted : state.deleted;
    return deleted === null ? null : `it was deleted by ${deleted.by.name} on ${deleted.at.slice(0, 10)}`;
  }
  if (content.kind === 'promotion' && state !== null && state.status === content.status) {
    return `it is ${content.status} already`;
  }
  return null;
}

async function promote(
  request: EventRequest & { readonly content: { readonly kind: 'promotion' } },
  model: ModelState,
  version: VersionState,
  latestVerdict: () => Promise<JudgedVerdict | null>,
): Promise<readonly ConditionOutcome[]> {
  const { rules, status, expectProduction } = request.content as Extract<
    EventRequest['content'],
    { kind: 'promotion' }
  >;
  const inProduction = model.production?.version.version ?? null;
  if (expectProduction !== undefined && inProduction !== expectProduction) {
    throw new QuickServeError({
      code: 'REGISTRY_CONFLICT',
      message: `Somebody else changed what is in production meanwhile: it is ${inProduction ?? 'nothing'} now, and was ${expectProduction ?? 'nothing'}.`,
      hint: 'Look at `quickserveml registry history` and decide again.',
    });
  }
  const verdict = rules.verdict || rules.cases || rules.signature ? await latestVerdict() : null;
  return judgePromotion(rules, { model, version, status, verdict });
}

/**
 * The file of one event on the branch as it is, and what it means. Called again on every retry, with a new id behind the
 * newest event, so that the order of events is the order of commits.
 * @throws QuickServeError VERSION_NOT_FOUND, VERSION_DELETED, REGISTRY_CONFLICT, REGISTRY_NOT_INITIALISED, REGISTRY_MALFORMED.
 */
export async function planEvent(
  state: BranchState,
  reader: RecordReader,
  request: EventRequest,
  context: RecordContext,
  judge: JudgeVerdict,
): Promise<AppendPlan<EventOutcome>> {
  if (!(await checkRegistry(state, reader))) {
    throw new QuickServeError({
      code: 'REGISTRY_NOT_INITIALISED',
      message: 'The remote has no registry branch.',
      hint: '`quickserveml registry init` creates it; so does the first recorded check.',
    });
  }
  const { model: name, version, content } = request;
  const needsAll = content.kind === 'promotion' && content.expectProduction !== undefined;
  const files = await readModelFiles(state, reader, name, needsAll || version === null ? 'all' : [version]);
  if (files.model === null) throw notFound(name, null);
  const model = foldModel(files.model);
  const found = version === null ? null : model.versions.find(one => one.version.version === version);
  if (found === undefined) throw notFound(name, version);
  if (found !== null && content.kind !== 'tombstone') refuseDeleted(name, found);
  const unchanged = nothingToDo(request, model, found);
  if (unchanged !== null) return { kind: 'nothing', result: { kind: 'unchanged', reason: unchanged } };
  const facts = {
    id: context.newId(files.newestEventId),
    model: name,
    version,
    createdAt: context.createdAt,
    author: context.author,
    runUrl: context.runUrl,
    reason: request.reason,
  };
  if (content.kind !== 'promotion') return planned({ ...facts, ...content });
  if (found === null) throw notFound(name, version);
  const conditions = await promote({ ...request, content }, model, found, async () => {
    const verdict = await readLatestVerdict(state, reader, name, found.version.sha256);
    return verdict === null ? null : judge(verdict);
  });
  if (conditions.some(({ met }) => !met)) return { kind: 'nothing', result: { kind: 'refused', conditions } };
  return planned({ ...facts, kind: 'status', status: content.status, conditions });
}

/** What a commit that holds the event says. */
function subjectOf(event: EventRecord): string {
  const what = event.version === null ? event.model : `${event.model} ${event.version}`;
  switch (event.kind) {
    case 'status':
      return `Set ${what} to ${event.status}`;
    case 'approval':
      return `Approve ${what} for ${event.status}`;
    case 'tombstone':
      return `Delete ${what}`;
    case 'deployment':
      return `Publish ${what}${event.forced ? ', forced' : ''}`;
    case 'health':
      return event.state === 'degraded' ? `Note that ${what} got worse` : `Note that ${what} is well`;
    default:
      return `Update ${what}`;
  }
}

function planned(event: EventRecord): AppendPlan<EventOutcome> {
  const file: NewFile = {
    path: eventPath(event.model, event.id),
    content: { kind: 'bytes', bytes: serialiseRecord(event) },
  };
  const why = event.reason === null ? '' : `\n\n${event.reason}`;
  const run = event.runUrl === null ? '' : `\n\nRun: ${event.runUrl}`;
  return {
    kind: 'add',
    files: [file],
    message: `${subjectOf(event).replaceAll(/[\r\n\0]+/g, ' ')}${why.replaceAll('\0', ' ')}${run}`,
    result: { kind: 'written', event },
  };
}
