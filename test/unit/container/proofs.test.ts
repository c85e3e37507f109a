import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { billOfMaterials } from '../../../src/container/proof/bill-of-materials.ts';
import {
  isSignedBy,
  keySigner,
  parseEnvelope,
  parsePublicKey,
} from '../../../src/container/proof/envelope.ts';
import { checkImage, declaredImage } from '../../../src/container/proof/image-checks.ts';
import { type ImageMaking, provenanceStatement } from '../../../src/container/proof/provenance.ts';
import { npmPurl, ociPurl } from '../../../src/container/proof/purl.ts';
import { makeStatement, PREDICATE_TYPES, parseStatement } from '../../../src/container/proof/statement.ts';

const hex = (digit: string): string => digit.repeat(64);
const commit = 'c'.repeat(40);

const making: ImageMaking = {
  images: ['ghcr.io/acme/digits'],
  models: [{ name: 'digits', version: '1.0.0', sha256: hex('a') }],
  baseName: 'gcr.io/distroless/nodejs24-debian12',
  baseDigest: `sha256:${hex('b')}`,
  platforms: ['linux/amd64'],
  tags: ['1.0.0'],
  layers: [{ what: 'quickserveml 0.2.0', digest: `sha256:${hex('d')}` }],
  source: 'https://github.com/acme/models',
  commits: [commit],
  toolVersion: '0.2.0',
  runtimeVersion: '1.30.0',
  builder: 'urn:quickserveml:local',
  runUrl: null,
  startedOn: '2026-11-26T12:00:00.000Z',
};

const image = declaredImage(`sha256:${hex('1')}`, {
  'dev.quickserveml.model.digits.sha256': hex('a'),
  'dev.quickserveml.model.digits.version': '1.0.0',
  'org.opencontainers.image.revision': commit,
  'org.opencontainers.image.base.digest': `sha256:${hex('b')}`,
});
const subject = [{ name: 'ghcr.io/acme/digits', digest: { sha256: hex('1') } }];
const by = (statement: ReturnType<typeof makeStatement>) => ({
  statement,
  signer: 'key',
  attachment: 'sha256:0',
});
const verdict = (gate: string, decidedAt: string, sourceCommit = commit) =>
  by(
    makeStatement(subject, PREDICATE_TYPES.verdict, {
      model: { name: 'digits', version: '1.0.0', sha256: hex('a') },
      source: { commit: sourceCommit },
      verdict: { gate, decidedAt },
    }),
  );
const provenance = (more: Partial<ImageMaking> = {}) =>
  by(provenanceStatement(subject, { ...making, ...more }));
const bill = (more: Partial<ImageMaking> = {}) =>
  by(
    makeStatement(
      subject,
      PREDICATE_TYPES.sbom,
      billOfMaterials({
        digest: image.digest,
        created: '2026-11-26T12:00:00Z',
        making: { ...making, ...more },
        packages: [],
      }),
    ),
  );
const failing = (...statements: Parameters<typeof checkImage>[1][number][]): string[] =>
  checkImage(image, statements, ['passed', 'warned'])
    .checks.filter(({ held }) => !held)
    .map(({ name, detail }) => `${name}: ${detail}`);

describe('an image', () => {
  it('holds with a verdict, a provenance and a bill that name its parts', () => {
    expect(failing(verdict('passed', '2026'), provenance(), bill())).toEqual([]);
  });

  it('is judged by its latest verdict, in whatever order the registry lists them', () => {
    const [early, late] = [verdict('passed', '2026-01'), verdict('failed', '2026-02')];
    for (const both of [
      [early, late],
      [late, early],
    ]) {
      expect(failing(...both, provenance(), bill())).toEqual([
        'verdict on digits: "failed" (2026-02), and must be passed or warned',
      ]);
    }
  });

  it('does not hold with another commit, base image or model in what is signed', () => {
    const other = 'e'.repeat(40);
    expect(failing(verdict('passed', '2026', other), provenance(), bill())).toEqual([
      `commit of digits: the image says ${commit}, the verdict ${other}`,
    ]);
    expect(
      failing(verdict('passed', '2026'), provenance({ baseDigest: `sha256:${hex('9')}` }), bill()),
    ).toEqual(['provenance: it names another one for the base image']);
    expect(failing(verdict('passed', '2026'), provenance({ commits: [other] }), bill())).toEqual([
      'provenance: it names another one for the commit',
    ]);
    const models = [{ name: 'digits', version: '1.0.0', sha256: hex('9') }];
    expect(failing(verdict('passed', '2026'), provenance(), bill({ models }))).toEqual([
      'bill of materials: it lists other models than those in the image',
    ]);
  });

  it('that names no model does not hold, whatever is attached', () => {
    const { checks } = checkImage(declaredImage(image.digest, {}), [provenance(), bill()], ['passed']);
    expect(checks[0]).toMatchObject({ name: 'models', held: false });
  });
});

