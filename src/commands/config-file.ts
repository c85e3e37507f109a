import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Config } from '../config/config.ts';
import { defaultConfig, parseConfig } from '../config/parse.ts';
import { CONFIG_NAME } from '../shared/config-name.ts';
import { messageOf, QuickServeError, systemCodeOf } from '../shared/errors.ts';

/**
 * Reads the configuration of the work tree.
 * @throws QuickServeError CONFIG_INVALID, CONFIG_NOT_FOUND where a file was named, FILE_UNREADABLE.
 */
export async function loadConfig(root: string, cwd: string, named: string | null): Promise<Config> {
  const path = named === null ? join(root, CONFIG_NAME) : resolve(cwd, named);
  const shown = isAbsolute(relative(root, path)) ? path : relative(root, path).split(sep).join('/');
  try {
    return parseConfig({ text: await readFile(path, 'utf8'), path: shown });
  } catch (thrown) {
    if (thrown instanceof QuickServeError) throw thrown;
    const isMissing = systemCodeOf(thrown) === 'ENOENT';
    if (isMissing && named === null) {
      refuseMisplaced(root, cwd);
      return defaultConfig();
    }
    throw new QuickServeError({
      code: isMissing ? 'CONFIG_NOT_FOUND' : 'FILE_UNREADABLE',
      message: `The configuration ${shown} cannot be read: ${isMissing ? 'there is no such file' : messageOf(thrown)}.`,
      hint: 'Name an existing file with --config, or leave the option out to use the defaults.',
      cause: thrown,
    });
  }
}

/** A configuration under another name or in a subfolder would be passed over without a word. */
function refuseMisplaced(root: string, cwd: string): void {
  const [found] = ['quickserveml.yaml', '.quickserveml.yml', '.quickserveml.yaml']
    .map(name => join(root, name))
    .concat(join(cwd, CONFIG_NAME))
    .filter(path => existsSync(path));
  if (found === undefined) return;
  const shown = relative(cwd, found).split(sep).join('/');
  throw new QuickServeError({
    code: 'CONFIG_NOT_FOUND',
    message: `${shown} is not read: the configuration is called ${CONFIG_NAME} and lies in the root of the repository.`,
    hint: `Move it there, or name it: --config ${shown}`,
  });
}
