import { existsSync, readFileSync } from 'node:fs';
import type { ProofMode } from '../../config/proof-modes.ts';
import { keySigner, type StatementSigner } from '../../container/proof/envelope.ts';
import { tokenSource } from '../../container/proof/identity-token.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Surroundings } from '../surroundings.ts';

/** Who signs the proofs; or why nobody does. */
export type ProofSigner =
  | { readonly kind: 'signer'; readonly signer: StatementSigner }
  | { readonly kind: 'none'; readonly reason: string };

type Environment = Surroundings['env'];

const KEY = 'QUICKSERVEML_IMAGE_KEY';

/** The key of the environment: its text, or the file that has it. @throws QuickServeError IMAGE_KEY_INVALID. */
function keyOf(env: Environment): StatementSigner | null {
  const value = env[KEY];
  if (!value) return null;
  const isFile = !value.includes('-----BEGIN') && existsSync(value);
  const text = isFile ? readFileSync(value, 'utf8') : value;
  return keySigner(text, env[`${KEY}_PASSWORD`] || null, KEY);
}

/** Whether the event says that this repository is anybody's to read: sigstore's log would tell its name to all. */
function isPublicOnGitHub(env: Environment): boolean {
  try {
    const event: unknown = JSON.parse(readFileSync(env['GITHUB_EVENT_PATH'] ?? '', 'utf8'));
    return Object(Object(event)['repository'])['private'] === false;
  } catch {
    return false;
  }
}

async function keylessOf(env: Environment): Promise<StatementSigner | null> {
  const source = tokenSource(env);
  if (source === null) return null;
  const { keylessSigner } = await import('../../container/proof/keyless.ts');
  const services = {
    fulcioUrl: env['QUICKSERVEML_FULCIO_URL'] || null,
    rekorUrl: env['QUICKSERVEML_REKOR_URL'] || null,
  };
  return keylessSigner(source, services, env);
}

const missing = (message: string, hint: string): QuickServeError =>
  new QuickServeError({ code: 'USAGE', message, hint });

/**
 * Chooses who signs, before anything is pushed.
 * @throws QuickServeError USAGE where the mode demands a signer that is not there, IMAGE_KEY_INVALID.
 */
export async function chooseSigner(mode: ProofMode, env: Environment): Promise<ProofSigner> {
  if (mode === 'off') return { kind: 'none', reason: 'they are switched off' };
  const key = mode === 'keyless' ? null : keyOf(env);
  if (key !== null) return { kind: 'signer', signer: key };
  if (mode === 'key') {
    throw missing(
      `The proofs are to be signed with a key, and ${KEY} is not set.`,
      'Put an ECDSA P-256 key in PEM there, from a secret of the CI.',
    );
  }
  const source = tokenSource(env);
  if (mode === 'auto' && source?.kind === 'github' && !isPublicOnGitHub(env)) {
    return {
      kind: 'none',
      reason:
        "the repository is not public, and sigstore's log is: say publish.proofs: keyless, or give a key",
    };
  }
  const keyless = await keylessOf(env);
  if (keyless !== null) return { kind: 'signer', signer: keyless };
  if (mode === 'keyless') {
    throw missing(
      'The proofs are to be signed by the identity of the job, and the CI gives none.',
      'GitHub: `permissions: id-token: write`. GitLab: `id_tokens: SIGSTORE_ID_TOKEN: {aud: sigstore}`.',
    );
  }
  return { kind: 'none', reason: `there is neither ${KEY} nor an identity of the job` };
}
