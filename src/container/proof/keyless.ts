import { X509Certificate } from 'node:crypto';
import { bundleFromJSON, bundleToJSON, type SerializedBundle } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import {
  DEFAULT_FULCIO_URL,
  DEFAULT_REKOR_URL,
  DSSEBundleBuilder,
  FulcioSigner,
  RekorWitness,
} from '@sigstore/sign';
import { getTrustedRoot } from '@sigstore/tuf';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import type { Environment } from '../../network/settings.ts';
import { messageOf, QuickServeError } from '../../shared/errors.ts';
import { BUNDLE_MEDIA_TYPE, isSignedBy, parseEnvelope, type StatementSigner } from './envelope.ts';
import { identityToken, type TokenSource } from './identity-token.ts';
import { STATEMENT_MEDIA_TYPE } from './statement.ts';

const PATIENCE = { retry: 2, timeout: 30_000 };

/** Addresses of a sigstore of one's own; null: the public one. */
export interface SigstoreServices {
  readonly fulcioUrl: string | null;
  readonly rekorUrl: string | null;
}

/**
 * Signs with a key that lives for one signature: Fulcio certifies it for the identity of the job, Rekor writes down that
 * it was done meanwhile. What is written there is public.
 * @param environment says how to reach others, see networkSettings; sigstore's own client reads the process's by itself.
 */
export function keylessSigner(
  source: TokenSource,
  services: SigstoreServices,
  environment: Environment,
): StatementSigner {
  return {
    description: 'the identity of this job',
    async sign(statement) {
      const builder = new DSSEBundleBuilder({
        signer: new FulcioSigner({
          fulcioBaseURL: services.fulcioUrl ?? DEFAULT_FULCIO_URL,
          identityProvider: { getToken: () => identityToken(source, environment) },
          ...PATIENCE,
        }),
        witnesses: [
          new RekorWitness({
            rekorBaseURL: services.rekorUrl ?? DEFAULT_REKOR_URL,
            entryType: 'dsse',
            fetchOnConflict: true,
            ...PATIENCE,
          }),
        ],
      });
      try {
        const bundle = await builder.create({ data: Buffer.from(statement), type: STATEMENT_MEDIA_TYPE });
        return Buffer.from(JSON.stringify({ ...Object(bundleToJSON(bundle)), mediaType: BUNDLE_MEDIA_TYPE }));
      } catch (cause) {
        throw signingError(cause);
      }
    },
    hasSigned: isBySameIdentity,
  };
}

function certificateOf(bundle: unknown): X509Certificate | null {
  const raw: unknown = Object(Object(Object(bundle)['verificationMaterial'])['certificate'])['rawBytes'];
  try {
    return typeof raw === 'string' ? new X509Certificate(Buffer.from(raw, 'base64')) : null;
  } catch {
    return null;
  }
}

/**
 * Whether the certificates name the same identity and authority, and the found one's key made its signature. That is enough to
 * leave a proof as it is: whether it is to be believed is for verifyKeyless, with the authorities.
 */
function isBySameIdentity(found: unknown, own: unknown): boolean {
  const [theirs, ours, envelope] = [certificateOf(found), certificateOf(own), parseEnvelope(found)];
  if (theirs === null || ours === null || envelope === null) return false;
  const isSame = theirs.subjectAltName === ours.subjectAltName && theirs.issuer === ours.issuer;
  return isSame && isSignedBy(envelope, theirs.publicKey);
}

function signingError(cause: unknown): QuickServeError {
  // The library wraps what our own token source throws.
  const inner = cause instanceof Error ? cause.cause : null;
  if (inner instanceof QuickServeError) return inner;
  return new QuickServeError({
    code: 'SIGNATURE_FAILED',
    message: `The proofs could not be signed through sigstore: ${messageOf(cause)}${inner instanceof Error ? ` (${inner.message})` : ''}`,
    hint: 'Run again later; or sign with a key (QUICKSERVEML_IMAGE_KEY, docs/proofs.md).',
    cause,
  });
}

/**
 * The authorities that certificates are believed from.
 * @param file JSON of a trusted root that was read; null: sigstore's public ones, by its update framework.
 * @throws QuickServeError TRUST_ROOT_UNAVAILABLE.
 */
export async function trustedRoot(file: string | null, cacheFolder: string): Promise<TrustedRoot> {
  try {
    return file === null
      ? await getTrustedRoot({ cachePath: cacheFolder, ...PATIENCE })
      : TrustedRoot.fromJSON(JSON.parse(file));
  } catch (cause) {
    throw new QuickServeError({
      code: 'TRUST_ROOT_UNAVAILABLE',
      message: `The authorities of sigstore cannot be had: ${messageOf(cause)}`,
      hint: 'Without internet, name a file with --trusted-root (`cosign trusted-root create`, or trusted_root.json of your sigstore).',
      cause,
    });
  }
}

/** Who signed a bundle without a key of their own. */
export interface KeylessIdentity {
  /** Subject alternative name of the certificate: an address, or the URL of a workflow. */
  readonly identity: string;
  readonly issuer: string;
}

/**
 * Checks certificate, time, log entry and signature of a bundle.
 * @throws Error where anything of it does not hold; its message says what.
 */
export function verifyKeyless(bundle: unknown, root: TrustedRoot): KeylessIdentity {
  const verifier = new Verifier(toTrustMaterial(root), { tlogThreshold: 1, ctlogThreshold: 1 });
  const signer = verifier.verify(toSignedEntity(bundleFromJSON(bundle as SerializedBundle)));
  const identity = signer.identity?.subjectAlternativeName;
  const issuer = signer.identity?.extensions?.issuer;
  if (identity === undefined || issuer === undefined) throw new Error('its certificate names nobody');
  return { identity, issuer };
}
