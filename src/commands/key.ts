import { randomBytes } from 'node:crypto';
import { hashOfKey, keyOfBytes, SHORTEST_KEY } from '../serving/access/api-keys.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { CommandResult } from './command-result.ts';

export interface KeyOptions {
  readonly name: string;
  /** Hash a key that is read from stdin instead of making one. */
  readonly stdin?: boolean;
  readonly perSecond?: number;
  readonly burst?: number;
}

const LONGEST_INPUT = 4096;

async function readKey(stdin: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const piece of stdin) {
    text += Buffer.from(piece).toString('utf8');
    if (text.length > LONGEST_INPUT) break;
  }
  const key = text.trim();
  const usable = key.length >= SHORTEST_KEY && key.length <= 512 && /^[\x21-\x7e]+$/.test(key);
  if (usable) return key;
  throw new QuickServeError({
    code: 'USAGE',
    message: `The key on stdin has to be ${SHORTEST_KEY} to 512 printable ASCII characters without blanks.`,
    hint: 'Leave out --stdin to have one made; a short key could be guessed from its hash.',
  });
}

/** `key NAME`: makes an API key for `serve`, or hashes one from stdin, and prints its entry for the settings. */
export async function keyCommand(
  options: KeyOptions,
  stdin: AsyncIterable<Uint8Array>,
): Promise<CommandResult> {
  const { name, perSecond, burst } = options;
  const made = options.stdin === true ? null : keyOfBytes(randomBytes(32));
  const sha256 = hashOfKey(made ?? (await readKey(stdin)));
  const rate =
    perSecond === undefined ? {} : { rate: { perSecond, ...(burst === undefined ? {} : { burst }) } };
  const entry = { name, sha256, ...rate };
  const shown =
    made === null
      ? []
      : [`key: ${made}`, 'It is shown this once and is not in the entry. Callers send it as', ''];
  const usage = made === null ? [] : ['  Authorization: Bearer <key>', ''];
  return {
    document: { ...(made === null ? {} : { key: made }), entry },
    text: [
      ...shown,
      ...usage,
      'Entry for the list "keys" of the section "access" of the settings:',
      JSON.stringify(entry, null, 2),
    ].join('\n'),
    exitCode: 0,
  };
}
