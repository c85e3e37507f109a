import { describe, expect, test } from 'vitest';
import {
  combineCredentials,
  headersFor,
  noCredentials,
  separateUrlCredentials,
  tokenCredentials,
} from '../../../src/git/credentials.ts';

const basic = (login: string): string => `Basic ${Buffer.from(login).toString('base64')}`;

test('user and password leave the address and become a header for its host', () => {
  const { url, credentials } = separateUrlCredentials('https://gitlab-ci-token:a%40b@host:8443/g/x.git');
  expect(url).toBe('https://host:8443/g/x.git');
  expect(headersFor(credentials, `${url}/info/lfs`)).toEqual({ authorization: basic('gitlab-ci-token:a@b') });
  expect(credentials.secrets).toContain('a@b');
});

test.each([
  'https://host/x.git',
  'git@host:x.git',
  'ssh://git@host/x.git',
  '/srv/x.git',
  'file:///srv/x.git',
])('%s stays as it is', address => {
  expect(separateUrlCredentials(address)).toEqual({ url: address, credentials: noCredentials });
});

describe('headers', () => {
  test('of a later credential replace those of an earlier one, instead of being sent beside them', () => {
    const stored = {
      config: [['http.https://host/.extraheader', 'AUTHORIZATION: basic b2xk']] as const,
      secrets: ['old'],
    };
    const combined = combineCredentials(stored, tokenCredentials('https://host/x.git', 'new-token'));
    expect(headersFor(combined, 'https://host/x.git')).toEqual({
      authorization: basic('x-access-token:new-token'),
    });
    expect(combined.secrets).toEqual(expect.arrayContaining(['old', 'new-token']));
  });

  test('with a path hold below that path only, by whole segments', () => {
    const credentials = { config: [['http.https://host/team.extraHeader', 'X: 1']] as const, secrets: [] };
    expect(headersFor(credentials, 'https://host/team/x')).toEqual({ x: '1' });
    expect(headersFor(credentials, 'https://host/teams/x')).toEqual({});
  });

  test('without a host hold everywhere', () => {
    expect(headersFor({ config: [['http.extraheader', 'X: a: b']], secrets: [] }, 'https://any/')).toEqual({
      x: 'a: b',
    });
  });
});

test('a remote that is not HTTP gets no header, and the token is masked all the same', () => {
  expect(tokenCredentials('git@host:x.git', 'token')).toEqual({ config: [], secrets: ['token'] });
});
