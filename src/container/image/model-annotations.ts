/** How an image says in its annotations which models it holds. */

const SHA256_KEY = /^dev\.quickserveml\.model\.(.+)\.sha256$/;

const keyOf = (name: string, fact: 'sha256' | 'version'): string => `dev.quickserveml.model.${name}.${fact}`;

export interface AnnotatedModel {
  readonly name: string;
  /** In the registry; null: not recorded there. */
  readonly version: string | null;
  readonly sha256: string;
}

export const modelAnnotations = ({
  name,
  version,
  sha256,
}: AnnotatedModel): Readonly<Record<string, string>> => ({
  [keyOf(name, 'sha256')]: sha256,
  ...(version === null ? {} : { [keyOf(name, 'version')]: version }),
});

/** The models that the annotations of an image name, in their order. */
export const annotatedModels = (annotations: Readonly<Record<string, string>>): readonly AnnotatedModel[] =>
  Object.entries(annotations).flatMap(([key, sha256]) => {
    const name = SHA256_KEY.exec(key)?.[1];
    if (name === undefined) return [];
    return [{ name, version: annotations[keyOf(name, 'version')] ?? null, sha256 }];
  });
