import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { backUpRegistry, restoreRegistry } from '../../registry/backup.ts';
import { compactRegistry } from '../../registry/compaction.ts';
import { parseBenchmarkData } from '../../registry/import-benchmark-data.ts';
import { readSqlite } from '../../registry/import-sqlite.ts';
import { importRecords } from '../../registry/imported-records.ts';
import { verifyRegistry } from '../../registry/verification.ts';
import { formatCount } from '../../report/format-values.ts';
import { fileReason, QuickServeError } from '../../shared/errors.ts';
import { terminalSafe } from '../../shared/terminal-text.ts';
import type { CommandResult } from '../command-result.ts';
import type { Surroundings } from '../surroundings.ts';
import { openSession, type RegistryCommandOptions } from './session.ts';
import { compactionHint, metricText, table } from './texts.ts';

/** `registry init`. */
export async function initRegistry(
  options: RegistryCommandOptions,
  world: Surroundings,
): Promise<CommandResult> {
  const { registry, dryRun } = await openSession(options, world);
  const { branch } = registry;
  if (dryRun) {
    const isThere = (await registry.read({ models: [] })).tip !== null;
    return {
      document: { branch, plan: isThere ? 'nothing' : 'create' },
      text: isThere ? `${branch} is there already.` : `Would create ${branch}.`,
      exitCode: 0,
    };
  }
  const { created } = await registry.init();
  return {
    document: { branch, created },
    text: created ? `Created ${branch}.` : `${branch} is there already.`,
    exitCode: 0,
  };
}

/** `registry verify`: walks everything; exit code 1 where something is wrong. */
export async function verifyAll(
  options: RegistryCommandOptions & { readonly bytes: boolean },
  world: Surroundings,
): Promise<CommandResult> {
  const { registry } = await openSession(options, world);
  const outcome = await verifyRegistry(registry.access, { bytes: options.bytes });
  const errors = outcome.defects.filter(({ severity }) => severity === 'error').length;
  const counted = `${formatCount(outcome.models, 'model')}, ${formatCount(outcome.versions, 'version')}, ${formatCount(outcome.records, 'record')}, ${formatCount(outcome.files, 'file')}, sha256 of ${formatCount(outcome.blobs, 'file')} of bytes checked`;
  const rows = outcome.defects.map(({ severity, kind, path, message }) => [severity, kind, path, message]);
  return {
    document: outcome,
    text: `${
      rows.length === 0
        ? `Nothing is wrong: ${counted}.`
        : `${table(['', 'kind', 'where', 'what'], rows, 'llll')}\n\n${formatCount(errors, 'error')}, ${formatCount(rows.length - errors, 'warning')} in ${counted}.`
    }${compactionHint(outcome.looseMonths)}`,
    exitCode: errors === 0 ? 0 : 1,
  };
}

/** `registry compact`. */
export async function compact(
  options: RegistryCommandOptions & { readonly rewrite?: boolean },
  world: Surroundings,
): Promise<CommandResult> {
  const { registry, dryRun } = await openSession(options, world);
  if (!dryRun) await registry.access.mergeInbox();
  const outcome = await compactRegistry(registry.access, { rewrite: options.rewrite === true, dryRun });
  const { filesBefore, filesAfter, packedMonths, packedVerdicts, purged, replacedCommits } = outcome;
  const rewritten =
    options.rewrite === true
      ? `, ${formatCount(replacedCommits, 'commit')} replaced by one, the bytes of ${formatCount(purged.length, 'deleted file')} taken away`
      : '';
  const isIdle = packedMonths + packedVerdicts === 0 && options.rewrite !== true;
  return {
    document: { dryRun, ...outcome },
    text: isIdle
      ? `Nothing to pack: no month that ended more than three days ago has loose files (${formatCount(filesBefore, 'file')}).`
      : `${dryRun ? 'Would pack' : 'Packed'} ${formatCount(packedMonths, 'month')} and ${formatCount(packedVerdicts, 'verdict')}: ${formatCount(filesBefore, 'file')} become ${filesAfter}${rewritten}.`,
    exitCode: 0,
  };
}

