import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ActionMetadata } from '@actions/languageservice/action';
import type { ValidationConfig } from '@actions/languageservice/validate';
import { rolldown } from 'rolldown';
import { parse } from 'yaml';

type Service = typeof import('@actions/languageservice');

/**
 * GitHub's own language service for workflows and actions. It imports JSON without an attribute, which Node refuses,
 * so it is bundled first.
 */
export async function loadLanguageService(): Promise<{
  /** One line a complaint (`12: Unexpected value`); empty where the document is right. */
  readonly validate: (
    name: string,
    text: string,
    actions?: Readonly<Record<string, string>>,
  ) => Promise<readonly string[]>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'quickserveml-language-service-'));
  const bundle = await rolldown({
    input: join(import.meta.dirname, '../../node_modules/@actions/languageservice/dist/index.js'),
    platform: 'node',
    logLevel: 'silent',
  });
  const file = join(folder, 'service.mjs');
  await bundle.write({ file, format: 'esm' });
  await bundle.close();
  const service: Service = await import(/* @vite-ignore */ pathToFileURL(file).href);
  // It swallows its own exceptions and then has no complaints: that must not pass for a valid document.
  const internal: string[] = [];
  const note = (message: string): void => void internal.push(message);
  service.registerLogger({ error: note, warn: note, info: () => {}, log: () => {} });
  let documents = 0;

  return {
    /**
     * `name` ends in action.yml for an action, in anything else for a workflow. `actions` maps `owner/name` to the text
     * of its action.yml: what a workflow passes to these is checked too, others are taken as they are.
     */
    async validate(name, text, actions = {}) {
      // It also remembers what it parsed by address.
      documents += 1;
      const uri = pathToFileURL(join(folder, String(documents), name)).href;
      const document = { uri, getText: () => text } as Parameters<Service['validate']>[0];
      const config: ValidationConfig = {
        actionsMetadataProvider: {
          async fetchActionMetadata({ owner, name: repository }): Promise<ActionMetadata | undefined> {
            const known = actions[`${owner}/${repository}`];
            return known === undefined ? { name: repository, description: '' } : parse(known);
          },
        },
      };
      const diagnostics = await service.validate(document, config);
      if (internal.length > 0)
        throw new Error(`the language service failed: ${internal.splice(0).join('; ')}`);
      return diagnostics.map(({ message, range }) => `${range.start.line + 1}: ${message}`);
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
