import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, serviceObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * Who is not let in is not copied, and gets an error page from elsewhere; neither there nor in a copy does anybody say what only a check may
 * say. A Serin in its own process, and servers that keep what they are asked.
 */

interface Asked {
  readonly by: string;
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
}

const PASSWORD = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
/** What only a check may say, and a password that is for the check alone. */
const FORGED = { 'x-user': 'root', 'ssl-client-verify': 'SUCCESS', proxy: 'http://evil.test' };
const folder = mkdtempSync(join(tmpdir(), 'serin-elsewhere-'));
const servers: Server[] = [];
let asked: Asked[] = [];
let wake: () => void = () => {};
let serin: SerinProcess;

async function listen(
  by: string,
  answer: (incoming: IncomingMessage) => [status: number, headers: Record<string, string>],
): Promise<number> {
  const server = createServer((incoming, response) => {
    incoming.resume();
    incoming.on('end', () => {
      asked.push({ by, line: `${incoming.method} ${incoming.url}`, headers: incoming.headers });
      response.writeHead(...answer(incoming)).end(by);
      wake();
    });
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  const web = await listen('web', ({ url }) => [url === '/missing' ? 404 : 200, {}]);
  const pages = await listen('pages', ({ headers }) => [Number(headers['x-code'] ?? 200), {}]);
  const copies = await listen('copies', () => [200, {}]);
  const auth = await listen('auth', ({ headers }) => [
    headers.cookie === 'session=good' ? 200 : 401,
    { 'x-user': 'ann' },
  ]);
  const around = {
    'ssl-redirect': 'false',
    'custom-http-errors': '401,403,404,503',
    'default-backend': 'pages',
    'mirror-target': `http://127.0.0.1:${copies}$request_uri`,
  };
  const basic = { 'auth-type': 'basic', 'auth-secret': 'users' };
  const external = { 'auth-url': `http://127.0.0.1:${auth}/`, 'auth-response-headers': 'X-User' };
  const objects = [
    ...serviceObjects('web', web),
    ...serviceObjects('pages', pages),
    ...serviceObjects('gone', 1).slice(0, 1),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'a', name: 'users' },
      stringData: { auth: 'ann:{PLAIN}secret\n' },
    },
    ingressOf('basic', 'basic.test', '/', { ...around, ...basic }),
    ingressOf('external', 'external.test', '/', { ...around, ...external }),
    ingressOf('any', 'any.test', '/', { ...around, ...basic, ...external, satisfy: 'any' }),
    ingressOf('gone-basic', 'gone-basic.test', '/', { ...around, ...basic }, 'gone'),
    ingressOf('gone-external', 'gone-external.test', '/', { ...around, ...external }, 'gone'),
  ];
  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--workers=1',
  ]);
}, 60_000);

afterAll(async () => {
  await serin?.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  asked = [];
});

type Ask = (host: string, path: string, headers?: Record<string, string>) => Promise<number>;

const wires: Record<string, Ask> = {
  'HTTP/1.1': async (host, path, headers = {}) => {
    const options = { host: '127.0.0.1', port: serin.httpPort, method: 'POST', path, agent: false };
    const sent = request({ ...options, headers: { host, ...FORGED, ...headers } });
    sent.end('a body');
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    await text(response);
    return response.statusCode!;
  },
  'HTTP/2': async (host, path, headers = {}) => {
    const client = connect(`http://127.0.0.1:${serin.httpPort}`);
    const head = { ':method': 'POST', ':authority': host, ':path': path };
    const stream = client.request({ ...head, ...FORGED, ...headers });
    stream.end('a body');
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    await text(stream);
    client.close();
    return Number(answer[':status']);
  },
};

const by = (name: string): Asked[] => asked.filter((each) => each.by === name);
const linesOf = (name: string): string[] => by(name).map(({ line }) => line);

async function copied(count: number): Promise<void> {
  while (by('copies').length < count) await new Promise<void>((resolve) => (wake = resolve));
}

const invited: [guard: string, headers: Record<string, string>][] = [
  ['basic', { authorization: PASSWORD }],
  ['external', { cookie: 'session=good' }],
  ['any', { cookie: 'session=good' }],
  ['any', { authorization: PASSWORD }],
];

for (const [wire, ask] of Object.entries(wires)) {
  describe(`over ${wire}`, () => {
    for (const [guard, headers] of invited) {
      const how = Object.keys(headers).join();
      const host = `${guard}.test`;

      test(`${host}, by ${how}: a refusal goes to the error page alone, and says nothing in the name of a check`, async () => {
        const wrong = Object.fromEntries(Object.keys(headers).map((name) => [name, 'Basic eDp5']));
        expect(await ask(host, '/secret', wrong)).toBe(401);
        expect(await ask(host, '/known', headers)).toBe(200);
        await copied(1);
        expect([linesOf('web'), linesOf('copies'), linesOf('pages')]).toEqual([
          ['POST /known'],
          ['POST /known'],
          ['POST /'],
        ]);
        const [page] = by('pages');
        expect(page!.headers['x-original-uri']).toBe('/secret');
        if (how === 'authorization') expect(page!.headers['authorization']).toBeUndefined();
        for (const name of Object.keys(FORGED)) {
          if (name !== 'x-user' || guard !== 'basic')
            expect([name, page!.headers[name]]).toEqual([name, undefined]);
        }
      });

      test(`${host}, by ${how}: neither a copy nor the page of an error has what only a check may say`, async () => {
        expect(await ask(host, '/missing', headers)).toBe(404);
        await copied(1);
        const [web] = by('web');
        if (guard !== 'basic' && how === 'cookie') expect(web!.headers['x-user']).toBe('ann');
        for (const { headers: got } of [...by('copies'), ...by('pages')]) {
          expect(got['authorization']).toBeUndefined();
          expect([got['ssl-client-verify'], got['proxy']]).toEqual([undefined, undefined]);
          expect(got['x-user']).toBe(guard === 'basic' ? 'root' : undefined);
        }
        expect([linesOf('copies'), linesOf('pages')]).toEqual([['POST /missing'], ['POST /']]);
      });
    }

    for (const [guard, headers] of invited.slice(0, 2)) {
      test(`gone-${guard}.test: who takes the place of a Service without endpoints gets what may come in, and no more`, async () => {
        const host = `gone-${guard}.test`;
        expect(await ask(host, '/secret')).toBe(401);
        expect(by('pages').map(({ headers: got }) => [got['x-code'], got['x-original-uri']])).toEqual([
          ['401', '/secret'],
        ]);
        asked = [];
        await ask(host, '/known', headers);
        const [page] = by('pages');
        expect(page!.line).toBe('POST /known');
        expect(page!.headers['authorization']).toBeUndefined();
        if (guard === 'external') expect(page!.headers['x-user']).toBe('ann');
      });
    }
  });
}
