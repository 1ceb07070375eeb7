import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { CHAIN } from '../../../test/fixtures/access-chains.ts';
import { isInnerAddress } from '../dns/closed-addresses.ts';
import { createStapleFetcher } from './fetch-staple.ts';
import { readOcspSubject, type OcspSubject } from './ocsp-request.ts';

let server: Server;
afterEach(() => void server?.close());

const subject = readOcspSubject(CHAIN) as OcspSubject;

async function fetchFrom(
  answer: Buffer,
  isAddressClosed: (address: string) => boolean,
  urlOf = (port: number) => `http://127.0.0.1:${port}/`,
) {
  const seen: (readonly [method: string, type: string])[] = [];
  server = createServer((request, response) => {
    seen.push([request.method!, request.headers['content-type']!]);
    response.end(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const fetcher = createStapleFetcher({
    look: async () => ({ kind: 'found', addresses: ['127.0.0.1'], ttlMs: 1 }),
    isAddressClosed,
    epochMs: Date.now,
  });
  const result = await fetcher.fetch({ ...subject, url: urlOf(port) }, new AbortController().signal);
  await fetcher.close();
  return { result, seen };
}

const FORBIDDEN = { ok: false, problem: 'has an address that no certificate may lead to' };

test('a certificate leads to no inner address, by number or by name', async () => {
  for (const host of ['127.0.0.1', 'inner.test']) {
    const { result, seen } = await fetchFrom(
      Buffer.alloc(0),
      isInnerAddress,
      (port) => `http://${host}:${port}/`,
    );
    expect(result).toEqual(FORBIDDEN);
    expect(seen).toEqual([]);
  }
});

test('what a responder answers is judged, and bounded', async () => {
  const open = () => false;
  const { result, seen } = await fetchFrom(Buffer.from('x'), open);
  expect(result).toEqual({ ok: false, problem: 'answers with what is no OCSP response' });
  expect(seen).toEqual([['POST', 'application/ocsp-request']]);
  const large = await fetchFrom(Buffer.alloc(20_000), open);
  expect(large.result).toEqual({ ok: false, problem: 'answers with more than 16384 bytes' });
});

test('private networks are inner, whatever they are dressed as, and the Internet is not', () => {
  const inner = ['127.0.0.1', '169.254.169.254', '10.1.2.3', '172.31.0.1', '192.168.0.1', '100.64.0.1'];
  const inner6 = [
    '::1',
    'fe80::1',
    'fd00::1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b::c0a8:1',
    '2002:a00::',
  ];
  for (const address of [...inner, ...inner6]) expect(isInnerAddress(address), address).toBe(true);
  for (const address of ['192.0.2.1', '172.32.0.1', '2001:db8::1', '64:ff9b::c000:201'])
    expect(isInnerAddress(address), address).toBe(false);
});
