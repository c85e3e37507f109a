import { parse } from 'yaml';
import { isJsonObject } from '../shared/json-object.ts';
import type { CommentConfig } from './config.ts';
import { defaultConfig, LARGEST_FILE_BYTES, parseConfig } from './parse.ts';

/** What a configuration says of the comment although other parts of it are wrong; the defaults where it cannot be read. */
export function commentSettingsOf(text: string): CommentConfig {
  const defaults = defaultConfig().comment;
  if (Buffer.byteLength(text) > LARGEST_FILE_BYTES) return defaults;
  try {
    const whole: unknown = parse(text, { maxAliasCount: 0, logLevel: 'silent' });
    if (!isJsonObject(whole) || !isJsonObject(whole['comment'])) return defaults;
    // JSON is YAML.
    return parseConfig({ text: JSON.stringify({ comment: whole['comment'] }), path: 'comment' }).comment;
  } catch {
    return defaults;
  }
}
