import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LookupResult } from '../dns/name-lookup.ts';
import { createKeySetFetcher, type FetchedKeySet, type KeySetFetcherDeps } from './fetch-key-set.ts';

const KEYS = JSON.stringify({ keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'eA', kid: 'k', d: 'private' }] });
const CLOSED = { ok: false, problem: 'has an address from which no keys are taken' };
const found = (...addresses: string[]): LookupResult => ({ kind: 'found', addresses, ttlMs: 1_000 });

let server: Server;
let port: number;
let asked: string[];
let answer: RequestListener;
let fetcher: ReturnType<typeof createKeySetFetcher> | undefined;

beforeEach(async () => {
  asked = [];
  answer = (_, response) => response.end(KEYS);
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(async () => {
  await fetcher?.close();
  server.closeAllConnections();
  server.close();
});

/** Fetches where loopback is open, and every name leads there, unless told otherwise. */
function fetchKeys(
  url: string,
  deps: Partial<KeySetFetcherDeps> = {},
  signal = new AbortController().signal,
): Promise<FetchedKeySet> {
  fetcher = createKeySetFetcher({
    look: () => Promise.resolve(found('127.0.0.1')),
    isAddressClosed: () => false,
    ...deps,
  });
  return fetcher.fetch(url, signal);
}

describe('what is taken', () => {
  test('public members of public keys', async () => {
    expect(await fetchKeys(`http://id.test:${port}/keys?a=b`)).toEqual({
      ok: true,
      keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'eA', kid: 'k' }],
      freshMs: 300_000,
    });
    expect(asked).toEqual(['/keys?a=b']);
  });

  test.each([
    ['max-age=600', 600_000],
    ['public, max-age=1', 60_000],
    ['max-age=99999999', 3_600_000],
    ['no-store', 300_000],
  ])('fresh as Cache-Control says, within bounds: %s', async (value, freshMs) => {
    answer = (_, response) => response.setHeader('cache-control', value).end(KEYS);
    expect(await fetchKeys(`http://id.test:${port}/`)).toMatchObject({ freshMs });
  });

  test('none where the server has none', async () => {
    answer = (_, response) => response.end('{"keys":[]}');
    expect(await fetchKeys(`http://id.test:${port}/`)).toMatchObject({ ok: true, keys: [] });
  });
});

describe('what is refused, without telling what was answered', () => {
  const cases: [name: string, answer: RequestListener, problem: string][] = [
    ['an error', (_, response) => response.writeHead(500).end('secret'), 'answers with status 500'],
    [
      'a redirect, which is not followed',
      (_, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
      'answers with status 302',
    ],
    ['no JSON', (_, response) => response.end('secret'), 'answers with what is not JSON'],
    ['no list', (_, response) => response.end('{"a":"secret"}'), 'answers with what has no list of keys'],
    [
      'a body without end',
      (_, response) => {
        const more = () => {
          while (response.write('x'.repeat(16_384)));
        };
        response.on('drain', more);
        more();
      },
      'answers with more than 262144 bytes',
    ],
    ['a connection cut short', (request) => request.socket.destroy(), 'cannot be asked (UND_ERR_SOCKET)'],
  ];
  for (const [name, listener, problem] of cases) {
    test(name, async () => {
      answer = listener;
      expect(await fetchKeys(`http://id.test:${port}/`)).toEqual({ ok: false, problem });
      expect(asked).toEqual(['/']);
    });
  }

  test('an answer that does not come', async () => {
    answer = () => {};
    expect(await fetchKeys(`http://id.test:${port}/`, { timeoutMs: 50 })).toEqual({
      ok: false,
      problem: 'does not answer in time',
    });
  });

  test('an answer that comes in drops', async () => {
    answer = (_, response) => {
      const drops = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(drops));
    };
    expect(await fetchKeys(`http://id.test:${port}/`, { timeoutMs: 100 })).toEqual({
      ok: false,
      problem: 'does not answer in time',
    });
  });

  test('a name that does not resolve', async () => {
    const look = () => Promise.resolve<LookupResult>({ kind: 'none' });
    expect(await fetchKeys(`http://id.test:${port}/`, { look })).toEqual({
      ok: false,
      problem: 'does not resolve',
    });
  });

  test('what is taken back', async () => {
    const aborter = new AbortController();
    answer = () => aborter.abort();
    expect(await fetchKeys(`http://id.test:${port}/`, {}, aborter.signal)).toMatchObject({ ok: false });
  });
});

describe('nobody is asked on this Pod or its link', () => {
  const closed = async (url: string, ...addresses: string[]) => {
    fetcher = createKeySetFetcher({ look: () => Promise.resolve(found(...addresses)), timeoutMs: 50 });
    return fetcher.fetch(url, new AbortController().signal);
  };

  test.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:a9fe:a9fe]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b::f000:1]',
    '168.63.129.16',
    '[fe80::1]',
    '[ff02::1]',
    '[fd00:ec2::254]',
  ])('by address: %s', async (host) => {
    expect(await closed(`http://${host}:${port}/`)).toEqual(CLOSED);
    expect(asked).toEqual([]);
  });

  test.each(['127.0.0.1', '169.254.169.254', '::1', '::ffff:7f00:1'])('by a name of %s', async (address) => {
    expect(await closed(`http://id.test:${port}/`, address)).toEqual(CLOSED);
    expect(await closed(`http://localhost:${port}/`, address)).toEqual(CLOSED);
    expect(asked).toEqual([]);
  });

  test('of several addresses the open ones are asked', async () => {
    const look = () => Promise.resolve(found('127.0.0.2', '127.0.0.1'));
    const isAddressClosed = (address: string) => address === '127.0.0.2';
    expect(await fetchKeys(`http://id.test:${port}/`, { look, isAddressClosed })).toMatchObject({ ok: true });
  });
});
