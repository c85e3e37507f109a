import { stringify } from 'yaml';
import type { Manifest } from './deployment.ts';

const HEADER = '# Written by `quickserveml deploy render`: change the description, not this file.\n';

/** Documents of one YAML file. */
export const yamlManifest = (name: string, documents: readonly object[]): Manifest => ({
  name,
  text:
    HEADER +
    documents
      .map(document => stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }))
      .join('---\n'),
});

/** A JSON file; it has no place for a comment. */
export const jsonManifest = (name: string, document: object): Manifest => ({
  name,
  text: `${JSON.stringify(document, null, 2)}\n`,
});
