import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, webObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * Users and passwords from a manifest to the wire, over a Serin in its own process: `/admin` of secure.test asks for them, the rest of
 * the host does not. The backend answers with the request line and the Authorization header that it was sent.
 */

const SECRETS = [
  '5en6G6MezRroT3XKqkdPOmY',
  'OQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a',
  'broken-hash-of-dan',
  'plain-of-eve',
];
const USERS = [
  'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
  'bob:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a',
  'dan:broken-hash-of-dan',
  'eve:{PLAIN}plain-of-eve',
].join('\n');

const folder = mkdtempSync(join(tmpdir(), 'serin-basic-auth-'));
let backend: Server;
let serin: SerinProcess;

function writeSecret(users: string): void {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'a', name: 'users' } };
  writeFileSync(join(folder, 'secret.yaml'), stringify({ ...secret, stringData: { auth: users } }));
}

const basic = (user: string, password: string) =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Sends bytes on one connection, whose last request asks to close it, and gives all that comes back. */
async function raw(...requests: string[]): Promise<string> {
  const socket = connect(serin.httpPort, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => {});
  socket.write(requests.join(''), 'latin1');
  await once(socket, 'close');
  return text;
}

const head = (line: string, ...lines: string[]) => `${[line, ...lines].join('\r\n')}\r\n\r\n`;
const HOST = 'Host: secure.test';
const CLOSE = 'Connection: close';
const get = (path: string, ...lines: string[]) => raw(head(`GET ${path} HTTP/1.1`, HOST, CLOSE, ...lines));
const statusesOf = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const statusOf = (text: string) => statusesOf(text)[0];

