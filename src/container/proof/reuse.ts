import { isDeepStrictEqual } from 'node:util';
import { type FoundBundle, type ProofSource, readBundles, type SignedStatement } from './attachment.ts';
import { parseEnvelope, type StatementSigner } from './envelope.ts';
import { PREDICATE_TYPES, parseStatement, type Statement } from './statement.ts';

/** A signed statement, or the one that is there already and says the same. */
export interface SettledProof {
  readonly proof: SignedStatement;
  readonly isThere: boolean;
}

const statementOf = (bundle: unknown): Statement | null => {
  const envelope = parseEnvelope(bundle);
  return envelope === null ? null : parseStatement(envelope.payload);
};

/** What a statement says, without when and in which run it was made: that differs each time and changes nothing. */
function meaningOf(statement: Statement): Statement {
  if (statement.predicateType !== PREDICATE_TYPES.provenance) return statement;
  const runDetails = Object(Object(statement.predicate)['runDetails']);
  return {
    ...statement,
    predicate: { ...statement.predicate, runDetails: { ...runDetails, metadata: null } },
  };
}

function isSame(found: FoundBundle, own: unknown, signer: StatementSigner): boolean {
  const [theirs, ours] = [statementOf(found.bundle), statementOf(own)];
  if (theirs === null || ours === null) return false;
  return isDeepStrictEqual(meaningOf(theirs), meaningOf(ours)) && signer.hasSigned(found.bundle, own);
}

/**
 * Signatures differ each time they are made: a proof is left as it is where the same signer has said the same before, so
 * that publishing again adds nothing. @throws QuickServeError CONTAINER_REGISTRY_*.
 * @param digest of the image.
 */
export async function settleProofs(
  source: ProofSource,
  digest: string,
  proofs: readonly SignedStatement[],
  signer: StatementSigner,
): Promise<readonly SettledProof[]> {
  const found = proofs.length === 0 ? [] : await readBundles(source, digest);
  return proofs.map(proof => {
    const own: unknown = JSON.parse(Buffer.from(proof.bundle).toString('utf8'));
    const same = found.find(each => isSame(each, own, signer));
    if (same === undefined) return { proof, isThere: false };
    return { proof: { ...proof, bundle: Buffer.from(JSON.stringify(same.bundle)) }, isThere: true };
  });
}
