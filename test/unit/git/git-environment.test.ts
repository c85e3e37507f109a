import { expect, test } from 'vitest';
import { gitEnvironment, processVariables } from '../../../src/git/git-environment.ts';

test('variables that aim at a repository, trace or open an editor are dropped; those that connect are kept', () => {
  const { variables } = gitEnvironment({
    PATH: '/bin',
    GIT_DIR: '/elsewhere',
    GIT_INDEX_FILE: '/elsewhere/index',
    GIT_TRACE: '1',
    GIT_TRACE_REDACT: '0',
    GIT_TRACE2_EVENT: '/tmp/leak',
    GIT_CONFIG_PARAMETERS: "'core.hooksPath=/evil'",
    EDITOR: 'vi',
    GIT_SSH_COMMAND: 'ssh -i key',
    GIT_SSL_CAINFO: '/ca.pem',
    HTTPS_PROXY: 'http://proxy',
    MISSING: undefined,
  });
  expect(variables).toMatchObject({
    PATH: '/bin',
    GIT_SSH_COMMAND: 'ssh -i key',
    GIT_SSL_CAINFO: '/ca.pem',
    HTTPS_PROXY: 'http://proxy',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TRACE2_EVENT: '0',
    LC_ALL: 'C',
  });
  for (const name of [
    'GIT_DIR',
    'GIT_INDEX_FILE',
    'GIT_TRACE',
    'GIT_TRACE_REDACT',
    'GIT_CONFIG_PARAMETERS',
    'EDITOR',
    'MISSING',
  ]) {
    expect(variables).not.toHaveProperty(name);
  }
});

test('inherited configuration comes first, ours wins, and the command has the last word', () => {
  const environment = gitEnvironment({
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
    GIT_CONFIG_KEY_1: 'core.hooksPath',
    GIT_CONFIG_VALUE_1: '/hooks',
  });
  const variables = processVariables(environment, [['http.https://host/.extraHeader', 'A: b']]);
  const count = Number(variables['GIT_CONFIG_COUNT']);
  const entries = Array.from({ length: count }, (_, index) => [
    variables[`GIT_CONFIG_KEY_${index}`],
    variables[`GIT_CONFIG_VALUE_${index}`],
  ]);
  expect(entries[0]).toEqual(['safe.directory', '*']);
  expect(entries.filter(([key]) => key === 'core.hooksPath').at(-1)).toEqual(['core.hooksPath', '/dev/null']);
  expect(entries.at(-1)).toEqual(['http.https://host/.extraHeader', 'A: b']);
});

test.each(['-1', 'x', '1e9', ''])('a nonsensical count of inherited configuration (%s) is none', count => {
  expect(
    gitEnvironment({ GIT_CONFIG_COUNT: count, GIT_CONFIG_KEY_0: 'a.b', GIT_CONFIG_VALUE_0: 'c' }).config,
  ).toEqual([]);
});
