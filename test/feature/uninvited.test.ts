import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  connect,
  createServer,
  type ClientHttp2Session,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, serviceObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';
import { Bench, type Answering } from '../protocol/engine/harness.ts';

/*
 * Whoever is not let in reaches no backend, whatever guards the path, whatever wire the request comes by and goes out by: a Serin in its own
 * process, with hosts on which /admin is guarded, each in its own way, and the rest is open.
 */

const OPEN = { 'ssl-redirect': 'false' };
const folder = mkdtempSync(join(tmpdir(), 'serin-uninvited-'));
const bench = new Bench();
const sessions: ClientHttp2Session[] = [];
let web: Answering;
let authServer: Answering;
let calls: Http2Server;
let serin: SerinProcess;
/** Lines of good credentials, by guard. */
const good: Record<string, Record<string, string>> = {};
/** What reached a backend: method, host and path. */
let seen: string[] = [];
let heads: IncomingHttpHeaders[] = [];

/** Guards, and the statuses with which they refuse. */
const GUARDS: Readonly<Record<string, readonly number[]>> = {
  external: [401],
  signin: [302],
  basic: [401],
  jwt: [401],
  list: [403],
  any: [401],
  all: [401],
};

function annotationsOf(guard: string, authPort: number): Record<string, string> {
  const external = { 'auth-url': `http://127.0.0.1:${authPort}/check`, 'auth-response-headers': 'X-User' };
  const basic = { 'auth-type': 'basic', 'auth-secret': 'users' };
  const token = {
    'serin.dev/jwt-issuer': 'https://id.test',
    'serin.dev/jwt-jwks-secret': 'keys',
    'serin.dev/jwt-claims-to-headers': 'sub:X-User',
  };
  const near = { 'whitelist-source-range': '127.0.0.0/8' };
  const far = { 'whitelist-source-range': '192.0.2.0/24' };
  switch (guard) {
    case 'external':
      return external;
    case 'signin':
      return { ...external, 'auth-signin': 'https://login.test/start' };
    case 'basic':
      return basic;
    case 'jwt':
      return token;
    case 'list':
      return far;
    case 'any':
      return { ...far, ...basic, ...external, satisfy: 'any' };
    default:
      return { ...near, ...basic, ...external };
  }
}

