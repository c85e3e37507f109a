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

/**
 * Decides what a model with these bytes becomes, given all its versions. Pure: computed again on every retry.
 * @param bumpOf how the contract changes against the newest version.
 */
export function decideVersion(question: {
  readonly versions: readonly VersionRecord[];
  readonly sha256: string;
  readonly relation: SourceRelation;
  readonly bumpOf: (previous: VersionRecord | null) => Bump;
}): VersionDecision {
  const { versions, sha256, relation, bumpOf } = question;
  const newest = newestVersion(versions);
  if (newest === null) return { kind: 'new', version: FIRST_VERSION, previous: null, bump: bumpOf(null) };
  const known = sortVersions(versions).findLast(version => version.sha256 === sha256);
  if (known !== undefined) return { kind: 'known', version: known };
  if (relation === 'older') return { kind: 'outdated', newest };
  const bump = bumpOf(newest);
  return { kind: 'new', version: nextVersion(newest.version, bump), previous: newest, bump };
}