/** `registry backup FOLDER`. */
export async function backup(
  options: RegistryCommandOptions & { readonly folder: string },
  world: Surroundings,
): Promise<CommandResult> {
  const { registry, dryRun } = await openSession(options, world);
  const folder = resolve(options.cwd, options.folder);
  if (dryRun) {
    return {
      document: { folder, dryRun },
      text: `Would write registry.bundle and manifest.json to ${folder}.`,
      exitCode: 0,
    };
  }
  const manifest = await backUpRegistry(registry.access, folder);
  const { files, ...rest } = manifest;
  const count = Object.keys(files).length;
  return {
    document: { folder, ...rest, files: count },
    text: `Wrote ${metricText('size', manifest.bundle.sizeBytes)} to ${folder}: ${formatCount(count, 'file')} of ${manifest.branch} at ${manifest.tip.slice(0, 12)}, with its history.`,
    exitCode: 0,
  };
}

/** `registry restore FOLDER`: proves the backup before it replaces anything. */
export async function restore(
  options: RegistryCommandOptions & { readonly folder: string; readonly force?: boolean },
  world: Surroundings,
): Promise<CommandResult> {
  const { registry, dryRun } = await openSession(options, world);
  const folder = resolve(options.cwd, options.folder);
  const outcome = await restoreRegistry(registry.access, folder, { force: options.force === true, dryRun });
  const { verified, ...rest } = outcome;
  const { branch, tip, replaced, written } = outcome;
  const from = replaced === null ? '' : `from ${replaced.slice(0, 12)} `;
  const done =
    replaced === tip
      ? `Nothing to do: ${branch} is at ${tip.slice(0, 12)} already.`
      : `${written ? 'Set' : 'Would set'} ${branch} ${from}to ${tip.slice(0, 12)}.`;
  return {
    document: { ...rest, dryRun, defects: verified.defects, files: verified.files },
    text: `The backup is whole (${formatCount(verified.files, 'file')}, ${formatCount(verified.defects.length, 'defect')} known to verify). ${done}`,
    exitCode: 0,
  };
}

/** `registry import FILE`: data.js of github-action-benchmark, or the SQLite file of the Python QuickServeML. */
export async function importFile(
  options: RegistryCommandOptions & { readonly file: string; readonly as?: string },
  world: Surroundings,
): Promise<CommandResult> {
  const session = await openSession(options, world);
  const { registry, dryRun } = session;
  const { access } = registry;
  const path = resolve(options.cwd, options.file);
  const content = await readFile(path).catch((error: unknown) => {
    throw new QuickServeError({
      code: 'FILE_UNREADABLE',
      message: `${options.file} cannot be read: ${fileReason(error)}`,
      hint: 'Give the path of data.js or of the SQLite file.',
      cause: error,
    });
  });
  const nameOf = (name: string): string => access.qualify(options.as ?? name);
  const isSqlite = content.subarray(0, 15).toString('latin1') === 'SQLite format 3';
  const { createdAt, author } = access.context();
  const records = isSqlite
    ? await readSqlite(path, { createdAt, author, nameOf: name => access.qualify(name) })
    : parseBenchmarkData(options.file, content.toString('utf8'), nameOf);
  const source = isSqlite ? 'the Python QuickServeML' : 'github-action-benchmark';
  const outcome = await importRecords(access, records, { source, dryRun });
  const skipped = outcome.skipped.map(line => `\n- left out: ${terminalSafe(line)}`).join('');
  return {
    document: { source, dryRun, ...outcome },
    text: `${dryRun ? 'Would import' : 'Imported'} ${formatCount(outcome.versions, 'version')} and ${formatCount(outcome.measurements, 'measurement')} from ${source}; ${formatCount(outcome.known, 'file')} known already.${skipped}`,
    exitCode: 0,
  };
}
