import { readFileSync } from 'node:fs';
import type { CiContext } from './context.ts';
import { type Environment, variable } from './environment.ts';
import { readGitHubContext } from './github/context.ts';
import { readGitLabContext } from './gitlab/context.ts';
import { readJenkinsContext } from './jenkins/context.ts';
import { readOtherContext } from './other-ci.ts';

const LOCAL: CiContext = {
  platform: 'local',
  event: 'manual',
  repository: null,
  headSha: null,
  branch: null,
  defaultBranch: null,
  onDefaultBranch: false,
  base: { kind: 'local' },
  pullRequest: null,
  actor: null,
  runUrl: null,
  filesUrl: null,
};

/** The text of the file that GITHUB_EVENT_PATH names; may throw. */
type ReadEventFile = (path: string) => string;

const fromDisk: ReadEventFile = path => readFileSync(path, 'utf8');

/** Where this run happens, from the environment alone. Without an event that can be read it goes on as if there was none. */
export function readCiContext(env: Environment, readEventFile = fromDisk): CiContext {
  if (env['GITHUB_ACTIONS'] === 'true') return readGitHubContext(env, readEvent(env, readEventFile));
  if (env['GITLAB_CI'] === 'true') return readGitLabContext(env);
  if (variable(env, 'JENKINS_URL') !== null || variable(env, 'JENKINS_HOME') !== null)
    return readJenkinsContext(env);
  return readOtherContext(env, LOCAL);
}

/** The event that started a workflow of GitHub; null: there is none, or it cannot be read. */
export function readEvent(env: Environment, readEventFile = fromDisk): unknown {
  const path = variable(env, 'GITHUB_EVENT_PATH');
  if (path === null) return null;
  try {
    return JSON.parse(readEventFile(path));
  } catch {
    return null;
  }
}
