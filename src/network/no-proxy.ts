import { BlockList, isIP } from 'node:net';

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

function inSubnet(address: string, subnet: string): boolean {
  const [network = '', prefix = ''] = subnet.split('/');
  const family = isIP(network);
  const length = Number(prefix);
  if (family === 0 || family !== isIP(address) || prefix === '' || !Number.isInteger(length)) return false;
  if (length < 0 || length > (family === 4 ? 32 : 128)) return false;
  const name = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, length, name);
  return list.check(address, name);
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inSubnet(host, entry);
  const parts = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry);
  const name = parts?.[1]?.replace(/^\*?\./, '') ?? '';
  if (name === '' || (parts?.[2] !== undefined && parts[2] !== port)) return false;
  return host === name || host.endsWith(`.${name}`);
}

/**
 * Whether an address is reached without the proxy. As curl and Go read NO_PROXY: names hold for everything below them
 * with or without a leading dot, a port narrows, `*` is everything, and addresses may be a subnet (`10.0.0.0/8`). Names
 * are not resolved.
 */
export function isDirect(url: URL, noProxy: string | null): boolean {
  const host = url.hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  const port = url.port || DEFAULT_PORTS[url.protocol] || '';
  return (noProxy ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .some(entry => entry !== '' && matches(entry, host, port));
}
