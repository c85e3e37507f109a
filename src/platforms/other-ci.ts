import vendors from 'ci-info/vendors.json' with { type: 'json' };
import type { BaseHint, CiContext } from './context.ts';
import { type Environment, variable } from './environment.ts';
import { commitId } from './json-values.ts';

/** How a vendor is recognised, as ci-info writes it: a variable, several (all of them), values, or one of a list. */
type VendorRule =
  | string
  | readonly string[]
  | { readonly env: string; readonly includes: string }
  | { readonly any: readonly string[] }
  | Readonly<Record<string, string>>;

function holds(env: Environment, rule: VendorRule): boolean {
  const isSet = (name: string): boolean => variable(env, name) !== null;
  if (typeof rule === 'string') return isSet(rule);
  if (Array.isArray(rule)) return rule.every(isSet);
  if ('includes' in rule && 'env' in rule)
    return env[String(rule.env)]?.includes(String(rule.includes)) === true;
  if ('any' in rule && Array.isArray(rule.any)) return rule.any.some(name => isSet(String(name)));
  return Object.entries(rule).every(([name, value]) => env[name] === value);
}

/** Name of the CI that the run is in, for those without a room of their own here; null on a laptop. */
export function otherCiName(env: Environment): string | null {
  const found = vendors.find(vendor => holds(env, vendor.env as VendorRule));
  if (found !== undefined) return found.name;
  return env['CI'] === undefined || env['CI'] === '' || env['CI'] === 'false' ? null : 'this CI';
}

/** Where vendors put the branch that a pull request goes into, and the commit that is checked. */
const TARGET_BRANCHES = [
  'BITBUCKET_PR_DESTINATION_BRANCH',
  'SYSTEM_PULLREQUEST_TARGETBRANCH',
  'BUILDKITE_PULL_REQUEST_BASE_BRANCH',
  'CI_COMMIT_TARGET_BRANCH',
] as const;
const PUSHED_BRANCHES = [
  'BITBUCKET_BRANCH',
  'BUILD_SOURCEBRANCH',
  'BUILDKITE_BRANCH',
  'DRONE_BRANCH',
  'CIRCLE_BRANCH',
  'CI_COMMIT_BRANCH',
  'TRAVIS_BRANCH',
] as const;
const HEAD_COMMITS = [
  'BITBUCKET_COMMIT',
  'BUILD_SOURCEVERSION',
  'BUILDKITE_COMMIT',
  'DRONE_COMMIT_SHA',
  'CIRCLE_SHA1',
  'CI_COMMIT_SHA',
  'TRAVIS_COMMIT',
] as const;

const firstOf = (env: Environment, names: readonly string[]): string | null =>
  names.map(name => variable(env, name)).find(value => value !== null) ?? null;

const branchName = (ref: string | null): string | null => ref?.replace(/^refs\/heads\//u, '') ?? null;

/** Drone and Travis set the same variable for pushes, where it is the pushed branch itself. */
function targetBranch(env: Environment): string | null {
  if (env['DRONE_BUILD_EVENT'] === 'pull_request') return variable(env, 'DRONE_TARGET_BRANCH');
  if (variable(env, 'TRAVIS_PULL_REQUEST_BRANCH') !== null) return variable(env, 'TRAVIS_BRANCH');
  return branchName(firstOf(env, TARGET_BRANCHES));
}

/** In a clone of the main branch the merge base with the remote's is HEAD: a push would be compared with itself. */
function pushBase(env: Environment, local: BaseHint): BaseHint {
  const branch = branchName(firstOf(env, PUSHED_BRANCHES));
  return branch === 'main' || branch === 'master' ? { kind: 'parent' } : local;
}

/**
 * The context of a run in any other CI: its commit, and the merge base with the branch that its pull request goes into,
 * where the vendor says it. A push to the main branch has HEAD's parent for a base, anything else what a laptop has.
 */
export function readOtherContext(env: Environment, local: CiContext): CiContext {
  if (otherCiName(env) === null) return local;
  const target = targetBranch(env);
  const base: BaseHint =
    target === null
      ? pushBase(env, local.base)
      : { kind: 'merge-base', of: target, role: `merge base of ${target}` };
  return {
    ...local,
    event: target === null ? 'push' : 'pull-request',
    headSha: commitId(firstOf(env, HEAD_COMMITS)),
    base,
  };
}
