import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import type { SignatureState } from './promotion.ts';
import type { RecordSignature, VerdictRecord } from './records.ts';

/** Tells our signatures from those that the same key makes for something else (ssh-keygen(1), -n). */
const NAMESPACE = 'quickserveml-verdict';
const TIMEOUT_MS = 20_000;

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function sshKeygen(args: readonly string[], stdin: string): Promise<Ended> {
  const child = spawn('ssh-keygen', [...args], { stdio: ['pipe', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.once('error', error =>
      reject(
        new QuickServeError({
          code: 'SIGNATURE_FAILED',
          message: `ssh-keygen could not be started: ${error.message}`,
          hint: 'Install OpenSSH 8.2 or newer, or leave signatures out of the configuration.',
          cause: error,
        }),
      ),
    );
    child.once('close', exitCode => resolve({ exitCode, stdout, stderr }));
  });
}

/** What is signed: the record without its signature, as compact JSON with its fields in the order of the file. */
function payloadOf(verdict: VerdictRecord): string {
  const { signature: _signature, ...signed } = verdict;
  return JSON.stringify(signed);
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

/**
 * Signs a verdict with an SSH key, as `ssh-keygen -Y sign` does.
 * @param keyFile path of the private key, without a passphrase or held by an agent.
 * @throws QuickServeError SIGNATURE_FAILED.
 */
export async function signVerdict(
  verdict: VerdictRecord,
  keyFile: string,
  identity: string,
): Promise<VerdictRecord> {
  const ended = await sshKeygen(['-Y', 'sign', '-f', keyFile, '-n', NAMESPACE], payloadOf(verdict));
  if (ended.exitCode !== 0 || !ended.stdout.startsWith('-----BEGIN SSH SIGNATURE-----')) {
    throw new QuickServeError({
      code: 'SIGNATURE_FAILED',
      message: `The verdict could not be signed: ${lastLine(ended.stderr) || 'ssh-keygen gave no signature'}`,
      hint: 'QUICKSERVEML_SIGNING_KEY must be an SSH private key without a passphrase, or the path of one.',
    });
  }
  return { ...verdict, signature: { kind: 'ssh', identity, value: ended.stdout } };
}

/**
 * What a verdict's signature is worth.
 * @param signersFile an allowed-signers file (ssh-keygen(1), ALLOWED SIGNERS).
 * @param scratch a folder for a temporary file.
 */
export async function verifyVerdict(
  verdict: VerdictRecord,
  signersFile: string,
  scratch: string,
): Promise<SignatureState> {
  const signature: RecordSignature | undefined = verdict.signature;
  if (signature === undefined) return { kind: 'none' };
  if (signature.kind !== 'ssh') return { kind: 'invalid', reason: 'it is of an unknown kind' };
  const file = join(scratch, `signature-${randomUUID()}`);
  try {
    await writeFile(file, signature.value);
    const { identity } = signature;
    const args = ['-Y', 'verify', '-f', signersFile, '-I', identity, '-n', NAMESPACE, '-s', file];
    const ended = await sshKeygen(args, payloadOf(verdict));
    if (ended.exitCode === 0) return { kind: 'valid', identity };
    const reason = lastLine(ended.stdout) || lastLine(ended.stderr) || 'ssh-keygen says no';
    return { kind: 'invalid', reason: `${reason} (${identity})` };
  } catch (error) {
    return { kind: 'invalid', reason: messageOf(error) };
  } finally {
    await rm(file, { force: true });
  }
}

/**
 * The path of the signing key: the given path, or a file in `folder` with the key that was given itself.
 */
export async function placeSigningKey(key: string | null, folder: string): Promise<string | null> {
  if (key === null || key === '') return null;
  if (!key.includes('PRIVATE KEY-----')) return key;
  const file = join(folder, `key-${randomUUID()}`);
  await writeFile(file, `${key.trim()}\n`, { mode: 0o600 });
  return file;
}
