import { blobPath, digestPath, modelPath, type Place, versionPath } from './layout.ts';
import type { ModelSource } from './model-sources.ts';
import type { VerdictRecord, VersionRecord } from './records.ts';
import { isVersion } from './versions.ts';

/** One thing that is wrong, where, and what can be done. */
export interface Defect {
  readonly kind:
    | 'malformed'
    | 'unknown-format'
    | 'misplaced'
    | 'missing'
    | 'wrong-bytes'
    | 'duplicate'
    | 'orphan'
    | 'unreadable'
    | 'inbox'
    | 'signature';
  /** `error`: readers or writers stop here. `warning`: nothing is lost or wrong by it. */
  readonly severity: 'error' | 'warning';
  readonly path: string;
  readonly message: string;
}

export const RESTORE = 'Restore it from the history: git log -- <file> on the branch shows who changed it.';

/** Everything that was read, by what it is. */
export interface Inventory {
  readonly places: ReadonlyMap<string, Place>;
  readonly ids: ReadonlyMap<string, string>;
  readonly sources: Map<string, ModelSource>;
  readonly digests: Map<string, { readonly path: string; readonly version: string }>;
  readonly verdicts: Map<string, readonly VerdictRecord[]>;
  readonly defects: Defect[];
}

export const error = (kind: Defect['kind'], path: string, message: string): Defect => ({
  kind,
  severity: 'error',
  path,
  message,
});
export const warning = (kind: Defect['kind'], path: string, message: string): Defect => ({
  kind,
  severity: 'warning',
  path,
  message,
});

/** A version's digest marker, bytes and predecessor must be there and agree. */
function checkVersion(inventory: Inventory, path: string, version: VersionRecord, withBytes: boolean): void {
  const { defects, digests, places } = inventory;
  const name = `${version.model} ${version.version}`;
  const marker = digests.get(`${version.model}\n${version.sha256}`);
  if (marker === undefined) {
    defects.push(
      error(
        'missing',
        digestPath(version.model, version.sha256),
        `is missing: it says that these bytes are ${name}. Without it they would become another version.`,
      ),
    );
  } else if (marker.version !== version.version) {
    defects.push(
      error(
        'duplicate',
        marker.path,
        `says that these bytes are version ${marker.version}, and ${path} has the same ones.`,
      ),
    );
  }
  if (version.previous !== null && !places.has(versionPath(version.model, version.previous))) {
    defects.push(
      warning('missing', versionPath(version.model, version.previous), `is missing; ${name} follows it.`),
    );
  }
  if (version.bytes.kind !== 'blob' || !withBytes) return;
  for (const part of version.parts) {
    if (places.has(blobPath(part.sha256))) continue;
    defects.push(
      error(
        'missing',
        blobPath(part.sha256),
        `is missing; it is ${part.path} of ${name}. A backup may have it.`,
      ),
    );
  }
}

/** Every id once, unless a compacted month and a late file say the same. */
export function checkDuplicates(inventory: Inventory): void {
  const seen = new Map<string, { readonly path: string; readonly text: string }>();
  const lists = [...inventory.sources].flatMap(([path, source]) =>
    source.kind === 'events' || source.kind === 'measurements' ? [[path, source.records] as const] : [],
  );
  for (const [path, records] of [...lists, ...inventory.verdicts]) {
    const within = new Set<string>();
    for (const record of records) {
      const key = `${record.model}\n${record.id}`;
      const text = JSON.stringify(record);
      const first = seen.get(key);
      if (within.has(record.id)) {
        inventory.defects.push(error('duplicate', path, `has the id ${record.id} twice.`));
      } else if (first !== undefined && first.text !== text) {
        inventory.defects.push(
          error(
            'duplicate',
            path,
            `has ${record.id} with other contents than ${first.path}. One of them was changed. ${RESTORE}`,
          ),
        );
      }
      within.add(record.id);
      if (first === undefined) seen.set(key, { path, text });
    }
  }
}

export function checkReferences(inventory: Inventory): void {
  const { defects, places, sources } = inventory;
  const needed = new Set<string>();
  const purged = new Set<string>();
  const gone = new Set<string>();
  for (const source of sources.values()) {
    if (source.kind !== 'events') continue;
    for (const event of source.records) {
      if (event.kind === 'purge') for (const digest of event.digests) purged.add(digest);
      if (event.kind === 'tombstone') gone.add(`${event.model}\n${event.version ?? '*'}`);
    }
  }
  for (const [path, source] of sources) {
    if (source.kind === 'version') {
      const { record } = source;
      const isGone = gone.has(`${record.model}\n${record.version}`) || gone.has(`${record.model}\n*`);
      const wasPurged = isGone && record.parts.every(({ sha256 }) => purged.has(sha256));
      checkVersion(inventory, path, record, !wasPurged);
      for (const { sha256 } of record.parts) needed.add(sha256);
      if (!places.has(modelPath(record.model))) {
        defects.push(
          error(
            'missing',
            modelPath(record.model),
            `is missing; the model has the version ${record.version}.`,
          ),
        );
      }
    } else if (source.kind === 'events') {
      for (const event of source.records) {
        if (event.version === null || !isVersion(event.version)) continue;
        if (!places.has(versionPath(event.model, event.version))) {
          defects.push(
            error(
              'missing',
              versionPath(event.model, event.version),
              `is missing; event ${event.id} in ${path} is about it.`,
            ),
          );
        }
      }
    }
  }
  for (const [path, place] of places) {
    if (place.kind === 'blob' && !needed.has(place.sha256)) {
      defects.push(
        warning('orphan', path, 'is bytes that no version has; `compact --rewrite` does not take it away.'),
      );
    }
    if (place.kind === 'digest') {
      const marker = inventory.digests.get(`${place.model}\n${place.sha256}`);
      if (marker !== undefined && !places.has(versionPath(place.model, marker.version))) {
        defects.push(
          error('missing', versionPath(place.model, marker.version), `is missing; ${path} names it.`),
        );
      }
    }
  }
}
