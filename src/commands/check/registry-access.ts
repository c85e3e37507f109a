import type { Fingerprint } from '../../benchmark/measurement.ts';
import type { CiContext } from '../../platforms/context.ts';
import { countClosed } from '../../registry/month-packing.ts';
import type { VersionRecord } from '../../registry/records.ts';
import type { Registry } from '../../registry/registry.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import { worstGate } from '../../regression/gate.ts';
import type { Gate } from '../../regression/verdict.ts';
import type { ModelReport, Report } from '../../report/report.ts';
import { firstLineOf, QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import { looseMonthsFinding } from '../registry/texts.ts';
import type { Surroundings } from '../surroundings.ts';
import { type ChangeSet, isChanged } from './change-set.ts';
import type { CheckedModel } from './checked-model.ts';
import { historyLimit } from './history.ts';
import {
  openCheckRegistry,
  type RecordIntent,
  reasonNotToRecord,
  recordEntries,
  registryRemote,
} from './recording.ts';

/** The registry as it was before this check. */
export interface RegistryView {
  /** null: it was not needed, or could not be opened. */
  readonly registry: Registry | null;
  readonly state: RegistryState | null;
  readonly findings: readonly Finding[];
  /** Why it could not be read, where it has to be written. */
  readonly error: QuickServeError | null;
}

const UNREAD: RegistryView = { registry: null, state: null, findings: [], error: null };

/** Versions and measurements so far: needed to record, and to say what the next version would be. */
export async function readRegistry(
  context: CiContext,
  changes: ChangeSet,
  intent: RecordIntent,
  world: Surroundings,
): Promise<RegistryView> {
  const remote = registryRemote(changes.config, changes.repository);
  const isWanted = intent.kind === 'record' || changes.models.some(isChanged);
  if (remote === null || !isWanted) return UNREAD;
  try {
    const registry = await openCheckRegistry(changes.config, context, changes.repository, remote, world);
    const models = changes.models.map(({ change }) => change.name);
    const state = await registry.read({ models, measurementLimit: historyLimit(models.length) });
    return { registry, state, findings: [], error: null };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    if (intent.kind === 'record') return { ...UNREAD, error: thrown };
    const finding: Finding = {
      code: thrown.code,
      severity: 'info',
      message: `The registry could not be read, so the next version is not known: ${thrown.message}`,
      hint: thrown.hint,
    };
    return { ...UNREAD, findings: [finding] };
  }
}

/** Writes the bytes of a recorded version into a folder, or null where the registry does not hold them itself. */
export async function recordedBytes(
  registry: Registry | null,
  versions: readonly VersionRecord[],
  sha256: string,
  folder: string,
): Promise<string | null> {
  const version = versions.find(({ parts }) => parts.length === 1 && parts[0]?.sha256 === sha256);
  if (registry === null || version === undefined) return null;
  try {
    return await registry.readBytes(version, folder);
  } catch (thrown) {
    // Taken away by `compact --rewrite`: they are looked for elsewhere, as if the registry had never held them.
    if (thrown instanceof QuickServeError && thrown.code === 'VERSION_BYTES_GONE') return null;
    throw thrown;
  }
}

/** What recording came to, for the report. */
export interface RecordedPart {
  readonly summary: Report['registry'];
  readonly findings: readonly Finding[];
  readonly error: QuickServeError | null;
}

/** The gate of a check with what recording came to: a demanded record that could not be made leaves no verdict. */
export const recordedGate = (gate: Gate, { error }: RecordedPart): Gate =>
  error === null ? gate : worstGate([gate, 'no-verdict']);

/** Records what was checked, where that is due and the verdict allows it. What fails is in the result. */
export async function recordChecked(input: {
  readonly world: Surroundings;
  readonly changes: ChangeSet;
  readonly checked: readonly CheckedModel[];
  readonly gate: Gate;
  /** The machine on which a model was measured. */
  readonly environmentOf: (model: ModelReport) => Fingerprint | null;
  readonly intent: RecordIntent;
  readonly view: RegistryView;
}): Promise<RecordedPart> {
  const { world, changes, intent, view } = input;
  const { branch } = changes.config.registry;
  const nothing = (reason: string): RecordedPart => ({
    summary: { branch, recording: 'skipped', reason, entries: [] },
    findings: [],
    error: null,
  });
  if (intent.kind === 'skip') return nothing(intent.reason);
  const against = reasonNotToRecord(input.gate);
  if (against !== null) return nothing(against);
  try {
    if (view.error !== null) throw view.error;
    const { registry } = view;
    if (registry === null) return nothing('there is no registry');
    world.progress.step(`recording on ${branch}`);
    const recorded = await recordEntries(input.checked, changes, input.environmentOf);
    const outcomes = await registry.record(recorded);
    const loose = looseMonthsFinding(countClosed(view.state?.looseMonths ?? [], world.now()));
    const entries = outcomes.flatMap(({ model, version, new: isNew }) =>
      version === null ? [] : [{ model, version, new: isNew }],
    );
    return {
      summary: { branch, recording: 'recorded', reason: '', entries },
      findings: loose === null ? [] : [loose],
      error: null,
    };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return {
      summary: { branch, recording: 'failed', reason: firstLineOf(thrown.message), entries: [] },
      findings: [
        {
          code: thrown.code,
          severity: 'error',
          message: `Not recorded: ${thrown.message}`,
          hint: thrown.hint,
        },
      ],
      error: thrown,
    };
  }
}
