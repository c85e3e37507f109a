/** One entry of git's configuration: `['http.https://host/.extraHeader', 'Authorization: ...']`. */
export type ConfigEntry = readonly [key: string, value: string];

/** The environment of every git process: built once by a front door, handed in from then on. */
export interface GitEnvironment {
  /** Everything that a child sees, apart from the configuration that is added for one command. */
  readonly variables: Readonly<Record<string, string>>;
  /** Configuration that the caller's own environment brought along (GIT_CONFIG_COUNT). */
  readonly config: readonly ConfigEntry[];
  /** Folder for throw-away object stores. */
  readonly temporaryFolder: string;
}

/**
 * The inherited GIT_* variables that say how to connect. Every other one is dropped: those that name a repository
 * (GIT_DIR, GIT_INDEX_FILE, ...) would aim our commands at the wrong place, and GIT_TRACE* can print tokens.
 */
const CONNECTION_VARIABLES = new Set([
  'GIT_ASKPASS',
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_CONFIG_SYSTEM',
  'GIT_EXEC_PATH',
  'GIT_PROXY_COMMAND',
  'GIT_PROXY_SSL_CAINFO',
  'GIT_SSH',
  'GIT_SSH_COMMAND',
  'GIT_SSH_VARIANT',
  'GIT_SSL_CAINFO',
  'GIT_SSL_CAPATH',
  'GIT_SSL_CERT',
  'GIT_SSL_KEY',
  'GIT_SSL_NO_VERIFY',
]);

/** Programs that git would start for a person. */
const INTERACTIVE_VARIABLES = new Set(['EDITOR', 'VISUAL', 'PAGER', 'LESS', 'LV']);

const FIXED_VARIABLES: Readonly<Record<string, string>> = {
  LC_ALL: 'C',
  LANGUAGE: 'C',
  GIT_TERMINAL_PROMPT: '0',
  GCM_INTERACTIVE: 'never',
  // `git status` refreshes the index of the user's clone unless this is off.
  GIT_OPTIONAL_LOCKS: '0',
  GIT_LITERAL_PATHSPECS: '1',
  // Zero in the environment wins over trace2 targets in the user's configuration.
  GIT_TRACE2: '0',
  GIT_TRACE2_EVENT: '0',
  GIT_TRACE2_PERF: '0',
};

/** Last in the environment, so they win over the user's configuration. */
const FIXED_CONFIG: readonly ConfigEntry[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.quotePath', 'false'],
  ['push.gpgSign', 'false'],
  ['push.negotiate', 'false'],
  ['push.recurseSubmodules', 'no'],
  ['push.followTags', 'false'],
  ['pack.useSparse', 'true'],
  ['fetch.recurseSubmodules', 'no'],
  ['fetch.writeCommitGraph', 'false'],
  ['fetch.prune', 'false'],
  ['maintenance.auto', 'false'],
  ['gc.auto', '0'],
];

function inheritedConfig(env: Readonly<Record<string, string | undefined>>): ConfigEntry[] {
  const count = Number(env['GIT_CONFIG_COUNT'] ?? '0');
  if (!Number.isInteger(count) || count < 1 || count > 10_000) return [];
  const entries: ConfigEntry[] = [];
  for (let index = 0; index < count; index += 1) {
    const key = env[`GIT_CONFIG_KEY_${index}`];
    const value = env[`GIT_CONFIG_VALUE_${index}`];
    if (key !== undefined && value !== undefined) entries.push([key, value]);
  }
  return entries;
}

/**
 * The environment for git, from that of the process. Pure: a front door reads `process.env` once and calls this.
 * Inherited GIT_* variables are dropped unless they say how to connect; no prompt, no optional lock, no trace.
 */
export function gitEnvironment(env: Readonly<Record<string, string | undefined>>): GitEnvironment {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    const upper = name.toUpperCase();
    if (INTERACTIVE_VARIABLES.has(upper)) continue;
    if (upper.startsWith('GIT_') && !CONNECTION_VARIABLES.has(upper)) continue;
    variables[name] = value;
  }
  // curl, and so git, takes this one in lower case only.
  const httpProxy = variables['HTTP_PROXY'];
  if (httpProxy && !variables['http_proxy']) variables['http_proxy'] = httpProxy;
  return {
    variables: { ...variables, ...FIXED_VARIABLES },
    config: inheritedConfig(env),
    temporaryFolder: env['TMPDIR'] || env['TEMP'] || env['TMP'] || '/tmp',
  };
}

/** The variables of one git process: `config` travels as GIT_CONFIG_COUNT/KEY/VALUE, so that it shows in no argument list. */
export function processVariables(
  environment: GitEnvironment,
  config: readonly ConfigEntry[] = [],
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const entries = [...environment.config, ...FIXED_CONFIG, ...config];
  const variables: Record<string, string> = { ...environment.variables, ...extra };
  variables['GIT_CONFIG_COUNT'] = String(entries.length);
  for (const [index, [key, value]] of entries.entries()) {
    variables[`GIT_CONFIG_KEY_${index}`] = key;
    variables[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return variables;
}
