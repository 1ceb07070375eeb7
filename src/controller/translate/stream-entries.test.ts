import { describe, expect, test } from 'vitest';
import { readStreamEntry } from './stream-entries.ts';

const plain = { namespace: 'db', service: 'postgres', servicePort: '5432' };
const good: readonly { value: string; want: object; vain?: string }[] = [
  { value: 'db/postgres:5432', want: plain },
  { value: ' db/postgres:5432 ', want: plain },
  { value: 'db/postgres:sql', want: { ...plain, servicePort: 'sql' } },
  { value: 'db/postgres:5432:PROXY', want: { isProxyProtocolRead: true, isProxyProtocolSent: false } },
  { value: 'db/postgres:5432:proxy:Proxy', want: { isProxyProtocolRead: true, isProxyProtocolSent: true } },
  { value: 'db/postgres:5432::PROXY', want: { isProxyProtocolRead: false, isProxyProtocolSent: true } },
  { value: 'db/postgres:5432:', want: { isProxyProtocolRead: false, isProxyProtocolSent: false } },
  { value: 'db/postgres:5432:TLS', want: plain, vain: 'has "TLS" where only PROXY means anything' },
  {
    value: 'db/postgres:5432:PROXY:PROXY:PROXY',
    want: { isProxyProtocolRead: true, isProxyProtocolSent: false },
    vain: 'has more behind the second PROXY',
  },
];

describe('an entry', () => {
  for (const { value, want, vain } of good) {
    test(`"${value}"`, () => {
      const read = readStreamEntry('5432', value, 'TCP');
      expect(read).toMatchObject({ ok: true, entry: { port: 5432, ...want } });
      expect(read.ok && read.entry.vain).toBe(vain);
    });
  }

  test('of UDP has no PROXY headers', () => {
    expect(readStreamEntry('53', 'dns/coredns:53:PROXY', 'UDP')).toMatchObject({
      ok: true,
      entry: {
        isProxyProtocolRead: false,
        vain: 'has more than a Service and a port, which for UDP means nothing',
      },
    });
  });

  for (const key of ['', 'x', '0', '65536', '-1', '5432a', '54 32', '1e3', '9'.repeat(400)]) {
    test(`under the key "${key.slice(0, 10)}" has no port`, () => {
      expect(readStreamEntry(key, 'db/postgres:5432', 'TCP')).toEqual({
        ok: false,
        problem: 'stands under a key that is not a port number from 1 to 65535',
      });
    });
  }

  for (const value of [
    '',
    'postgres',
    'postgres:5432',
    'db/postgres',
    'db/postgres:',
    '/x:1',
    'a/b/c:1',
    ':::',
  ]) {
    test(`"${value}" is none`, () => {
      expect(readStreamEntry('5432', value, 'TCP')).toMatchObject({ ok: false });
    });
  }
});
