import { compare, inc, valid } from 'semver';
import type { Bump } from '../contract/comparison.ts';
import type { VersionRecord } from './records.ts';

export const FIRST_VERSION = '1.0.0';

/** How the commit that brings a model lies to the commit of the newest version. */
export type SourceRelation = 'newer' | 'older' | 'unknown';

/** What recording a model means for its versions. */
export type VersionDecision =
  | {
      readonly kind: 'new';
      readonly version: string;
      readonly previous: VersionRecord | null;
      readonly bump: Bump;
    }
  /** These bytes are a version already. */
  | { readonly kind: 'known'; readonly version: VersionRecord }
  /** A late job: something newer has been recorded since. Only its measurement counts. */
  | { readonly kind: 'outdated'; readonly newest: VersionRecord };

export function isVersion(text: string): boolean {
  return valid(text) === text;
}

/** Ascending by semantic version. */
export function sortVersions(versions: readonly VersionRecord[]): readonly VersionRecord[] {
  return versions.toSorted((a, b) => compare(a.version, b.version));
}

export function newestVersion(versions: readonly VersionRecord[]): VersionRecord | null {
  return sortVersions(versions).at(-1) ?? null;
}

/** The version after `previous`; a pre-release counts as its release. `none` still makes a patch: the bytes differ. */
export function nextVersion(previous: string, bump: Bump): string {
  return inc(previous, bump === 'none' ? 'patch' : bump) ?? FIRST_VERSION;
}

/** The greatest of these names by semantic version; what is none is left out. */
export function newestName(names: readonly string[]): string | null {
  return names.filter(isVersion).sort(compare).at(-1) ?? null;
}

/**
 * Decides what a model with these bytes becomes. Pure: computed again on every retry.
 * @param newest the newest version, deleted ones included: a number is never given twice.
 * @param known the version that has these bytes.
 * @param bumpOf how the contract changes against the newest version.
 */
export function decideVersion(question: {
  readonly newest: VersionRecord | null;
  readonly known: VersionRecord | null;
  readonly relation: SourceRelation;
  readonly bumpOf: (previous: VersionRecord | null) => Bump;
}): VersionDecision {
  const { newest, known, relation, bumpOf } = question;
  if (known !== null) return { kind: 'known', version: known };
  if (newest === null) return { kind: 'new', version: FIRST_VERSION, previous: null, bump: bumpOf(null) };
  if (relation === 'older') return { kind: 'outdated', newest };
  const bump = bumpOf(newest);
  return { kind: 'new', version: nextVersion(newest.version, bump), previous: newest, bump };
}