beforeAll(async () => {
  web = await bench.answering((request) => {
    const [line = '', ...lines] = request.split('\r\n');
    const [method, target] = line.split(' ');
    const host = /^host: (\S*)/im.exec(request)?.[1];
    seen.push(`${method} ${host}${target}`);
    heads.push(
      Object.fromEntries(
        lines
          .filter((each) => each.includes(': '))
          .map((each) => [each.slice(0, each.indexOf(':')).toLowerCase(), each.slice(each.indexOf(':') + 2)]),
      ),
    );
    return /^upgrade: /im.test(request)
      ? 'HTTP/1.1 101 Ho\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'
      : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  });
  authServer = await bench.answering((request) =>
    /^cookie: .*session=good/im.test(request)
      ? 'HTTP/1.1 200 OK\r\nX-User: ann\r\nContent-Length: 0\r\n\r\n'
      : 'HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n',
  );
  calls = createServer();
  calls.on('stream', (stream: ServerHttp2Stream, head: IncomingHttpHeaders) => {
    seen.push(`${head[':method']} ${head[':authority']}${head[':path']}`);
    heads.push(head);
    stream.resume();
    stream.on('error', () => {});
    stream.on('end', () => {
      if (stream.destroyed) return;
      stream.respond({ 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
    });
  });
  await once(calls.listen(0, '127.0.0.1'), 'listening');

  const keys = await generateKeyPair('RS256');
  const token = await new SignJWT({ iss: 'https://id.test', sub: 'ann' })
    .setProtectedHeader({ alg: 'RS256', kid: '1' })
    .setExpirationTime('1h')
    .sign(keys.privateKey);
  const password = { authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` };
  const session = { cookie: 'session=good' };
  Object.assign(good, {
    external: session,
    signin: session,
    basic: password,
    jwt: { authorization: `Bearer ${token}` },
    any: session,
    all: { ...session, ...password },
  });

  const objects: object[] = [
    ingressOf('open', 'open.test', '/', OPEN),
    ...serviceObjects('web', web.endpoint.port),
    ...serviceObjects('calls', (calls.address() as AddressInfo).port),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'a', name: 'users' },
      stringData: { auth: 'ann:{PLAIN}secret\n' },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'a', name: 'keys' },
      stringData: {
        'jwks.json': JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: '1' }] }),
      },
    },
  ];
  for (const guard of Object.keys(GUARDS)) {
    const guarded = { ...OPEN, ...annotationsOf(guard, authServer.endpoint.port) };
    objects.push(
      ingressOf(guard, `${guard}.test`, '/admin', guarded),
      ingressOf(`${guard}-rest`, `${guard}.test`, '/', OPEN),
      ingressOf(
        `${guard}-calls`,
        `calls-${guard}.test`,
        '/admin',
        { ...guarded, 'backend-protocol': 'GRPC' },
        'calls',
      ),
      ingressOf(
        `${guard}-calls-rest`,
        `calls-${guard}.test`,
        '/',
        { ...OPEN, 'backend-protocol': 'GRPC' },
        'calls',
      ),
    );
  }
  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--workers=1',
  ]);
}, 60_000);

afterAll(async () => {
  for (const session of sessions) session.destroy();
  await bench.close();
  await serin?.stop();
  calls?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  seen = [];
  heads = [];
  authServer.requests.length = 0;
});

async function session(): Promise<ClientHttp2Session> {
  const client = connect(`http://127.0.0.1:${serin.httpPort}`);
  sessions.push(client);
  client.on('error', () => {});
  await once(client, 'remoteSettings');
  return client;
}

/** Head of the response over HTTP/2; empty where there is none. */
async function ask(
  client: ClientHttp2Session,
  head: OutgoingHttpHeaders,
  body?: string,
): Promise<IncomingHttpHeaders> {
  const stream = client.request(head, { endStream: body === undefined && head[':protocol'] === undefined });
  stream.on('error', () => {});
  if (body !== undefined) stream.end(body);
  return await new Promise((resolve) => {
    stream.on('response', (answer) => {
      stream.resume();
      if (head[':protocol'] !== undefined) stream.close();
      resolve(answer);
    });
    stream.on('close', () => resolve({}));
  });
}

/** Statuses of what comes back for these bytes over HTTP/1.1, until the connection ends. */
async function statuses(text: string): Promise<number[]> {
  const client = await bench.connect(serin.httpPort);
  client.send(text);
  client.socket.end();
  return [...(await client.ended()).matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
}

/** As an application reads a path that is still encoded once. */
function placeOf(target: string): string {
  const path = decodeURIComponent(
    target
      .replace(/^https?:\/\/[^/]*/, '')
      .replace(/[?#].*/, '')
      .replaceAll(/%(?![0-9a-f]{2})/gi, '%25'),
  );
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

const intruders = (): string[] =>
  seen.filter((line) => /^\/admin(?:\/|$)/.test(placeOf(line.slice(line.indexOf('/')))));

const TARGETS = [
  '/admin',
  '/admin/',
  '/admin?x=/',
  '//admin',
  '///admin//x',
  '/./admin',
  '/x/../admin',
  '/x/%2e%2e/admin',
  '/x/%2E./admin',
  '/%61dmin',
  '/adm%69n/x',
  '/%2fadmin',
  '/x%2f..%2fadmin',
  '/admin%2fx',
  '/admin/%2e%2e/admin',
  '/admin/../admin',
  '/admin/..;/admin',
  '/x/..;/admin',
  '/admin%20',
  '/admin%00',
  '/admin%0d%0aX-User:%20root',
  '/admin\\x',
  '/x\\..\\admin',
  '/admin#x',
  '/admin%23',
  '/admin%3fx',
  '/%2561dmin',
  '/admin/.',
  '/admin/.well-known/acme-challenge/x',
  '/.well-known/acme-challenge/../../admin',
  '/.well-known/acme-challenge/%2e%2e/%2e%2e/admin',
  'admin',
  '*',
];
const METHODS = ['HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'get'];

for (const [guard, refusing] of Object.entries(GUARDS)) {
  for (const host of [`${guard}.test`, `calls-${guard}.test`]) {
    describe(`${host}, over HTTP/1.1`, () => {
      const CLOSE = 'Connection: close\r\n\r\n';

      test('no form of a path leads in', async () => {
        for (const target of [
          ...TARGETS,
          `http://${host}/admin`,
          `http://${host}//admin`,
          `http://${host}:80/./admin`,
          `http://${host.toUpperCase()}/admin`,
        ]) {
          seen = [];
          const got = await statuses(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}`);
          expect([target, intruders()]).toEqual([target, []]);
          if (seen.length === 0)
            expect([target, [...refusing, 400, 301, 404, 405, 200]]).toEqual([
              target,
              expect.arrayContaining(got),
            ]);
        }
      });

      test('the host in the target counts, not that of the header', async () => {
        await statuses(`GET http://${host}/admin HTTP/1.1\r\nHost: open.test\r\n${CLOSE}`);
        expect(seen).toEqual([]);
      });

      test('no method does', async () => {
        for (const method of [...METHODS, 'CONNECT']) {
          const got = await statuses(
            `${method} /admin HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n${CLOSE}`,
          );
          expect([method, got.length, seen]).toEqual([method, 1, []]);
        }
      });

      test('nor an upgrade, nor what stands behind one, nor what is in a body that was refused', async () => {
        const inner = `GET /admin/inner HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
        const chunk = inner.length.toString(16);
        for (const upgrade of ['websocket', 'h2c', 'x']) {
          const head = `GET /admin HTTP/1.1\r\nHost: ${host}\r\nConnection: upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`;
          await statuses(head + inner);
        }
        await statuses(
          `POST /admin HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${inner.length}\r\n\r\n${inner}${inner}`,
        );
        await statuses(
          `POST /admin HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}\r\n${inner}\r\n0\r\n\r\n${inner}`,
        );
        await statuses(
          `POST /admin HTTP/1.1\r\nHost: ${host}\r\nExpect: 100-continue\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
        );
        expect(seen).toEqual([]);
      });
    });

    describe(`${host}, over HTTP/2`, () => {
      const over = (more: OutgoingHttpHeaders = {}): OutgoingHttpHeaders => ({
        ':authority': host,
        ':path': '/admin',
        ...more,
      });

      test('no form of a path leads in', async () => {
        for (const target of [...TARGETS, `http://${host}/admin`]) {
          seen = [];
          const client = await session();
          const { [':status']: status = 0 } = await ask(client, over({ ':path': target }));
          client.destroy();
          expect([target, intruders()]).toEqual([target, []]);
          if (seen.length === 0)
            expect([target, [...refusing, 0, 400, 301, 404, 405, 200]]).toEqual([
              target,
              expect.arrayContaining([status]),
            ]);
        }
      });

      test('no method does, nor CONNECT', async () => {
        for (const method of METHODS) {
          const client = await session();
          await ask(client, over({ ':method': method }));
          client.destroy();
        }
        const client = await session();
        await ask(client, { ':method': 'CONNECT', ':authority': host });
        expect(seen).toEqual([]);
      });

      test('nor an extended CONNECT, whatever it asks for', async () => {
        for (const protocol of ['websocket', 'connect-udp', 'x']) {
          const client = await session();
          const answer = await ask(
            client,
            over({ ':method': 'CONNECT', ':protocol': protocol, ':scheme': 'http' }),
          );
          expect([protocol, answer[':status'] ?? 0]).not.toEqual([protocol, 200]);
          client.destroy();
        }
        expect(seen).toEqual([]);
      });

      test('nor another host beside :authority', async () => {
        for (const head of [
          over({ host: 'open.test' }),
          over({ ':authority': 'open.test', host }),
          over({ ':authority': `open.test@${host}` }),
          over({ ':authority': `${host}:80` }),
          over({ ':authority': host.toUpperCase() }),
        ]) {
          const client = await session();
          await ask(client, head);
          client.destroy();
        }
        expect(seen.filter((line) => line.includes(host))).toEqual([]);
      });

      test('nor a stream beside another that may', async () => {
        const client = await session();
        const lines = good[guard];
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, i) => {
            const isInvited = lines !== undefined && i % 2 === 0;
            const path = `/admin/${isInvited ? 'yes' : 'no'}`;
            return ask(
              client,
              over({
                ':method': 'POST',
                ':path': path,
                te: 'trailers',
                'content-type': 'application/grpc',
                ...(isInvited ? lines : {}),
              }),
              'a body',
            );
          }),
        );
        expect(answers.filter(({ [':status']: status }) => status === undefined)).toEqual([]);
        expect(seen).toEqual(
          Array.from({ length: lines === undefined ? 0 : 10 }, () => `POST ${host}/admin/yes`),
        );
      });
    });
  }
}

/** What a client says in the name of a check. */
const FORGED = {
  'x-user': 'root',
  x_user: 'root',
  'ssl-client-verify': 'SUCCESS',
  'ssl-client-subject-dn': 'CN=root',
};

describe('who is let in says nothing in the name of what let it in', () => {
  const guards: [guard: string, lines: OutgoingHttpHeaders][] = [
    ['external', { cookie: ['a=b', 'session=good', 'c=d'] }],
    ['jwt', {}],
    ['any', {}],
    ['all', {}],
  ];
  for (const [guard, lines] of guards) {
    for (const host of [`${guard}.test`, `calls-${guard}.test`]) {
      test(`${host}, over HTTP/2, nor in trailers`, async () => {
        const client = await session();
        const head = { ':method': 'POST', ':authority': host, ':path': '/admin' };
        const stream = client.request(
          { ...head, te: 'trailers', ...good[guard], ...lines, ...FORGED },
          { waitForTrailers: true },
        );
        stream.on('wantTrailers', () => stream.sendTrailers({ ...FORGED, 'x-late': 'root' }));
        stream.end('body');
        const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
        expect(answer[':status']).toBe(200);
        expect(heads).toHaveLength(1);
        expect(heads[0]).toMatchObject({ 'x-user': 'ann' });
        expect(JSON.stringify(heads)).not.toMatch(/root|SUCCESS/);
        expect(authServer.requests.join('')).not.toMatch(/content-length|transfer-encoding|body/i);
      });
    }

    test(`${guard}.test, by a WebSocket over HTTP/2`, async () => {
      const client = await session();
      const head = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http' };
      const answer = await ask(client, {
        ...head,
        ':authority': `${guard}.test`,
        ':path': '/admin',
        ...good[guard],
        ...lines,
        ...FORGED,
      });
      expect([answer[':status'], seen]).toEqual([200, [`GET ${guard}.test/admin`]]);
      expect(heads[0]).toMatchObject({ 'x-user': 'ann', upgrade: 'websocket' });
      expect(JSON.stringify(heads)).not.toMatch(/root|SUCCESS/);
      expect(authServer.requests.join('')).not.toMatch(/^upgrade|^connection|CONNECT /im);
    });
  }
});
