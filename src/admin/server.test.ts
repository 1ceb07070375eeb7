import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { redactBytes, type RedactedBytes } from '../lib/redacted-bytes.ts';
import { createAccess, isLoopback } from './access.ts';
import { PIECE_BYTES } from '../observe/pieces.ts';
import { jsonPieces } from './json-pieces.ts';
import { startAdminServer, type AdminServer } from './server.ts';

let failure: string | undefined;
let token: RedactedBytes | undefined;
let isLocal: boolean;
let findings: unknown[];
const failures: unknown[] = [];
const broken = (): unknown => {
  throw new Error('on purpose');
};
let server: AdminServer;

beforeEach(async () => {
  failure = undefined;
  token = undefined;
  isLocal = true;
  findings = [];
  failures.length = 0;
  server = await startAdminServer(
    {
      checks: [
        { name: 'ping', failure: () => undefined },
        { name: 'nginx-ingress-controller', failure: () => failure },
      ],
      healthPath: '/healthz',
      metrics: async () => ({ contentType: 'text/plain; version=0.0.4', pieces: [Buffer.from('up 1\n')] }),
      views: new Map<string, () => unknown>([
        ['generation', () => ({ generation: 7 })],
        ['findings', () => findings],
        ['broken', () => broken()],
      ]),
      access: createAccess(
        () => token,
        () => isLocal,
      ),
      failed: (error) => void failures.push(error),
    },
    '127.0.0.1',
    0,
  );
});
afterEach(() => server.close());

/** Status of an answer; fetch would not send a Host of ours. */
function askWith(headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: server.port, path: '/api/findings', headers });
    asked.once('error', reject);
    asked.once('response', (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    asked.end();
  });
}

