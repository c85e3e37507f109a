import { isJsonObject } from '../../shared/json-object.ts';

/** A statement about artifacts, as in-toto has it (in-toto Attestation Framework 1.0, "Statement"). */
export interface Statement {
  readonly _type: 'https://in-toto.io/Statement/v1';
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: object;
}

/** What a statement is about: `digest` in hex, without the algorithm's name. */
export interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

/** The hex of a digest `sha256:...`. */
export const hexOf = (digest: string): string => digest.slice(digest.indexOf(':') + 1);

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** Of the envelope's payload (in-toto Attestation Framework 1.0, "Envelope"). */
export const STATEMENT_MEDIA_TYPE = 'application/vnd.in-toto+json';

/** What our statements say: of our own, of SLSA (slsa.dev/spec/v1.0/provenance) and of CycloneDX. */
export const PREDICATE_TYPES = {
  verdict: 'https://quickserveml.dev/attestation/verdict/v1',
  provenance: 'https://slsa.dev/provenance/v1',
  sbom: 'https://cyclonedx.org/bom',
} as const;

export const makeStatement = (
  subject: readonly Subject[],
  predicateType: string,
  predicate: object,
): Statement => ({ _type: STATEMENT_TYPE, subject, predicateType, predicate });

function parseSubject(value: unknown): readonly Subject[] {
  if (!isJsonObject(value) || !isJsonObject(value['digest'])) return [];
  const { sha256 } = value['digest'];
  const name = value['name'];
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return [];
  return [{ name: typeof name === 'string' ? name : '', digest: { sha256 } }];
}

/** A statement of somebody else's bytes; null where they are none. Subjects without a sha256 are left out. */
export function parseStatement(bytes: Uint8Array): Statement | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
  if (!isJsonObject(value) || value['_type'] !== STATEMENT_TYPE) return null;
  const { subject, predicateType, predicate } = value;
  if (!Array.isArray(subject) || typeof predicateType !== 'string' || !isJsonObject(predicate)) return null;
  return makeStatement(subject.flatMap(parseSubject), predicateType, predicate);
}
