import type { VersionState } from './lifecycle.ts';
import type { RegisteredModel } from './model-sources.ts';
import { metricsOf } from './version-filter.ts';

/** A line of the table that compares two versions. */
export interface ComparedField {
  readonly field: string;
  readonly one: string | number | null;
  readonly other: string | number | null;
  readonly same: boolean;
  /** Relative change of a number, other against one; null where there is none. */
  readonly change: number | null;
}

export interface ComparedVersion {
  readonly model: RegisteredModel;
  readonly state: VersionState;
}

const signature = (
  values: readonly { readonly name: string; readonly dtype: string; readonly shape: unknown }[],
) => values.map(({ name, dtype, shape }) => `${name}: ${dtype}${JSON.stringify(shape)}`).join(', ');

function compared(field: string, one: string | number | null, other: string | number | null): ComparedField {
  const change =
    typeof one === 'number' && typeof other === 'number' && one !== 0 ? (other - one) / Math.abs(one) : null;
  return { field, one, other, same: one === other, change };
}

/** What two versions have in common and where they differ: facts of the record, then every number that one of them has. */
export function compareVersions(one: ComparedVersion, other: ComparedVersion): readonly ComparedField[] {
  const facts = ({ state }: ComparedVersion): Readonly<Record<string, string | null>> => ({
    version: state.version.version,
    status: state.status,
    sha256: state.version.sha256,
    inputs: signature(state.version.interface.inputs),
    outputs: signature(state.version.interface.outputs),
    opsets: JSON.stringify(state.version.interface.opsets),
    tags: [...state.tags].sort().join(', '),
    author: state.version.author.name,
    recorded: state.version.createdAt,
    commit: state.version.source.commit,
  });
  const [left, right] = [facts(one), facts(other)];
  const rows = Object.keys(left).map(field => compared(field, left[field] ?? null, right[field] ?? null));
  const [before, after] = [metricsOf(one.model, one.state), metricsOf(other.model, other.state)];
  const metrics = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return [...rows, ...metrics.map(metric => compared(metric, before[metric] ?? null, after[metric] ?? null))];
}