describe('a signature', () => {
  const pair = (namedCurve: string) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    return {
      privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
      publicKey: String(publicKey.export({ type: 'spki', format: 'pem' })),
    };
  };

  it('covers the type of the payload as well as its bytes', async () => {
    const keys = pair('prime256v1');
    const bundle = await keySigner(keys.privateKey, null, 'key').sign(Buffer.from('{}'));
    const envelope = parseEnvelope(JSON.parse(Buffer.from(bundle).toString()))!;
    const key = parsePublicKey(keys.publicKey, 'key');
    expect(isSignedBy(envelope, key)).toBe(true);
    expect(isSignedBy({ ...envelope, payloadType: 'text/plain' }, key)).toBe(false);
    expect(isSignedBy({ ...envelope, payload: Buffer.from('[]') }, key)).toBe(false);
    expect(isSignedBy({ ...envelope, signatures: [] }, key)).toBe(false);
    expect(isSignedBy({ ...envelope, signatures: [Buffer.from('x')] }, key)).toBe(false);
    expect(isSignedBy(envelope, parsePublicKey(pair('prime256v1').publicKey, 'key'))).toBe(false);
  });

  it('is made with P-256 only, and an encrypted key needs its passphrase', () => {
    expect(() => keySigner(pair('secp384r1').privateKey, null, 'key')).toThrow(/secp384r1/);
    expect(() => parsePublicKey(pair('secp384r1').publicKey, 'key')).toThrow(/secp384r1/);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const encrypted = String(
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open' }),
    );
    expect(keySigner(encrypted, 'open', 'key').description).toMatch(/^the key .{44}$/);
    expect(() => keySigner(encrypted, 'wrong', 'KEY')).toThrow(
      /another passphrase than that of KEY_PASSWORD/,
    );
    expect(() => keySigner(encrypted, null, 'KEY')).toThrow(/encrypted, and KEY_PASSWORD is not set/);
    expect(() => keySigner('keys/missing.pem', null, 'KEY')).toThrow(/nor the path of a file with one/);
    expect(() => keySigner('-----BEGIN PUBLIC KEY-----\n', null, 'KEY')).toThrow(/no private key in PEM/);
    expect(() => keySigner('-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n', null, 'key')).toThrow(
      /cosign's own encryption/,
    );
  });
});

it('a bill of materials is valid by the schema of CycloneDX 1.6, and the same for the same image', () => {
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('@cyclonedx/cyclonedx-library/package.json')), 'res/schema');
  const schema = (name: string): object => JSON.parse(readFileSync(join(folder, name), 'utf8')) as object;
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const name of ['spdx.SNAPSHOT.schema.json', 'jsf-0.82.SNAPSHOT.schema.json']) {
    ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}`);
  }
  const validate = ajv.compile(schema('bom-1.6.SNAPSHOT.schema.json'));
  const facts = {
    digest: image.digest,
    created: '2026-11-26T12:00:00Z',
    making,
    packages: [
      { name: '@acme/one', version: '1.2.3', license: 'MIT OR Apache-2.0' },
      { name: 'none', version: '0.0.1', license: null },
    ],
  };
  validate(billOfMaterials(facts));
  expect(validate.errors ?? []).toEqual([]);
  expect(billOfMaterials(facts)).toEqual(billOfMaterials(facts));
  expect(validate({ ...billOfMaterials(facts), serialNumber: 'none' })).toBe(false);
});

it('names packages as package URLs do', () => {
  expect(npmPurl('@acme/one', '1.0.0+x')).toBe('pkg:npm/%40acme/one@1.0.0%2Bx');
  expect(ociPurl('ghcr.io/acme/digits', 'sha256:ab')).toBe(
    'pkg:oci/digits@sha256%3Aab?repository_url=ghcr.io%2Facme%2Fdigits',
  );
});

it.each([
  ['nothing', ''],
  ['another type', '{"_type":"https://in-toto.io/Statement/v0.1"}'],
  ['no subject', '{"_type":"https://in-toto.io/Statement/v1","predicateType":"x","predicate":{}}'],
  ['a list', '[]'],
])('a statement with %s is none', (_, text) => {
  expect(parseStatement(Buffer.from(text))).toBeNull();
});
