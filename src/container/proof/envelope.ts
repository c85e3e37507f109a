import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { messageOf, QuickServeError } from '../../shared/errors.ts';
import { isJsonObject } from '../../shared/json-object.ts';
import { STATEMENT_MEDIA_TYPE } from './statement.ts';

/** The format of a signature with all that is needed to check it (sigstore's protobuf-specs, `Bundle`). */
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** Makes a bundle, as JSON, of the bytes of a statement. */
export interface StatementSigner {
  /** For people: `the key sha256:...`, `https://github.com/...`. */
  readonly description: string;
  sign(statement: Uint8Array): Promise<Uint8Array>;
  /** Whether a bundle that was found is by the same signer as one of its own. */
  hasSigned(found: unknown, own: unknown): boolean;
}

/** What is signed instead of the payload alone (DSSE 1.0, "Signature Definition"). */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ]);
}

const invalid = (what: string, why: string, cause?: unknown): QuickServeError =>
  new QuickServeError({
    code: 'IMAGE_KEY_INVALID',
    message: `${what} cannot be used: ${why}`,
    hint: 'It must be an ECDSA key on P-256 in PEM: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`, and `openssl pkey -pubout` for the public one.',
    cause,
  });

function checkCurve(key: KeyObject, what: string): KeyObject {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  throw invalid(
    what,
    `it is of the type ${asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType ?? 'unknown'}.`,
  );
}

/** How cosign names a public key: base64 of the sha256 of its DER. */
export function keyHint(key: KeyObject): string {
  const der = createPublicKey(key.export({ format: 'pem', type: 'spki' })).export({
    format: 'der',
    type: 'spki',
  });
  return createHash('sha256').update(der).digest('base64');
}

/** @throws QuickServeError IMAGE_KEY_INVALID. */
export function parsePublicKey(pem: string, what: string): KeyObject {
  if (/PRIVATE KEY/.test(pem)) throw invalid(what, 'it is a private key; verifying wants the public one.');
  try {
    return checkCurve(createPublicKey(pem), what);
  } catch (cause) {
    if (cause instanceof QuickServeError) throw cause;
    throw invalid(what, messageOf(cause), cause);
  }
}

function whyNoKey(pem: string, passphrase: string | null, what: string): string {
  if (!pem.includes('-----BEGIN'))
    return 'it is neither a private key in PEM nor the path of a file with one.';
  if (!/ENCRYPTED/.test(pem)) return 'it is no private key in PEM.';
  return passphrase === null
    ? `it is encrypted, and ${what}_PASSWORD is not set.`
    : `it is encrypted with another passphrase than that of ${what}_PASSWORD.`;
}

/**
 * A signer with a key that the team keeps itself.
 * @param pem PKCS #8 or SEC1, in which case `passphrase` opens it where it is encrypted.
 * @throws QuickServeError IMAGE_KEY_INVALID; the key is never in the message.
 */
export function keySigner(pem: string, passphrase: string | null, what: string): StatementSigner {
  if (/ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY/.test(pem)) {
    throw invalid(what, "it is in cosign's own encryption; export the key as PKCS #8.");
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(passphrase === null ? pem : { key: pem, passphrase });
  } catch {
    // OpenSSL's message may quote what it read.
    throw invalid(what, whyNoKey(pem, passphrase, what));
  }
  checkCurve(key, what);
  const publicKey = createPublicKey(key);
  const hint = keyHint(publicKey);
  return {
    description: `the key ${hint}`,
    async sign(statement) {
      const signature = sign('sha256', preAuthEncoding(STATEMENT_MEDIA_TYPE, statement), key);
      const bundle = {
        mediaType: BUNDLE_MEDIA_TYPE,
        verificationMaterial: { publicKey: { hint } },
        dsseEnvelope: {
          payload: Buffer.from(statement).toString('base64'),
          payloadType: STATEMENT_MEDIA_TYPE,
          signatures: [{ sig: signature.toString('base64') }],
        },
      };
      return Buffer.from(JSON.stringify(bundle));
    },
    hasSigned(found) {
      const envelope = parseEnvelope(found);
      return envelope !== null && isSignedBy(envelope, publicKey);
    },
  };
}

/** The envelope of a bundle, out of its base64. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly Buffer[];
}

/** The envelope of a stranger's bundle; null where it is not one with a DSSE envelope. */
export function parseEnvelope(bundle: unknown): Envelope | null {
  if (!isJsonObject(bundle) || !isJsonObject(bundle['dsseEnvelope'])) return null;
  const { payload, payloadType, signatures } = bundle['dsseEnvelope'];
  if (typeof payload !== 'string' || typeof payloadType !== 'string' || !Array.isArray(signatures))
    return null;
  const parsed = signatures.flatMap((entry: unknown) =>
    isJsonObject(entry) && typeof entry['sig'] === 'string' ? [Buffer.from(entry['sig'], 'base64')] : [],
  );
  return { payloadType, payload: Buffer.from(payload, 'base64'), signatures: parsed };
}

/** Whether one of the envelope's signatures is by the key. */
export function isSignedBy(envelope: Envelope, key: KeyObject): boolean {
  const signed = preAuthEncoding(envelope.payloadType, envelope.payload);
  return envelope.signatures.some(signature => verify('sha256', signed, key, signature));
}