const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${server.port}${path}`, { method });

const cases: [path: string, broken: string | undefined, status: number, body: string][] = [
  ['/healthz', undefined, 200, 'ok'],
  ['/readyz', undefined, 200, 'ok'],
  ['/healthz?verbose', undefined, 200, '[+]ping ok\n[+]nginx-ingress-controller ok\nhealthz check passed\n'],
  [
    '/healthz',
    'stopping',
    500,
    '[+]ping ok\n[-]nginx-ingress-controller failed: stopping\nhealthz check failed\n',
  ],
  ['/healthz/ping', 'stopping', 200, 'ok'],
  [
    '/healthz/nginx-ingress-controller',
    'stopping',
    500,
    '[-]nginx-ingress-controller failed: stopping\nhealthz check failed\n',
  ],
  ['/livez', 'stopping', 200, 'ok'],
  ['/metrics', undefined, 200, 'up 1\n'],
  ['/api/generation', undefined, 200, '{\n  "generation": 7\n}\n'],
  ['/nowhere', undefined, 404, 'not found\n'],
  ['/healthz/nowhere', undefined, 404, 'not found\n'],
  ['/healthz/__proto__', undefined, 404, 'not found\n'],
  ['/api/__proto__', undefined, 404, 'not found\n'],
  ['/api/constructor', undefined, 404, 'not found\n'],
  ['/api/toString', undefined, 404, 'not found\n'],
  ['/api/', undefined, 404, 'not found\n'],
  ['//', undefined, 404, 'not found\n'],
  ['/api/findings', undefined, 200, '[]\n'],
];
for (const [path, broken, status, body] of cases) {
  test(`${path}${broken === undefined ? '' : ` while ${broken}`} answers ${status}`, async () => {
    failure = broken;
    const response = await get(path);
    expect([response.status, await response.text()]).toEqual([status, body]);
  });
}

for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
  for (const path of ['/healthz', '/metrics', '/api/findings']) {
    test(`refuses ${method} of ${path}`, async () => {
      const response = await get(path, method);
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    });
  }
}

describe('whom it is shown to', () => {
  beforeEach(() => {
    isLocal = false;
  });
  const ask = async (path: string, authorization?: string) =>
    (
      await fetch(
        `http://127.0.0.1:${server.port}${path}`,
        authorization ? { headers: { authorization } } : {},
      )
    ).status;

  for (const path of ['/healthz', '/readyz', '/livez', '/metrics']) {
    test(`${path} is for everybody`, async () => expect(await ask(path)).toBe(200));
  }

  for (const path of ['/api/findings', '/api/generation', '/api/__proto__', '/nowhere', '/']) {
    test(`${path} is not`, async () => {
      expect(await ask(path)).toBe(403);
      expect(await ask(path, 'Bearer anything')).toBe(403);
    });
  }

  const given: [authorization: string | undefined, status: number][] = [
    [undefined, 401],
    ['Bearer s3cret', 200],
    ['bearer   s3cret', 200],
    ['Bearer s3cre', 401],
    ['Bearer s3cret2', 401],
    ['Bearer ', 401],
    ['Basic s3cret', 401],
    ['s3cret', 401],
    ['[redacted]', 401],
  ];
  for (const [authorization, status] of given) {
    test(`with a token, ${authorization ?? 'no authorization'} gets ${status}`, async () => {
      token = redactBytes(Buffer.from('s3cret'));
      expect(await ask('/api/findings', authorization)).toBe(status);
    });
  }

  test('loopback needs no token', async () => {
    token = redactBytes(Buffer.from('s3cret'));
    isLocal = true;
    expect(await ask('/api/findings')).toBe(200);
  });

  // An ExternalName Service, or an auth-url, whose name leads to loopback brings Serin's own requests here.
  const relayed: [header: string, value: string][] = [
    ['X-Forwarded-For', '192.0.2.1'],
    ['X-Real-IP', '192.0.2.1'],
    ['X-Forwarded-Host', 'a.test'],
    ['X-Request-ID', '1'],
    ['Forwarded', 'for=192.0.2.1'],
    ['Via', '1.1 a'],
    ['Host', 'a.test'],
    ['Host', 'localhost.a.test:10254'],
  ];
  for (const [header, value] of relayed) {
    test(`what a proxy on this machine passes on is not local: ${header}: ${value}`, async () => {
      isLocal = true;
      expect(await askWith({ [header]: value })).toBe(403);
      token = redactBytes(Buffer.from('s3cret'));
      expect(await askWith({ [header]: value })).toBe(401);
      expect(await askWith({ [header]: value, Authorization: 'Bearer s3cret' })).toBe(200);
    });
  }

  for (const host of ['localhost:8080', '127.0.0.1:10254', '[::1]:10254', 'LOCALHOST']) {
    test(`a person asks for ${host}`, async () => {
      isLocal = true;
      expect(await askWith({ Host: host })).toBe(200);
    });
  }

  const addresses: [address: string, isLocal: boolean][] = [
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['::FFFF:127.0.0.2', true],
    ['10.0.0.1', false],
    ['::ffff:10.0.0.1', false],
    ['128.0.0.1', false],
    ['127.evil', false],
    ['fe80::1', false],
    ['::', false],
    ['', false],
  ];
  for (const [address, isOurs] of addresses) {
    test(`"${address}" is ${isOurs ? '' : 'not '}loopback`, () => expect(isLoopback(address)).toBe(isOurs));
  }
});

test('a large answer is what JSON.stringify would write, in pieces', async () => {
  findings = Array.from({ length: 5_000 }, (_, index) => ({
    reason: 'InvalidAnnotation',
    value: `"line\n${index}"`,
    nested: { list: [index, 'é'], none: [] },
  }));
  const response = await get('/api/findings');
  expect(response.headers.get('content-length')).toBeNull();
  expect(await response.text()).toBe(`${JSON.stringify(findings, null, 2)}\n`);
  let longest = 0;
  let count = 0;
  for (const piece of jsonPieces(findings)) {
    longest = Math.max(longest, piece.length);
    count++;
  }
  expect(longest).toBeLessThan(PIECE_BYTES + 1_000);
  expect(count).toBeGreaterThan(5);
});

test('what fails is told to the log, not to who asked', async () => {
  const response = await get('/api/broken');
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('on purpose');
  expect(failures).toEqual([new Error('on purpose')]);
});
