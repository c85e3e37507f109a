import { QuickServeError } from '../shared/errors.ts';
import type { BranchState } from './branch-state.ts';
import type { AppendPlan } from './branch-writer.ts';
import { type KnownModel, nothingKnown, readKnown } from './known-models.ts';
import { digestPath, versionPath } from './layout.ts';
import type { RecordContext } from './record-context.ts';
import type { RecordEntry, RecordOutcome } from './record-entry.ts';
import {
  blobFiles,
  formatFile,
  type IdentifiedEntry,
  jsonFile,
  measurementFile,
  modelFile,
  verdictFile,
  versionRecord,
} from './record-files.ts';
import type { DigestRecord } from './records.ts';
import { checkRegistry } from './registry-files.ts';
import type { RecordReader } from './schemas.ts';
import type { NewFile } from './tree-builder.ts';
import { decideVersion, isVersion, newestName, type VersionDecision } from './versions.ts';

function outcomeOf(entry: RecordEntry, decision: VersionDecision): RecordOutcome {
  const { model } = entry;
  switch (decision.kind) {
    case 'new':
      return {
        model,
        version: decision.version,
        new: true,
        previous: decision.previous?.version ?? null,
        reason: '',
      };
    case 'known':
      return {
        model,
        version: decision.version.version,
        new: false,
        previous: decision.version.previous,
        reason: `these bytes are version ${decision.version.version} already`,
      };
    case 'outdated':
      return {
        model,
        version: null,
        new: false,
        previous: decision.newest.version,
        reason: `version ${decision.newest.version} comes from a later commit`,
      };
  }
}

const CREATED = 'Create the registry';

function commitMessage(outcomes: readonly RecordOutcome[], context: RecordContext): string {
  const made = outcomes.filter(outcome => outcome.new).map(({ model, version }) => `${model} ${version}`);
  const subject = made.length === 0 ? 'Record measurements' : `Record ${made.slice(0, 3).join(', ')}`;
  const more = made.length > 3 ? ` and ${made.length - 3} more` : '';
  const run = context.runUrl === null ? '' : `\n\nRun: ${context.runUrl}`;
  return `${(subject + more).replaceAll(/[\r\n\0]+/g, ' ')}${run}`;
}

/**
 * The files that record the entries on the branch as it is: one commit for all. Called again on every retry.
 * @throws QuickServeError REGISTRY_MALFORMED, REGISTRY_FORMAT_UNKNOWN; nothing is changed then.
 */
export async function planRecords(
  state: BranchState,
  reader: RecordReader,
  entries: readonly IdentifiedEntry[],
  context: RecordContext,
): Promise<AppendPlan<readonly RecordOutcome[]>> {
  const { initialised, models } = await readKnown(state, reader, entries, context);
  const known = new Map(models);
  const files = new Map<string, NewFile>();
  const add = (file: NewFile): void => {
    files.set(file.path, file);
  };
  const outcomes: RecordOutcome[] = [];
  let independent = initialised;
  for (const identified of entries) {
    const { entry } = identified;
    const { sha256 } = entry.identity;
    const model = known.get(entry.model) ?? nothingKnown;
    const decision = await decide(entry, model);
    if (decision.kind === 'new') {
      independent = false;
      const record = versionRecord(entry, decision, context);
      add(jsonFile(versionPath(entry.model, decision.version), record));
      add(
        jsonFile(digestPath(entry.model, sha256), {
          sha256,
          version: decision.version,
        } satisfies DigestRecord),
      );
      if (record.bytes.kind === 'blob') blobFiles(entry).forEach(add);
      if (!model.exists) add(modelFile(entry.model, context));
      const isNewest = newestName([...model.versionNames, decision.version]) === decision.version;
      known.set(entry.model, {
        exists: true,
        versionNames: [...model.versionNames, decision.version],
        newest: isNewest ? record : model.newest,
        byDigest: new Map([...model.byDigest, [sha256, record]]),
      });
    }
    const outcome = outcomeOf(entry, decision);
    outcomes.push(outcome);
    for (const file of await measurementFile(state, identified, outcome.version, context)) add(file);
    for (const file of verdictFile(identified)) add(file);
  }
  if (files.size === 0) return { kind: 'nothing', result: outcomes };
  if (!initialised) add(formatFile(context));
  return {
    kind: 'add',
    files: [...files.values()],
    message: commitMessage(outcomes, context),
    result: outcomes,
    independent,
  };
}

async function decide(entry: RecordEntry, model: KnownModel): Promise<VersionDecision> {
  const known = model.byDigest.get(entry.identity.sha256) ?? null;
  const { version } = entry;
  if (version !== undefined && known === null) {
    if (!isVersion(version) || model.versionNames.includes(version)) {
      throw new QuickServeError({
        code: 'USAGE',
        message: isVersion(version)
          ? `${entry.model} has a version ${version} already, with other bytes.`
          : `"${version}" is not a semantic version.`,
        hint: 'Choose another number such as 2.1.0, or none: it follows from the newest version.',
      });
    }
    return { kind: 'new', version, previous: model.newest, bump: entry.bumpOf(model.newest) };
  }
  const relation =
    model.newest === null || entry.relationTo === undefined
      ? 'unknown'
      : await entry.relationTo(model.newest);
  return decideVersion({ newest: model.newest, known, relation, bumpOf: entry.bumpOf });
}

/** What makes an empty branch a registry; nothing where it is one. */
export async function planInit(
  state: BranchState,
  reader: RecordReader,
  context: RecordContext,
): Promise<AppendPlan<{ readonly created: boolean }>> {
  if (await checkRegistry(state, reader)) return { kind: 'nothing', result: { created: false } };
  return { kind: 'add', files: [formatFile(context)], message: CREATED, result: { created: true } };
}
