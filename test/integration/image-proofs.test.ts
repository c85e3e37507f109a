import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VerifyImageOptions } from '../../src/commands/verify-image.ts';
import { attachStatements, readBundles } from '../../src/container/proof/attachment.ts';
import { keySigner, parseEnvelope } from '../../src/container/proof/envelope.ts';
import { makeStatement, PREDICATE_TYPES, type Statement } from '../../src/container/proof/statement.ts';
import type { VerdictPredicate } from '../../src/container/proof/verdict-predicate.ts';
import { VERDICT_SCHEMA } from '../../src/container/proof/verdict-schema.ts';
import { temporaryFolder } from '../support/git-repositories.ts';
import {
  type ProofRegistry,
  startProofRegistry,
  type VerificationDocument,
} from '../support/proof-registry.ts';
import type { PublishProject } from '../support/publish-project.ts';
import { lacks } from '../support/requirements.ts';
import { makeSigningKeys } from '../support/signing-keys.ts';
import { startSigstore } from '../support/sigstore.ts';

let proofs: ProofRegistry;

const onto = (name: string) => ({ ...proofs.base, image: [proofs.image(name)] });

const verify = (made: PublishProject, name: string, more?: Partial<VerifyImageOptions>) =>
  proofs.verify(made, proofs.image(name), more);

const failedChecks = (document: VerificationDocument): string[] =>
  document.checks.filter(({ held }) => !held).map(({ name, detail }) => `${name}: ${detail}`);

async function statementsOf(name: string, digest: string): Promise<readonly Statement[]> {
  const found = await readBundles(proofs.repository(name), digest);
  return found.map(({ bundle }) => JSON.parse(parseEnvelope(bundle)!.payload.toString('utf8')) as Statement);
}

