import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';
import { type AnnotatedModel, annotatedModels } from '../image/model-annotations.ts';
import { hexOf, PREDICATE_TYPES, type Statement } from './statement.ts';

/** A statement whose signature holds, and whom it is by. */
export interface TrustedStatement {
  readonly statement: Statement;
  readonly signer: string;
  /** Of the artifact that holds it. */
  readonly attachment: string;
}

/** What the image declares of itself: only a claim, until a statement says the same. */
export interface DeclaredImage {
  readonly digest: string;
  readonly models: readonly AnnotatedModel[];
  readonly revision: string | null;
  readonly source: string | null;
  readonly baseName: string | null;
  readonly baseDigest: string | null;
}

export interface ImageCheck {
  readonly name: string;
  readonly held: boolean;
  readonly detail: string;
}

/** A link of the way from the image to the commit. */
export interface ChainLink {
  readonly model: string;
  readonly version: string | null;
  readonly sha256: string;
  readonly gate: string | null;
  readonly decidedAt: string | null;
  /** What would have failed and was let through: `slower:digits by label`. */
  readonly accepted: readonly string[];
  readonly against: string | null;
  readonly run: string | null;
  readonly commit: string | null;
  readonly signer: string;
}

export interface ImageVerification {
  readonly checks: readonly ImageCheck[];
  readonly chain: readonly ChainLink[];
}

const objectOf = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const listOf = (value: unknown): readonly JsonObject[] => (Array.isArray(value) ? value.map(objectOf) : []);

/** Reads the annotations that `publish` writes. */
export function declaredImage(digest: string, annotations: Readonly<Record<string, string>>): DeclaredImage {
  const standard = (key: string): string | null => annotations[`org.opencontainers.image.${key}`] ?? null;
  return {
    digest,
    models: annotatedModels(annotations),
    revision: standard('revision'),
    source: standard('source'),
    baseName: standard('base.name'),
    baseDigest: standard('base.digest'),
  };
}

const linkOf = ({ statement, signer }: TrustedStatement): ChainLink => {
  const predicate = objectOf(statement.predicate);
  const model = objectOf(predicate['model']);
  const verdict = objectOf(predicate['verdict']);
  return {
    model: textOf(model['name']) ?? '',
    version: textOf(model['version']),
    sha256: textOf(model['sha256']) ?? '',
    gate: textOf(verdict['gate']),
    decidedAt: textOf(verdict['decidedAt']),
    accepted: listOf(verdict['accepted']).map(
      ({ finding, by }) => `${textOf(finding) ?? 'something'} by ${textOf(by) ?? 'somebody'}`,
    ),
    against: textOf(objectOf(predicate['against'])['commit']),
    run: textOf(objectOf(predicate['run'])['url']),
    commit: textOf(objectOf(predicate['source'])['commit']),
    signer,
  };
};

/** Of several verdicts on the same bytes the last one counts, whatever an earlier one said. */
function latestLink(links: readonly ChainLink[]): ChainLink | undefined {
  return [...links].sort((one, other) => ((one.decidedAt ?? '') < (other.decidedAt ?? '') ? -1 : 1)).at(-1);
}

function checkModel(
  model: DeclaredImage['models'][number],
  links: readonly ChainLink[],
  gates: readonly string[],
  aside: string,
): { readonly check: ImageCheck; readonly link: ChainLink | null } {
  const name = `verdict on ${model.name}`;
  const missing = (detail: string) => ({ check: { name, held: false, detail }, link: null });
  const named = links.filter(link => link.model === model.name);
  if (named.length === 0) return missing(`no signed verdict is attached${aside}`);
  const link = latestLink(named.filter(({ sha256 }) => sha256 === model.sha256));
  if (link === undefined) return missing('the signed verdict is on other bytes than those in the image');
  if (link.gate === null)
    return { check: { name, held: false, detail: 'it was published without a verdict' }, link };
  const held = gates.includes(link.gate);
  const detail = `"${link.gate}" (${link.decidedAt ?? 'no time'})${held ? '' : `, and must be ${gates.join(' or ')}`}`;
  return { check: { name, held, detail }, link };
}

