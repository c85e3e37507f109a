import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectStore } from '../git/object-store.ts';
import { isJsonObject } from '../shared/json-object.ts';
import { readLines } from './packs.ts';
import type { RecordAuthor } from './records.ts';
import type { RegistryAccess } from './registry-access.ts';
import { malformed, parseRecord } from './schemas.ts';

/** A commit of the branch, as far as it says who did what. */
export interface AuditedCommit {
  readonly commit: string;
  readonly author: RecordAuthor;
  /** ISO 8601. */
  readonly at: string;
  readonly subject: string;
  readonly signature: CommitSignature;
}

const SIGNATURES = ['valid', 'invalid', 'unchecked', 'none'] as const;

/** What a commit's signature is worth: git's %G?, in words. */
export type CommitSignature = (typeof SIGNATURES)[number];

const FULL_REF = 'refs/quickserveml/history';
const FIELD = '\u001f';

const MEANING: Readonly<Record<string, CommitSignature>> = {
  G: 'valid',
  U: 'valid',
  N: 'none',
  E: 'unchecked',
};

/**
 * All commits of the branch, newest first, and those that an earlier `compact --rewrite` replaced.
 * Without a list of signers, whether a commit is signed is said, and not by whom.
 * @throws QuickServeError REMOTE_UNREACHABLE, REMOTE_REFUSED.
 */
export async function readHistory(
  access: RegistryAccess,
  store: ObjectStore,
): Promise<readonly AuditedCommit[]> {
  const { branch, options } = access;
  const signers = options.signersFile ?? null;
  // A list without entries: git would otherwise not even say that there is an SSH signature.
  const nobody = join(store.gitDir, 'no-signers');
  await writeFile(nobody, '');
  await store.fetch({
    refspecs: [`+refs/heads/${branch}:${FULL_REF}`],
    filter: 'tree:0',
    depth: 2_147_483_647,
    refetch: true,
  });
  const { stdout } = await store.run(
    ['log', '-z', '--format=%H%x1f%an%x1f%ae%x1f%aI%x1f%s%x1f%G?%x1f%GS', FULL_REF],
    { config: [['gpg.ssh.allowedSignersFile', signers ?? nobody]] },
  );
  return stdout
    .toString('utf8')
    .split('\0')
    .filter(line => line !== '')
    .map(line => {
      const [commit = '', name = '', email = '', at = '', subject = '', mark = 'N', signer = ''] =
        line.split(FIELD);
      // git says U, without a name, of an SSH signature that is good and by nobody on the list.
      const known = mark === 'U' && signer === '' ? 'invalid' : (MEANING[mark] ?? 'invalid');
      const signature = known !== 'none' && signers === null ? 'unchecked' : known;
      return { commit, author: { name, email }, at, subject, signature };
    });
}

function isAuditedCommit(value: unknown): value is AuditedCommit {
  if (!isJsonObject(value)) return false;
  const { author, signature } = value;
  return (
    ['commit', 'at', 'subject'].every(name => typeof value[name] === 'string') &&
    isJsonObject(author) &&
    ['name', 'email'].every(name => typeof author[name] === 'string') &&
    SIGNATURES.some(known => known === signature)
  );
}

/**
 * Reads what one rewrite kept of the history, a commit a line.
 * @throws QuickServeError REGISTRY_MALFORMED naming the line.
 */
export function readKeptLog(path: string, content: Uint8Array): readonly AuditedCommit[] {
  return readLines(path, content, (place, line) => {
    const parsed = parseRecord(place, line);
    if (!isAuditedCommit(parsed))
      throw malformed(place, 'it does not say which commit, by whom, when, about what and how signed');
    return parsed;
  });
}

/**
 * The audit log: what is in the history, and what earlier rewrites kept of theirs. Newest first.
 * @throws QuickServeError REGISTRY_MALFORMED, REMOTE_UNREACHABLE, REMOTE_REFUSED.
 */
export async function readAuditLog(access: RegistryAccess): Promise<readonly AuditedCommit[]> {
  await using store = await access.openStore();
  const state = await access.openState(store, 'tree:0');
  if (state.tip === null) return [];
  const kept = (await state.listFolders(['audit'])).get('audit') ?? [];
  const paths = kept
    .map(({ path }) => `audit/${path}`)
    .sort()
    .reverse();
  const files = await state.readFiles(paths);
  const earlier = paths.flatMap(path => readKeptLog(path, files.get(path) ?? Buffer.alloc(0)));
  return [...(await readHistory(access, store)), ...earlier];
}
