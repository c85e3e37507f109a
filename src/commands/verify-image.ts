import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openLayout } from '../container/image/layout-source.ts';
import { type FoundBundle, type ProofSource, readBundles } from '../container/proof/attachment.ts';
import { isSignedBy, keyHint, parseEnvelope, parsePublicKey } from '../container/proof/envelope.ts';
import {
  checkImage,
  declaredImage,
  type ImageVerification,
  type TrustedStatement,
} from '../container/proof/image-checks.ts';
import type { KeylessIdentity } from '../container/proof/keyless.ts';
import { parseStatement, STATEMENT_MEDIA_TYPE } from '../container/proof/statement.ts';
import type { EncodedManifest } from '../container/registry/image-repository.ts';
import { formatReference, parseReference } from '../container/registry/reference.ts';
import type { Registries } from '../container/registry/registries.ts';
import { fileReason, messageOf, QuickServeError } from '../shared/errors.ts';
import { terminalSafe } from '../shared/terminal-text.ts';
import type { CommandResult } from './command-result.ts';
import { type ContainerRegistryOptions, openContainerRegistries } from './container-registries.ts';
import { table } from './registry/texts.ts';
import type { Surroundings } from './surroundings.ts';

export interface VerifyImageOptions extends ContainerRegistryOptions {
  readonly image: string;
  /** File with a public key. */
  readonly key?: string;
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
  /** File with the authorities of a sigstore. */
  readonly trustedRoot?: string;
  /** Outcomes of a verdict that are good enough; none given: passed and warned. */
  readonly gate: readonly string[];
}

/** Says whom a bundle is by. @throws Error where nobody who is trusted signed it. */
type Trust = (bundle: unknown) => string;

const usage = (message: string, hint: string): QuickServeError =>
  new QuickServeError({ code: 'USAGE', message, hint });

async function readText(path: string, cwd: string, option: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, path), 'utf8');
  } catch (cause) {
    throw new QuickServeError({
      code: 'FILE_UNREADABLE',
      message: `${path} cannot be read: ${fileReason(cause)}`,
      hint: `Name a file with ${option}.`,
      cause,
    });
  }
}

function trustKey(key: KeyObject): Trust {
  const name = `the key ${keyHint(key)}`;
  return bundle => {
    const envelope = parseEnvelope(bundle);
    if (envelope === null) throw new Error('it has no DSSE envelope');
    if (!isSignedBy(envelope, key))
      throw new Error('its signature is not by this key, or not of these bytes');
    return name;
  };
}

/** Compared as a whole: a part of an identity is somebody else's. */
function checkIdentity({ identity, issuer }: KeylessIdentity, wanted: KeylessIdentity): string {
  if (identity !== wanted.identity) throw new Error(`it is by ${identity}`);
  if (issuer !== wanted.issuer) throw new Error(`the identity is vouched for by ${issuer}`);
  return identity;
}

async function trustOf(options: VerifyImageOptions, world: Surroundings): Promise<Trust> {
  const { key, certificateIdentity: identity, certificateOidcIssuer: issuer, cwd } = options;
  if (key !== undefined && identity === undefined && issuer === undefined) {
    return trustKey(parsePublicKey(await readText(key, cwd, '--key'), key));
  }
  if (key === undefined && identity !== undefined && issuer !== undefined) {
    const { trustedRoot, verifyKeyless } = await import('../container/proof/keyless.ts');
    const file =
      options.trustedRoot === undefined ? null : await readText(options.trustedRoot, cwd, '--trusted-root');
    const root = await trustedRoot(file, join(world.cacheFolder, 'sigstore'));
    return bundle => checkIdentity(verifyKeyless(bundle, root), { identity, issuer });
  }
  throw usage(
    'verify-image has to know whose signature counts.',
    'Name a public key with --key cosign.pub; or --certificate-identity and --certificate-oidc-issuer together.',
  );
}

interface Examined {
  readonly trusted: readonly TrustedStatement[];
  readonly refused: readonly { readonly attachment: string; readonly reason: string }[];
}

function examine(found: readonly FoundBundle[], trust: Trust): Examined {
  const trusted: TrustedStatement[] = [];
  const refused: { attachment: string; reason: string }[] = [];
  for (const { digest, bundle, problem } of found) {
    try {
      if (problem !== null) throw new Error(problem);
      const signer = trust(bundle);
      const envelope = parseEnvelope(bundle);
      const statement =
        envelope?.payloadType === STATEMENT_MEDIA_TYPE ? parseStatement(envelope.payload) : null;
      if (statement === null) throw new Error('what is signed is no in-toto statement');
      trusted.push({ statement, signer, attachment: digest });
    } catch (thrown) {
      refused.push({ attachment: digest, reason: messageOf(thrown) });
    }
  }
  return { trusted, refused };
}