describe.skipIf(lacks('docker-registry') || lacks('htpasswd') || lacks('runtime'))(
  'proofs of an image',
  () => {
    beforeAll(async () => {
      proofs = await startProofRegistry();
    });
    afterAll(() => proofs?.[Symbol.asyncDispose]());

    test('publish attaches what verify-image follows from the image to the commit', async () => {
      await using folder = temporaryFolder();
      const made = await proofs.project(folder.path, { QUICKSERVEML_IMAGE_KEY: proofs.keys.privateKey });
      await made.record('digits', {
        verdict: {
          gate: 'passed',
          policyDigest: 'd'.repeat(64),
          baseCommit: null,
          accepted: [{ finding: 'slower:digits', by: 'label' }],
        },
      });
      const { document: published, text } = await made.publish(onto('proven'));
      expect(published.attached).toEqual(Object.values(PREDICATE_TYPES));
      expect(text).toContain('3 proofs attached, signed by the key ');
      const { document, exitCode, text: shown } = await verify(made, 'proven:1.0.0');
      expect(failedChecks(document)).toEqual([]);
      expect(exitCode).toBe(0);
      expect(document.digest).toBe(published.image.digest);
      const [link] = document.chain;
      expect(link).toMatchObject({ model: 'digits', version: '1.0.0', gate: 'passed' });
      expect(link?.commit).toMatch(/^[0-9a-f]{40}$/);
      expect(shown).toContain(`commit   ${link?.commit}`);
      expect(shown).toContain('accepted slower:digits by label');
      const [verdict, provenance, bill] = await statementsOf('proven', published.image.digest);
      const valid = new Ajv2020({ strict: false }).compile(VERDICT_SCHEMA);
      valid(verdict!.predicate);
      expect(valid.errors ?? []).toEqual([]);
      const predicate = verdict!.predicate as VerdictPredicate;
      expect(verdict!.subject.map(({ digest }) => digest.sha256)).toEqual([
        published.image.digest.slice(7),
        predicate.model.sha256,
      ]);
      expect(predicate.publication).toMatchObject({ forced: false });
      expect(provenance!.predicate).toMatchObject({
        runDetails: { builder: { id: 'urn:quickserveml:local' } },
      });
      const names = (bill!.predicate as { components: { name: string }[] }).components.map(
        ({ name }) => name,
      );
      expect(names).toContain('@acme/one');
      expect(names).not.toContain('only-cli');
    }, 60_000);

    test('without a signer publish says that nothing is proven, and verify-image that it is not', async () => {
      await using folder = temporaryFolder();
      const made = await proofs.project(folder.path);
      const { exitCode, text } = await made.publish(onto('bare'));
      expect(exitCode).toBe(0);
      expect(text).toContain('no proofs are attached: there is neither QUICKSERVEML_IMAGE_KEY');
      const verified = await verify(made, 'bare:1.0.0');
      expect(verified.exitCode).toBe(1);
      expect(failedChecks(verified.document)).toEqual([
        'verdict on digits: no signed verdict is attached',
        'provenance: no signed provenance is attached',
        'bill of materials: no signed bill of materials is attached',
      ]);
      expect(verified.text).toContain(
        'Nothing at all is attached. `quickserveml publish` of the same version',
      );
      await expect(made.publish({ ...onto('bare'), proofs: 'key' })).rejects.toMatchObject({ code: 'USAGE' });
      await expect(made.publish({ ...onto('bare'), proofs: 'keyless' })).rejects.toMatchObject({
        code: 'USAGE',
      });
    }, 60_000);

    test('signatures by another key, changed bytes, statements of another image and a failed verdict do not hold', async () => {
      await using folder = temporaryFolder();
      const made = await proofs.project(folder.path);
      const { document: published } = await made.publish(onto('attacked'));
      const { digest } = published.image;
      const repository = proofs.repository('attacked');
      const subject = (await repository.resolve(digest))!;
      const signer = keySigner(proofs.keys.privateKey, null, 'key');
      const other = makeSigningKeys(proofs.folder, 'other');
      const sha256 = (await made.registry.read()).models.get('digits')!.versions[0]!.sha256;
      const verdict = (about: string, gate: string, decidedAt: string): Buffer =>
        Buffer.from(
          JSON.stringify(
            makeStatement([{ name: 'image', digest: { sha256: about } }], PREDICATE_TYPES.verdict, {
              model: { name: 'digits', sha256 },
              verdict: { gate, decidedAt },
            }),
          ),
        );
      const attach = async (bundle: Uint8Array): Promise<string> => {
        await attachStatements(repository, subject, [{ predicateType: PREDICATE_TYPES.verdict, bundle }]);
        const { document } = await verify(made, 'attacked:1.0.0');
        expect(document.verified).toBe(false);
        return JSON.stringify([failedChecks(document)[0], document.refused.map(({ reason }) => reason)]);
      };
      const hex = digest.slice(7);
      const good = verdict(hex, 'passed', '2026-01-01T00:00:00Z');

      expect(await attach(await keySigner(other.privateKey, null, 'key').sign(good))).toContain(
        'its signature is not by this key',
      );
      const tampered = JSON.parse(
        Buffer.from(await signer.sign(verdict(hex, 'failed', '2026-01-01'))).toString(),
      );
      tampered.dsseEnvelope.payload = good.toString('base64');
      expect(await attach(Buffer.from(JSON.stringify(tampered)))).toMatch(
        /no signed verdict.*not of these bytes/,
      );
      expect(await attach(Buffer.from('not JSON'))).toContain('is not valid JSON');
      expect(await attach(await signer.sign(verdict('0'.repeat(64), 'passed', '2026-01-01')))).toContain(
        'no signed verdict is attached; 1 signed statements are about another image',
      );
      // From here on there is a verdict that holds; the later one counts.
      expect(await attach(await signer.sign(good))).toContain('commit of digits');
      expect(await attach(await signer.sign(verdict(hex, 'failed', '2026-02-01T00:00:00Z')))).toContain(
        'verdict on digits: \\"failed\\"',
      );
    }, 60_000);

    test('a verdict on other bytes of the same model is not a verdict on the image', async () => {
      await using folder = temporaryFolder();
      const made = await proofs.project(folder.path, { QUICKSERVEML_IMAGE_KEY: proofs.keys.privateKey });
      const { document: published } = await made.publish({ ...onto('bytes'), proofs: 'off' });
      const repository = proofs.repository('bytes');
      const statement = makeStatement(
        [{ name: 'image', digest: { sha256: published.image.digest.slice(7) } }],
        PREDICATE_TYPES.verdict,
        { model: { name: 'digits', sha256: 'f'.repeat(64) }, verdict: { gate: 'passed', decidedAt: '2026' } },
      );
      const bundle = await keySigner(proofs.keys.privateKey, null, 'key').sign(
        Buffer.from(JSON.stringify(statement)),
      );
      const subject = (await repository.resolve(published.image.digest))!;
      await attachStatements(repository, subject, [{ predicateType: PREDICATE_TYPES.verdict, bundle }]);
      const { document } = await verify(made, 'bytes:1.0.0');
      expect(failedChecks(document)[0]).toBe(
        'verdict on digits: the signed verdict is on other bytes than those in the image',
      );
    }, 60_000);

    test('a job signs by its identity, and only exactly that identity counts', async () => {
      await using folder = temporaryFolder();
      await using sigstore = await startSigstore(folder.path);
      const identity = 'https://ci.example/acme/digits/release@main';
      const made = await proofs.project(folder.path, {
        SIGSTORE_ID_TOKEN: sigstore.token(identity),
        QUICKSERVEML_FULCIO_URL: sigstore.url,
        QUICKSERVEML_REKOR_URL: sigstore.url,
      });
      const { document: published } = await made.publish(onto('keyless'));
      expect(published.attached).toHaveLength(3);
      const who = {
        certificateIdentity: identity,
        certificateOidcIssuer: sigstore.issuer,
        trustedRoot: sigstore.trustedRootFile,
      };
      const { document } = await verify(made, 'keyless:1.0.0', who);
      expect(document.refused).toEqual([]);
      expect(failedChecks(document)).toEqual([]);
      expect(document.chain[0]?.signer).toBe(identity);
      const part = await verify(made, 'keyless:1.0.0', {
        ...who,
        certificateIdentity: 'https://ci.example/acme',
      });
      expect(part.exitCode).toBe(1);
      expect(part.document.refused[0]?.reason).toBe(`it is by ${identity}`);
      const issuer = await verify(made, 'keyless:1.0.0', {
        ...who,
        certificateOidcIssuer: 'https://other.example',
      });
      expect(issuer.exitCode).toBe(1);
      await using elsewhere = temporaryFolder();
      await using stranger = await startSigstore(elsewhere.path);
      const root = await verify(made, 'keyless:1.0.0', { ...who, trustedRoot: stranger.trustedRootFile });
      expect(root.exitCode).toBe(1);
      expect(root.document.refused).toHaveLength(3);
    }, 60_000);

    test('says what is wrong with a key, a missing image, and a call that trusts nobody', async () => {
      await using folder = temporaryFolder();
      const made = await proofs.project(folder.path, { QUICKSERVEML_IMAGE_KEY: 'not a key' });
      await expect(made.publish(onto('wrong'))).rejects.toMatchObject({ code: 'IMAGE_KEY_INVALID' });
      expect(await proofs.repository('wrong').resolve('1.0.0')).toBeNull();
      await expect(verify(made, 'wrong:1.0.0')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
      await expect(verify(made, 'wrong:1.0.0', {})).rejects.toMatchObject({ code: 'USAGE' });
      const file = join(folder.path, 'private.pem');
      writeFileSync(file, proofs.keys.privateKey);
      const refused = verify(made, 'wrong:1.0.0', { key: file });
      await expect(refused).rejects.toMatchObject({ code: 'IMAGE_KEY_INVALID' });
      await expect(refused).rejects.not.toThrow(proofs.keys.privateKey.slice(40, 80));
    }, 60_000);
  },
);