beforeAll(async () => {
  const answer = ({ method, url, headers }: IncomingMessage) =>
    `seen ${method} ${url} ${headers.authorization ?? 'no authorization'}`;
  backend = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end(answer(request)));
  });
  backend.on('upgrade', (request, socket) => {
    socket.end(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n${answer(request)}`,
    );
  });
  await once(backend.listen(0, '127.0.0.1'), 'listening');
  const { port } = backend.address() as AddressInfo;
  const auth = { 'auth-type': 'basic', 'auth-secret': 'users', 'auth-realm': 'Staff only' };
  const list = { 'allowlist-source-range': '192.0.2.0/24' };
  const objects = [
    ingressOf('open', 'secure.test', '/'),
    ingressOf('admin', 'secure.test', '/admin', auth),
    ingressOf('all', 'all.test', '/', { ...auth, ...list }),
    ingressOf('any', 'any.test', '/', { ...auth, ...list, satisfy: 'any' }),
    ingressOf('near', 'near.test', '/', { ...auth, 'allowlist-source-range': '127.0.0.0/8', satisfy: 'any' }),
    ingressOf('denied', 'denied.test', '/', {
      ...auth,
      'denylist-source-range': '192.0.2.1',
      satisfy: 'any',
    }),
    ingressOf('missing', 'missing.test', '/', { ...auth, 'auth-secret': 'nobody' }),
    ingressOf('digest', 'digest.test', '/', { ...auth, 'auth-type': 'digest' }),
    ...webObjects(port),
  ];
  writeSecret(USERS);
  writeFileSync(join(folder, 'objects.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin(['serve', `--manifests=${folder}`, '--watch-ingress-without-class']);
});

afterAll(async () => {
  await serin?.stop();
  backend?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('basic authentication', () => {
  test('challenges who sends nothing, with the page of nginx', async () => {
    const text = await get('/admin');
    expect(text).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(text).toContain('\r\nConnection: close\r\nWWW-Authenticate: Basic realm="Staff only"\r\n');
    expect(text).toContain('<center><h1>401 Authorization Required</h1></center>');
  });

  test('lets users in, keeps their credentials, and names them in the log', async () => {
    for (const [user, password] of [
      ['ann', 'secret'],
      ['bob', 'secret'],
      ['eve', 'plain-of-eve'],
    ] as const) {
      for (let time = 0; time < 2; time++) {
        expect(await get(`/admin/${user}`, basic(user, password))).toContain(
          `seen GET /admin/${user} no authorization`,
        );
      }
    }
    expect(
      await serin.waitFor(/127\.0\.0\.1 - bob \[[^\]]+\] "GET \/admin\/bob HTTP\/1\.1" 200/),
    ).toBeTruthy();
  });

  test('challenges who is wrong', async () => {
    for (const [user, password] of [
      ['ann', 'other'],
      ['nobody', 'secret'],
      ['dan', 'broken-hash-of-dan'],
      ['', ''],
    ] as const) {
      expect(statusOf(await get('/admin', basic(user, password)))).toBe(401);
    }
    expect(statusOf(await get('/admin', 'Authorization: Bearer abc'))).toBe(401);
  });

  test('leaves other routes alone', async () => {
    const [, value] = basic('ann', 'x').split(': ');
    expect(await get('/open', basic('ann', 'x'))).toContain(`seen GET /open ${value}`);
  });

  test('closes routes whose users cannot be read', async () => {
    for (const host of ['missing.test', 'digest.test']) {
      const text = await raw(head('GET / HTTP/1.1', `Host: ${host}`, CLOSE, basic('ann', 'secret')));
      expect(statusOf(text)).toBe(503);
    }
  });
});

describe('with a list of addresses', () => {
  const ask = async (host: string, ...lines: string[]) =>
    statusOf(await raw(head('GET / HTTP/1.1', `Host: ${host}`, CLOSE, ...lines)));
  const cases: [name: string, host: string, anonymous: number, known: number][] = [
    ['all: the list comes first', 'all.test', 403, 403],
    ['any: a password is enough, and asked for', 'any.test', 401, 200],
    ['any: the address is enough', 'near.test', 200, 200],
    ['any: not to be on a deny list is not enough', 'denied.test', 401, 200],
  ];
  for (const [name, host, anonymous, known] of cases) {
    test(name, async () => {
      expect([await ask(host), await ask(host, basic('ann', 'secret'))]).toEqual([anonymous, known]);
    });
  }
});

/** The path as routes are chosen by it: decoded once, slashes merged, dots resolved. */
function normalise(target: string): string {
  const path = decodeURIComponent(target.replace(/^http:\/\/[^/]*/, '').replace(/[?#].*$/s, ''));
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

describe('nothing of /admin is seen by the backend without a password', () => {
  const targets = [
    '/admin',
    '/admin/',
    '/admin/x',
    '/admin?x',
    '/admin/?x',
    '//admin',
    '/admin//x',
    '/./admin',
    '/x/../admin',
    '/x/%2e%2e/admin',
    '/x/%2E./admin',
    '/%61dmin',
    '/adm%69n/x',
    '/%2fadmin',
    '/x%2f..%2fadmin',
    '/admin%2fx',
    '/admin/%2e',
    '/admin/..%2fadmin',
    '/admin/../admin',
    '/admin%2f..',
    '/admin;x',
    '/ADMIN',
    '/admin%20',
    '/admin%00',
    '/admin\\x',
    '/x\\..\\admin',
    '/admin#x',
    '/admin%23',
    '/admin%3fx',
    '/%2561dmin',
    'http://secure.test/admin',
    'http://secure.test//admin',
    'http://SECURE.test./admin',
    'http://secure.test:80/admin',
    '/admin/.',
    '/x/./../admin/..;/',
    '*',
    'admin',
  ];
  const methods = [
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'PROPFIND',
    'CONNECT',
    'TRACE',
    'get',
    'FOO',
  ];

  for (const target of targets) {
    test(`GET ${target}`, async () => {
      const text = await get(target);
      const seen = /seen \S+ (\S+)/.exec(text)?.[1];
      if (seen === undefined) expect([301, 400, 401, 404, 405]).toContain(statusOf(text));
      else expect(normalise(seen)).not.toMatch(/^\/admin(?:\/|$)/);
    });
  }

  for (const method of methods) {
    test(`${method} /admin`, async () => {
      const text = await raw(head(`${method} /admin HTTP/1.1`, HOST, CLOSE, 'Content-Length: 0'));
      expect(text).not.toContain('seen ');
      expect([400, 401, 405]).toContain(statusOf(text));
    });
  }

  test('an upgrade', async () => {
    const upgrade = ['Connection: upgrade', 'Upgrade: x'];
    expect(statusOf(await raw(head('GET /admin HTTP/1.0', HOST, ...upgrade)))).toBe(401);
    const text = await raw(
      head('GET /admin HTTP/1.1', HOST, ...upgrade),
      head('GET /admin HTTP/1.1', HOST, CLOSE),
    );
    expect(statusesOf(text)).toEqual([401, 401]);
    expect(await raw(head('GET /admin HTTP/1.1', HOST, ...upgrade, basic('ann', 'secret')))).toContain(
      'seen GET /admin no authorization',
    );
  });

  test('what follows a 401 on its connection', async () => {
    const body = head('GET /admin/body HTTP/1.1', HOST, basic('bob', 'secret'));
    const text = await raw(
      head('GET /admin HTTP/1.1', HOST),
      head('POST /admin HTTP/1.1', HOST, `Content-Length: ${body.length}`),
      body,
      head('GET /admin/known HTTP/1.1', HOST, basic('bob', 'secret')),
      head('GET /admin/late HTTP/1.1', HOST, basic('bob', 'wrong')),
      head('GET /open HTTP/1.1', HOST, CLOSE),
    );
    expect(statusesOf(text)).toEqual([401, 401, 200, 401, 200]);
    expect(text.match(/seen \S+ \S+ no authorization/g)).toEqual([
      'seen GET /admin/known no authorization',
      'seen GET /open no authorization',
    ]);
  });

  test('credentials that are not one header', async () => {
    const [, good] = basic('ann', 'secret').split(': ');
    for (const lines of [
      [`Proxy-Authorization: ${good}`],
      [`Authorization : ${good}`],
      [`authorization_: ${good}`],
      [`Authorization: ${good}, ${good}`],
      [`X-Authorization: ${good}`, 'X-Remote-User: ann', 'X-Forwarded-User: ann'],
      ['Authorization:', ` ${good}`],
    ]) {
      const text = await get('/admin', ...lines);
      expect(text).not.toContain('seen ');
      expect([400, 401]).toContain(statusOf(text));
    }
  });
});

test('many who know nothing are turned away, and those who are known come in meanwhile', async () => {
  expect(statusOf(await get('/admin', basic('bob', 'secret')))).toBe(200);
  const guesses = Array.from({ length: 300 }, (_, i) => get('/admin', basic('bob', `guess ${i}`)));
  expect(statusOf(await get('/admin', basic('bob', 'secret')))).toBe(200);
  const statuses = (await Promise.all(guesses)).map(statusOf);
  expect(statuses.every((status) => status === 401 || status === 503)).toBe(true);
});

test('a Secret that changes counts at once, and nothing that was known before', async () => {
  const logged = serin.stderr().length;
  await serin.afterTable(() => writeSecret('bob:{PLAIN}new\n'));
  for (let tries = 0; statusOf(await get('/admin', basic('bob', 'new'))) !== 200; tries++) {
    if (tries > 500) throw new Error(serin.stderr().slice(logged));
  }
  expect(statusOf(await get('/admin', basic('bob', 'secret')))).toBe(401);
  expect(statusOf(await get('/admin', basic('ann', 'secret')))).toBe(401);
});

test('nothing that is printed shows an entry of the Secret', async () => {
  const pages = await Promise.all(
    [
      '/metrics',
      '/api/findings',
      '/api/generation',
      '/api/table',
      '/api/model',
      '/api/routes',
      '/healthz',
    ].map(async (path) => (await fetch(`http://127.0.0.1:${serin.healthPort}${path}`)).text()),
  );
  const printed = [serin.stdout(), serin.stderr(), ...pages].join('\n');
  expect(printed).toContain('users');
  for (const secret of SECRETS) {
    expect(readFileSync(join(folder, 'secret.yaml'), 'utf8') + USERS).toContain(secret);
    expect(printed).not.toContain(secret);
    expect(printed).not.toContain(Buffer.from(secret).toString('base64'));
    expect(printed).not.toContain(Buffer.from(secret).toString('hex'));
  }
});
