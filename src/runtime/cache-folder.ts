import { join } from 'node:path';

/** The folder for what can be downloaded again: the runner's tool cache, else the user's cache of the platform. */
export function cacheFolder(
  environment: Readonly<Record<string, string | undefined>>,
  platform: string,
  home: string,
): string {
  const user =
    platform === 'win32'
      ? environment['LOCALAPPDATA'] || join(home, 'AppData', 'Local')
      : platform === 'darwin'
        ? join(home, 'Library', 'Caches')
        : environment['XDG_CACHE_HOME'] || join(home, '.cache');
  return join(environment['RUNNER_TOOL_CACHE'] || user, 'quickserveml');
}