function checkProvenance(
  image: DeclaredImage,
  statements: readonly TrustedStatement[],
  aside: string,
): ImageCheck {
  const name = 'provenance';
  const [found] = statements;
  if (found === undefined) return { name, held: false, detail: `no signed provenance is attached${aside}` };
  const wanted = [
    ...(image.baseDigest === null
      ? []
      : [{ what: 'the base image', key: 'sha256', value: image.baseDigest.slice(7) }]),
    ...(image.revision === null ? [] : [{ what: 'the commit', key: 'gitCommit', value: image.revision }]),
    ...image.models.map(model => ({ what: `the model ${model.name}`, key: 'sha256', value: model.sha256 })),
  ];
  const complaints = statements.map(({ statement }) => {
    const definition = objectOf(objectOf(statement.predicate)['buildDefinition']);
    const digests = listOf(definition['resolvedDependencies']).map(({ digest }) => objectOf(digest));
    return wanted.find(({ key, value }) => !digests.some(digest => digest[key] === value))?.what ?? null;
  });
  const right = complaints.indexOf(null);
  if (right < 0) return { name, held: false, detail: `it names another one for ${complaints[0] ?? ''}` };
  const details = objectOf(objectOf(statements[right]?.statement.predicate)['runDetails']);
  const builder = textOf(objectOf(details['builder'])['id']) ?? 'nobody';
  return { name, held: true, detail: `made by ${builder}` };
}

function checkBill(image: DeclaredImage, statements: readonly TrustedStatement[], aside: string): ImageCheck {
  const name = 'bill of materials';
  if (statements.length === 0)
    return { name, held: false, detail: `no signed bill of materials is attached${aside}` };
  const bills = statements.map(({ statement }) => listOf(objectOf(statement.predicate)['components']));
  const hashesOf = (components: readonly JsonObject[]): readonly unknown[] =>
    components.flatMap(({ hashes }) => listOf(hashes).map(({ content }) => content));
  const right = bills.find(components =>
    image.models.every(({ sha256 }) => hashesOf(components).includes(sha256)),
  );
  return right === undefined
    ? { name, held: false, detail: 'it lists other models than those in the image' }
    : { name, held: true, detail: `${right.length} components` };
}

/**
 * Holds an image against the statements whose signatures hold. A statement counts only when it is about exactly this
 * image. Pure.
 * @param gates outcomes of a verdict that are good enough.
 */
export function checkImage(
  image: DeclaredImage,
  trusted: readonly TrustedStatement[],
  gates: readonly string[],
): ImageVerification {
  const hex = hexOf(image.digest);
  const about = trusted.filter(({ statement }) =>
    statement.subject.some(({ digest }) => digest.sha256 === hex),
  );
  const strangers = trusted.length - about.length;
  // Not an error by itself: whoever may push could else spoil an image that has all of its own.
  const aside = strangers === 0 ? '' : `; ${strangers} signed statements are about another image`;
  const ofType = (type: string): readonly TrustedStatement[] =>
    about.filter(({ statement }) => statement.predicateType === type);
  const links = ofType(PREDICATE_TYPES.verdict).map(linkOf);
  const models = image.models.map(model => checkModel(model, links, gates, aside));
  const checks: ImageCheck[] = [
    image.models.length === 0
      ? {
          name: 'models',
          held: false,
          detail: 'the image names no model: `quickserveml publish` did not make it',
        }
      : { name: 'models', held: true, detail: image.models.map(({ name }) => name).join(', ') },
    ...models.map(({ check }) => check),
    ...image.models.flatMap((model, index): ImageCheck[] => {
      const commit = models[index]?.link?.commit ?? null;
      if (image.revision === null || models[index]?.link == null) return [];
      const held = commit === image.revision;
      return [
        {
          name: `commit of ${model.name}`,
          held,
          detail: held ? image.revision : `the image says ${image.revision}, the verdict ${commit ?? 'none'}`,
        },
      ];
    }),
    checkProvenance(image, ofType(PREDICATE_TYPES.provenance), aside),
    checkBill(image, ofType(PREDICATE_TYPES.sbom), aside),
  ];
  return { checks, chain: models.flatMap(({ link }) => (link === null ? [] : [link])) };
}