function annotationsOf({ bytes }: EncodedManifest, image: string): Readonly<Record<string, string>> {
  let annotations: unknown;
  try {
    annotations = Object(JSON.parse(Buffer.from(bytes).toString('utf8')))['annotations'];
  } catch (cause) {
    throw new QuickServeError({
      code: 'IMAGE_UNUSABLE',
      message: `The manifest of ${terminalSafe(image)} is not JSON.`,
      hint: 'Something else was pushed there; look at it with `skopeo inspect --raw`.',
      cause,
    });
  }
  const entries = Object.entries(Object(annotations)).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}

/** Where the image is read from, its manifest, and its whole name with the digest. */
interface Found {
  readonly source: ProofSource;
  readonly manifest: EncodedManifest;
  readonly name: string;
}

const notFound = (image: string, hint: string): QuickServeError =>
  new QuickServeError({
    code: 'IMAGE_NOT_FOUND',
    message: `There is no image ${terminalSafe(image)}.`,
    hint,
  });

/** `oci:FOLDER[:TAG]` and `oci-archive:FILE[:TAG]`, as skopeo and podman write them. */
const LAYOUT = /^oci(?:-archive)?:(.+?)(?::([A-Za-z0-9_][\w.-]{0,127}))?$/;

async function findInLayout([image, path = '', tag]: RegExpExecArray, cwd: string): Promise<Found> {
  const source = await openLayout(resolve(cwd, path));
  const digest = source.find(tag ?? null);
  const manifest = digest === null ? null : await source.readManifest(digest);
  if (manifest === null) {
    const tags = source.tags();
    throw notFound(
      image,
      tags.length === 0
        ? 'It has no tags: name the folder alone where it holds one image.'
        : `It has the tags ${tags.slice(0, 20).map(terminalSafe).join(', ')}: name one after a colon.`,
    );
  }
  return { source, manifest, name: `${path}@${manifest.descriptor.digest}` };
}

async function findInRegistry(image: string, registries: Registries): Promise<Found> {
  const reference = parseReference(image);
  const source = registries.repository(reference);
  const manifest = await source.readManifest(reference.digest ?? reference.tag ?? 'latest');
  if (manifest === null) throw notFound(image, 'Look at its name and tag; private ones need credentials.');
  return { source, manifest, name: formatReference({ ...reference, digest: manifest.descriptor.digest }) };
}

const UNSIGNED =
  'Nothing at all is attached. `quickserveml publish` of the same version, where QUICKSERVEML_IMAGE_KEY is set or the job has an identity, attaches the proofs and moves no tag (docs/proofs.md). A copy made by skopeo, podman, docker or umoci has none: look at the original.';

function chainText({ chain }: ImageVerification, image: string): readonly string[] {
  return chain
    .flatMap(link => [
      '',
      `image    ${image}`,
      `model    ${link.model} ${link.version ?? '(not recorded)'}, sha256 ${link.sha256}`,
      `verdict  ${link.gate ?? 'none'}, ${link.decidedAt ?? 'no time'}, against ${link.against ?? 'nothing'}`,
      ...(link.accepted.length === 0 ? [] : [`accepted ${link.accepted.join(', ')}`]),
      `run      ${link.run ?? 'not on a CI'}`,
      `commit   ${link.commit ?? 'not known'}`,
      `signed   by ${link.signer}`,
    ])
    .map(terminalSafe);
}

/** `verify-image`: whether what is attached to an image holds, and the way from the image to the commit. */
export async function verifyImage(options: VerifyImageOptions, world: Surroundings): Promise<CommandResult> {
  const layout = LAYOUT.exec(options.image);
  const gates = options.gate.length > 0 ? options.gate : ['passed', 'warned'];
  const trust = await trustOf(options, world);
  const hosts = layout === null ? [parseReference(options.image).registry] : [];
  await using registries = await openContainerRegistries(options, hosts, world);
  const { source, manifest, name } = await (layout === null
    ? findInRegistry(options.image, registries)
    : findInLayout(layout, options.cwd));
  const { digest } = manifest.descriptor;
  const { trusted, refused } = examine(await readBundles(source, digest), trust);
  const result = checkImage(declaredImage(digest, annotationsOf(manifest, options.image)), trusted, gates);
  const holds = result.checks.every(({ held }) => held);
  const rows = result.checks.map(({ name: check, held, detail }) => [
    held ? 'holds' : 'DOES NOT HOLD',
    check,
    detail,
  ]);
  const text = [
    holds ? `${terminalSafe(name)} is what it says.` : `${terminalSafe(name)} is NOT proven.`,
    '',
    table(['', 'check', 'how it stands'], rows, 'lll'),
    ...refused.map(({ attachment, reason }) =>
      terminalSafe(`not counted: ${attachment.slice(0, 19)}, ${reason}`),
    ),
    ...chainText(result, name),
    ...(trusted.length + refused.length > 0 ? [] : ['', UNSIGNED]),
  ];
  return {
    document: {
      image: name,
      digest,
      verified: holds,
      ...result,
      refused,
    },
    text: text.join('\n'),
    exitCode: holds ? 0 : 1,
  };
}
