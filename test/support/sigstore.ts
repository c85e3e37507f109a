import { createHash, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fulcioHandler, initializeCA, initializeCTLog, initializeTLog } from '@sigstore/mock';

/** A sigstore on the loopback interface: sigstore's own mock of its authority and its log, behind real HTTP. */
export interface LocalSigstore extends AsyncDisposable {
  readonly url: string;
  /** File with its authorities. */
  readonly trustedRootFile: string;
  /** A token of the issuer for a job; the mock does not check its signature. */
  token(identity: string): string;
  readonly issuer: string;
}

const base64Url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const newKeyPair = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const bytesOf = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength);

/** What Rekor writes down of a proposed entry of the kind `dsse`: the mock would keep the proposal itself. */
function storedEntry(body: string): object {
  const { spec } = JSON.parse(body) as {
    spec: { proposedContent: { envelope: string; verifiers: string[] } };
  };
  const { envelope, verifiers } = spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as { payload: string; signatures: { sig: string }[] };
  const sha256 = (bytes: Buffer) => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(bytes).digest('hex'),
  });
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: sha256(Buffer.from(envelope)),
      payloadHash: sha256(Buffer.from(payload, 'base64')),
      signatures: signatures.map(({ sig }, index) => ({ signature: sig, verifier: verifiers[index] })),
    },
  };
}

export async function startSigstore(folder: string): Promise<LocalSigstore> {
  const ctLog = await initializeCTLog(newKeyPair());
  const authority = await initializeCA(newKeyPair(), ctLog);
  // The log signs its checkpoints with its name, by which the trusted root must know it.
  const logUrl = 'https://rekor.example';
  const log = await initializeTLog(logUrl, newKeyPair());
  const certify = fulcioHandler(authority);
  const answer = async (path: string | undefined, body: string): Promise<object | null> => {
    if (path === certify.path) return JSON.parse(String((await certify.fn(body)).response)) as object;
    return path === '/api/v1/log/entries' ? await log.log(storedEntry(body)) : null;
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      answer(request.url, Buffer.concat(chunks).toString('utf8')).then(
        value => {
          response.writeHead(value === null ? 404 : 201, { 'content-type': 'application/json' });
          response.end(JSON.stringify(value));
        },
        (error: unknown) => response.writeHead(400).end(String(error)),
      );
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const start = new Date(Date.now() - 60_000).toISOString();
  const logOf = (publicKey: Buffer, keyId: Buffer) => ({
    baseUrl: logUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: publicKey.toString('base64'),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor: { start },
    },
    logId: { keyId: keyId.toString('base64') },
  });
  const root = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logOf(log.publicKey, createHash('sha256').update(log.publicKey).digest())],
    certificateAuthorities: [
      {
        subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
        uri: url,
        certChain: { certificates: [{ rawBytes: bytesOf(authority.rootCertificate).toString('base64') }] },
        validFor: { start },
      },
    ],
    ctlogs: [logOf(Buffer.from(ctLog.publicKey), bytesOf(ctLog.logID))],
    timestampAuthorities: [],
  };
  const trustedRootFile = join(folder, 'trusted-root.json');
  writeFileSync(trustedRootFile, JSON.stringify(root));
  const issuer = 'https://issuer.example';
  return {
    url,
    trustedRootFile,
    issuer,
    token: identity =>
      `${base64Url({ alg: 'none' })}.${base64Url({ sub: identity, iss: issuer, aud: 'sigstore', exp: 2 ** 31 })}.${Buffer.from('x').toString('base64url')}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
