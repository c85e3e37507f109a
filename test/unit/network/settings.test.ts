import { describe, expect, it } from 'vitest';
import { isDirect } from '../../../src/network/no-proxy.ts';
import { networkSettings, proxyVariable } from '../../../src/network/settings.ts';

describe('NO_PROXY', () => {
  const direct = (url: string, noProxy: string | null): boolean => isDirect(new URL(url), noProxy);

  it.each([
    ['https://git.corp.example/x', 'corp.example'],
    ['https://git.corp.example/x', '.corp.example'],
    ['https://git.corp.example/x', '*.corp.example'],
    ['https://corp.example', 'other.example, corp.example'],
    ['https://CORP.example', 'corp.EXAMPLE'],
    ['https://anything.example', '*'],
    ['https://git.corp.example:8443', 'corp.example:8443'],
    ['https://git.corp.example', 'corp.example:443'],
    ['http://10.20.30.40:5000/v2/', '10.0.0.0/8'],
    ['http://10.20.30.40:5000/v2/', '10.20.30.40'],
    ['http://[fd00::1]:5000/', 'fd00::/8'],
    ['http://[fd00::1]:5000/', 'fd00::1'],
    ['http://[fd00::1]:5000/', '[fd00::1]:5000'],
    ['http://localhost:8080', 'localhost 127.0.0.1'],
  ])('spares %s for "%s"', (url, noProxy) => {
    expect(direct(url, noProxy)).toBe(true);
  });

  it.each([
    ['https://git.corp.example', null],
    ['https://git.corp.example', ''],
    ['https://evilcorp.example', 'corp.example'],
    ['https://corp.example.evil.example', 'corp.example'],
    ['https://git.corp.example:8443', 'corp.example:443'],
    ['http://11.20.30.40', '10.0.0.0/8'],
    ['http://10.20.30.40', '10.0.0.0/'],
    ['http://10.20.30.40', '10.0.0.0/99'],
    ['http://name.example', '10.0.0.0/8'],
    ['http://[fe00::1]/', 'fd00::/8'],
  ])('does not spare %s for "%s"', (url, noProxy) => {
    expect(direct(url, noProxy)).toBe(false);
  });
});

describe('the settings of the network', () => {
  it('take lower case before upper case, and ALL_PROXY for what has none of its own', () => {
    const env = { https_proxy: 'http://lower:1', HTTPS_PROXY: 'http://upper:1', ALL_PROXY: 'http://all:1' };
    expect(networkSettings(env)).toMatchObject({
      httpsProxy: 'http://lower:1',
      httpProxy: 'http://all:1',
      noProxy: null,
    });
    expect(proxyVariable(env, 'http')).toEqual({ name: 'ALL_PROXY', value: 'http://all:1' });
  });

  it('understand a proxy that is written without http://, and an empty one as none', () => {
    expect(networkSettings({ HTTPS_PROXY: 'proxy.corp.example:3128', http_proxy: '' })).toMatchObject({
      httpsProxy: 'http://proxy.corp.example:3128',
      httpProxy: null,
    });
  });

  it('name the variable of a proxy that is none, never its value', () => {
    const secret = 'hunter2';
    for (const value of [`socks4://me:${secret}@proxy:1`, `http://me:${secret}@:not-a-port`]) {
      expect(() => networkSettings({ HTTPS_PROXY: value })).toThrow(
        expect.objectContaining({
          code: 'PROXY_INVALID',
          message: expect.not.stringContaining(secret),
        }),
      );
    }
  });

  it('leave out certificates that cannot be read', () => {
    const env = { NODE_EXTRA_CA_CERTS: '/does/not/exist.pem', CI_SERVER_TLS_CA_FILE: import.meta.filename };
    expect(networkSettings(env).certificates).toEqual([]);
  });
});
