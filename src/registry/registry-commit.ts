import type { ObjectStore } from '../git/object-store.ts';
import { commitObject } from '../git/object-writer.ts';
import { REGISTRY_FORMAT } from './layout.ts';
import type { RecordAuthor } from './records.ts';

/** The commits of the branch and of its inbox. */

export interface CommitSettings {
  readonly store: ObjectStore;
  readonly author: RecordAuthor;
  readonly now: () => number;
  /** An SSH key that signs the commits: the path of the private key. */
  readonly signingKey?: string | null;
}

/** Writes a commit, in this process where it need not be signed. @returns its id. */
export async function writeCommit(
  { store, author, now, signingKey = null }: CommitSettings,
  tree: string,
  parent: string | null,
  message: string,
): Promise<string> {
  const clean = (text: string): string => text.replace(/[<>\r\n\0]/g, ' ').trim() || 'quickserveml';
  const [name, email] = [clean(author.name), clean(author.email)];
  const atSeconds = Math.floor(now() / 1000);
  const text = message.replaceAll('\0', ' ');
  if (signingKey === null) {
    const content = commitObject({ tree, parent, name, email, atSeconds, message: text });
    return await store.writeObject('commit', content);
  }
  const date = `@${atSeconds} +0000`;
  const { stdout } = await store.run(
    ['commit-tree', `-S${signingKey}`, ...(parent === null ? [] : ['-p', parent]), '-F', '-', tree],
    {
      stdin: text,
      variables: {
        GIT_AUTHOR_NAME: name,
        GIT_AUTHOR_EMAIL: email,
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: name,
        GIT_COMMITTER_EMAIL: email,
        GIT_COMMITTER_DATE: date,
      },
      config: [
        ['i18n.commitEncoding', 'utf-8'],
        ['gpg.format', 'ssh'],
      ],
    },
  );
  return stdout.toString('latin1').trim();
}

/** What a commit's trailers say of the branch, so that a writer need not read `registry.json` again. */
export interface FormatTrailers {
  readonly format: number;
  /** Blob id of the `registry.json` that was checked; null in commits of an earlier version. */
  readonly fileId: string | null;
}

/** @param fileId of `registry.json` in the commit's tree. */
export const withTrailers = (message: string, fileId: string | undefined): string =>
  `${message}\n\nRegistry-Format: ${REGISTRY_FORMAT}\n${fileId === undefined ? '' : `Registry-File: ${fileId}\n`}`;

/** The trailers of a commit that a writer made; null where it was made by hand. */
export function formatTrailers(message: string): FormatTrailers | null {
  // The last ones: a reason that somebody gave may say anything above them.
  const format = [...message.matchAll(/^Registry-Format: (\d+)$/gm)].at(-1)?.[1];
  const fileId = [...message.matchAll(/^Registry-File: ([0-9a-f]+)$/gm)].at(-1)?.[1] ?? null;
  return format === undefined ? null : { format: Number(format), fileId };
}
