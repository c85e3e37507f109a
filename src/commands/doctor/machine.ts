import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { GitEnvironment } from '../../git/git-environment.ts';
import { runGit } from '../../git/git-process.ts';
import { CERTIFICATE_VARIABLES, readCertificates } from '../../network/certificates.ts';
import { networkSettings, proxyVariable } from '../../network/settings.ts';
import { fileReason } from '../../shared/errors.ts';
import { OLDEST_NODE } from '../../shared/node-version.ts';
import type { Surroundings } from '../surroundings.ts';
import { type DoctorLine, linesOf, ok, problem, warning } from './line.ts';

/** The oldest git that the throw-away stores work with. */
const OLDEST_GIT = [2, 30] as const;

async function gitLines(cwd: string, environment: GitEnvironment): Promise<readonly DoctorLine[]> {
  const { stdout } = await runGit({ args: ['version'], cwd, environment });
  const version = /(\d+)\.(\d+)[\w.-]*/.exec(stdout.toString('utf8'));
  const [shown = 'of an unknown version', major = 0, minor = 0] = version ?? [];
  const isOld =
    Number(major) < OLDEST_GIT[0] || (Number(major) === OLDEST_GIT[0] && Number(minor) < OLDEST_GIT[1]);
  return [
    isOld
      ? problem(
          'machine',
          'GIT_FAILED',
          `git ${shown} is too old.`,
          `Install git ${OLDEST_GIT.join('.')} or newer.`,
        )
      : ok('machine', `git ${shown}`),
  ];
}

function cacheLine(folder: string): DoctorLine {
  try {
    let there = folder;
    while (!existsSync(there) && there !== dirname(there)) there = dirname(there);
    accessSync(there, constants.W_OK);
    return ok('machine', `Cache folder ${folder}`);
  } catch (error) {
    return problem(
      'machine',
      'OUTPUT_UNWRITABLE',
      `The cache folder ${folder} cannot be written: ${fileReason(error)}`,
      'Point XDG_CACHE_HOME (Linux) or RUNNER_TOOL_CACHE to a folder that can be.',
    );
  }
}

/** Node.js, git and the cache folder. */
export async function machineLines(
  cwd: string,
  environment: GitEnvironment,
  world: Surroundings,
): Promise<readonly DoctorLine[]> {
  return [
    ok('machine', `Node.js ${process.versions.node} (${OLDEST_NODE} or newer is needed)`),
    ...(await linesOf('machine', () => gitLines(cwd, environment))),
    cacheLine(world.cacheFolder),
  ];
}

/** Where a proxy is, without user and password. */
const placeOf = (address: string): string => new URL(address).host;

function certificateLines(env: Surroundings['env']): readonly DoctorLine[] {
  return CERTIFICATE_VARIABLES.flatMap(name => {
    const path = env[name] ?? '';
    if (path === '') return [];
    return readCertificates(path) === null
      ? [
          problem(
            'network',
            'FILE_UNREADABLE',
            `${name} names ${path}, which cannot be read or has no certificate.`,
            'Name a PEM file of authorities, readable for the user of this job.',
          ),
        ]
      : [ok('network', `Authorities of ${name} (${path})`)];
  });
}

/** Proxies and private authorities. */
export function networkLines(env: Surroundings['env']): Promise<readonly DoctorLine[]> {
  return linesOf('network', () => {
    const { httpProxy, httpsProxy, noProxy } = networkSettings(env);
    const proxies = (['http', 'https'] as const).flatMap(kind => {
      const address = kind === 'http' ? httpProxy : httpsProxy;
      const name = proxyVariable(env, kind)?.name ?? '';
      return address === null ? [] : [ok('network', `Proxy for ${kind}: ${placeOf(address)} (${name})`)];
    });
    const oneSided =
      (httpProxy === null) !== (httpsProxy === null)
        ? [
            warning(
              'network',
              `There is a proxy for ${httpProxy === null ? 'https' : 'http'} addresses only.`,
              'Set HTTP_PROXY and HTTPS_PROXY, if both kinds are to go through it.',
            ),
          ]
        : [];
    const spared =
      noProxy === null || proxies.length === 0 ? [] : [ok('network', `Without proxy: ${noProxy}`)];
    const none = proxies.length === 0 ? [ok('network', 'No proxy')] : [];
    return [...proxies, ...none, ...spared, ...oneSided, ...certificateLines(env)];
  });
}
