import type { BranchState } from './branch-state.ts';
import type { AppendPlan } from './branch-writer.ts';
import { measurementPath } from './layout.ts';
import type { RecordContext } from './record-context.ts';
import type { MeasurementEntry } from './record-entry.ts';
import { formatFile, inputFields, jsonFile } from './record-files.ts';
import type { MeasurementRecord } from './records.ts';
import type { NewFile } from './tree-builder.ts';

/** A measurement of bytes that are known, or of none in particular: it belongs to no run of a check. */
export interface MeasurementAddition extends MeasurementEntry {
  readonly model: string;
  readonly sha256: string | null;
  readonly version: string | null;
  readonly commit: string | null;
}

/** Measurement records under new ids, made once, so that a retry writes the same files. */
export function measurementRecords(
  additions: readonly MeasurementAddition[],
  context: RecordContext,
): readonly MeasurementRecord[] {
  return additions.map(addition => ({
    id: context.newId(null),
    model: addition.model,
    sha256: addition.sha256,
    version: addition.version,
    commit: addition.commit,
    createdAt: context.createdAt,
    fingerprint: addition.fingerprint,
    metrics: addition.metrics,
    samples: addition.samples ?? {},
    ...inputFields(addition),
    runUrl: context.runUrl,
  }));
}

export function measurementFiles(records: readonly MeasurementRecord[]): readonly NewFile[] {
  return records.map(record =>
    jsonFile(measurementPath(record.model, record.fingerprint.key, record.createdAt, record.id), record),
  );
}

/** The commit that adds the measurements. Nothing on the branch is looked at. */
export function planMeasurements(
  state: BranchState,
  records: readonly MeasurementRecord[],
  context: RecordContext,
): AppendPlan<null> {
  const files = measurementFiles(records);
  return {
    kind: 'add',
    files: state.tip === null ? [...files, formatFile(context)] : files,
    message: `Record ${files.length} ${files.length === 1 ? 'measurement' : 'measurements'}`,
    result: null,
  };
}
