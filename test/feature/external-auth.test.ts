import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { Bench, eventually, type Answering } from '../protocol/engine/harness.ts';
import { makeCertificate } from '../fixtures/certificates.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * External authentication from a manifest to the wire, and what might get round it: a Serin in its own process, an authentication
 * server that knows one session, and a backend that tells what it was sent.
 */

const PREFIX = 'nginx.ingress.kubernetes.io/';
const folder = mkdtempSync(join(tmpdir(), 'serin-external-auth-'));
const bench = new Bench();
const objects: object[] = [];
let backend: Answering;
let server: Answering;
let secure: Server;
const serverNames: unknown[] = [];
let serin: SerinProcess;

const GOOD = 'Cookie: session=good\r\n';

/** By path: `/check` knows the session, `/status/<n>` answers so, the others fail in a way of their own. */
function authenticate(request: string): string | undefined {
  const [, path = ''] = request.split(' ');
  const status = /^\/status\/(\d+)/.exec(path)?.[1];
  const cookies = 'Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n';
  if (status !== undefined) return `HTTP/1.1 ${status} Any\r\n${cookies}Content-Length: 0\r\n\r\n`;
  if (path.startsWith('/garbage')) return 'nonsense\r\n\r\n';
  if (path.startsWith('/huge'))
    return `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(10_000)}\r\nContent-Length: 0\r\n\r\n`;
  if (path.startsWith('/silent')) return undefined;
  if (/^cookie: .*session=good/im.test(request))
    return 'HTTP/1.1 200 OK\r\nX-User: ann\r\nX-Groups: a\r\nX-Groups: b\r\nContent-Length: 2\r\n\r\nok';
  return 'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="there"\r\nContent-Length: 2\r\n\r\nno';
}

function ingress(host: string, path: string, annotations: Record<string, string>): void {
  objects.push({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      namespace: 'a',
      name: `i${objects.length}`,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [PREFIX + key, value]),
      ),
    },
    spec: {
      rules: [
        {
          host,
          http: {
            paths: [
              { path, pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  });
}

function service(name: string, port: number | undefined): void {
  const labels = { 'kubernetes.io/service-name': name };
  objects.push(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'a', name },
      spec: { clusterIP: '10.0.0.1', ports: [{ port: 80, targetPort: port ?? 80 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace: 'a', name: `${name}-1`, labels },
      addressType: 'IPv4',
      ports: [{ name: '', port: port ?? 80, protocol: 'TCP' }],
      endpoints: port === undefined ? [] : [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    },
  );
}

const AUTH = 'http://auth.a.svc.cluster.local';

beforeAll(async () => {
  backend = await bench.answering((request) =>
    /^upgrade: /im.test(request)
      ? 'HTTP/1.1 101 Ho\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'
      : `HTTP/1.1 200 OK\r\nContent-Length: ${request.length}\r\n\r\n${request}`,
  );
  server = await bench.answering(authenticate);
  const { certificate: cert, key } = makeCertificate(['nobody.test']);
  secure = createServer({ cert, key }, (socket: TLSSocket) => {
    serverNames.push(socket.servername);
    socket.on('data', (chunk: Buffer) => socket.write(authenticate(chunk.toString('latin1')) ?? ''));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  service('secure', (secure.address() as AddressInfo).port);
  service('web', backend.endpoint.port);
  service('auth', server.endpoint.port);
  service('dead', 1);
  service('empty', undefined);
  const check = { 'auth-url': `${AUTH}/check`, 'auth-response-headers': 'X-User, X-Groups, X-None' };
  ingress('a.test', '/admin', check);
  ingress('a.test', '/', {});
  ingress('all.test', '/', check);
  ingress('in.test', '/', { ...check, 'auth-signin': 'https://login.test/start' });
  ingress('address.test', '/', { ...check, 'auth-url': `http://127.0.0.1:${server.endpoint.port}/check` });
  ingress('secure.test', '/', { ...check, 'auth-url': 'https://secure.a.svc:80/check' });
  ingress('cached.test', '/', { ...check, 'auth-cache-key': '$http_cookie' });
  ingress('any.test', '/', { ...check, satisfy: 'any', 'whitelist-source-range': '127.0.0.0/8' });
  ingress('list.test', '/', { ...check, 'whitelist-source-range': '192.0.2.0/24' });
  ingress('both.test', '/', {
    ...check,
    'auth-signin': 'https://login.test/start',
    'auth-type': 'basic',
    'auth-secret': 'users',
  });
  objects.push({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'a', name: 'users' },
    stringData: { auth: 'ann:{PLAIN}secret\n' },
  });
  ingress('cors.test', '/', { ...check, 'enable-cors': 'true' });
  ingress('moved.test', '/', { ...check, 'permanent-redirect': 'https://new.test/' });
  ingress('silent.test', '/', { 'auth-url': `${AUTH}/silent` });
  for (const status of [201, 302, 403, 404, 503])
    ingress(`s${status}.test`, '/', { 'auth-url': `${AUTH}/status/${status}` });
  ingress('always.test', '/', { 'auth-url': `${AUTH}/status/403`, 'auth-always-set-cookie': 'true' });
  for (const path of ['garbage', 'huge']) ingress(`${path}.test`, '/', { 'auth-url': `${AUTH}/${path}` });
  for (const name of ['dead', 'empty', 'nowhere'])
    ingress(`${name}.test`, '/', { 'auth-url': `http://${name}.a.svc/` });
  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--workers=1',
  ]);
}, 60_000);

afterAll(async () => {
  // First the tunnels, which would keep it from ending.
  await bench.close();
  await serin?.stop();
  secure?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  backend.requests.length = 0;
  server.requests.length = 0;
});

async function send(text: string): Promise<string> {
  const client = await bench.connect(serin.httpPort);
  client.send(text);
  return client.response();
}

const get = (host: string, lines = '', path = '/'): Promise<string> =>
  send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`);

const statusOf = (response: string): number => Number(response.slice(9, 12));

describe('who is known comes in', () => {
  test('and the backend hears from the server alone who it is', async () => {
    const forged = 'X-User: root\r\nx-user: root2\r\nX-Groups: root\r\nX-NONE: root\r\n';
    const response = await get('all.test', GOOD + forged);
    expect(statusOf(response)).toBe(200);
    const [request = ''] = backend.requests;
    expect(request).toContain('X-User: ann\r\n');
    expect(request).toContain('X-Groups: a, b\r\n');
    expect(request).not.toMatch(/root|x-none/i);
    expect(server.requests[0]).toMatch(/^GET \/check HTTP\/1\.1\r\nHost: auth\.a\.svc\.cluster\.local\r\n/);
    expect(server.requests[0]).toContain('X-Original-URL: http://all.test/\r\n');
  });

  test('of a server by its address', async () => expect(statusOf(await get('address.test', GOOD))).toBe(200));

  test('of a server over TLS, by its name and whatever its certificate', async () => {
    expect(statusOf(await get('secure.test', GOOD))).toBe(200);
    expect(statusOf(await get('secure.test'))).toBe(401);
    expect(serverNames).toEqual(['secure.a.svc']);
  });

  test('a remembered answer is not asked for again', async () => {
    for (let i = 0; i < 3; i++) expect(statusOf(await get('cached.test', GOOD))).toBe(200);
    expect(statusOf(await get('cached.test', 'Cookie: session=bad\r\n'))).toBe(401);
    expect(server.requests).toHaveLength(2);
  });

  test('whom satisfy any lets in unasked may say nothing in the name of the server either', async () => {
    expect(statusOf(await get('any.test', 'X-User: root\r\n'))).toBe(200);
    expect(server.requests).toEqual([]);
    expect(backend.requests[0]).not.toMatch(/x-user/i);
  });

  test('an upgrade is tunnelled only then', async () => {
    const upgrade = 'Connection: upgrade\r\nUpgrade: websocket\r\n';
    expect(statusOf(await get('all.test', upgrade))).toBe(401);
    expect(backend.requests).toEqual([]);
    const client = await bench.connect(serin.httpPort);
    client.send(`GET / HTTP/1.1\r\nHost: all.test\r\n${GOOD}${upgrade}\r\n`);
    await client.until((text) => text.includes('101 '));
    expect(server.requests.join('')).not.toMatch(/upgrade/i);
  });
});

describe('nobody else reaches the backend', () => {
  const targets = [
    '/admin',
    '/admin/',
    '//admin',
    '/./admin',
    '/x/../admin',
    '/%61dmin',
    '/%2fadmin',
    '/%2e/admin',
    '/admin?x=/',
    'http://a.test/admin',
    '/admin/%2e%2e/admin',
  ];
  for (const target of targets) {
    test(`by ${target}`, async () => {
      const response = await get('a.test', '', target);
      expect([statusOf(response), backend.requests]).toEqual([401, []]);
    });
  }

  test('by a path that leads above the root: it is refused', async () => {
    expect(statusOf(await get('a.test', '', '/admin%2f..%2f..'))).toBe(400);
    expect(backend.requests).toEqual([]);
  });

  test('a path in other letters is another path, as in nginx', async () =>
    expect(statusOf(await get('a.test', '', '/ADMIN'))).toBe(200));

  for (const method of ['HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'PURGE']) {
    test(`by ${method}`, async () => {
      const client = await bench.connect(serin.httpPort);
      client.send(`${method} / HTTP/1.1\r\nHost: all.test\r\nConnection: close\r\n\r\n`);
      const response = await client.ended();
      expect([statusOf(response), backend.requests]).toEqual([401, []]);
      if (method === 'HEAD') expect(response).toMatch(/\r\n\r\n$/);
    });
  }

  test('by a header that Connection takes out of the way', async () => {
    await get('all.test', `${GOOD}Connection: X-User\r\nX-User: root\r\n`);
    expect(backend.requests[0]).toContain('X-User: ann\r\n');
  });

  test('by a request in the body of one that was refused, nor by one behind it', async () => {
    const client = await bench.connect(serin.httpPort);
    const inner = 'GET /inner HTTP/1.1\r\nHost: all.test\r\n\r\n';
    client.send(
      `POST / HTTP/1.1\r\nHost: all.test\r\nContent-Length: ${inner.length}\r\n\r\n${inner}` +
        `GET /behind HTTP/1.1\r\nHost: all.test\r\n\r\n` +
        `GET /known HTTP/1.1\r\nHost: all.test\r\n${GOOD}\r\n`,
    );
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push(statusOf(await client.response()));
    expect(statuses).toEqual([401, 401, 200]);
    expect(backend.requests.map((request) => request.split(' ')[1])).toEqual(['/known']);
  });

  test('and no body goes to the server', async () => {
    const bodies = [
      'Content-Length: 6\r\n\r\nsecret',
      'Transfer-Encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n',
    ];
    for (const body of bodies) {
      const response = await send(`POST / HTTP/1.1\r\nHost: all.test\r\n${GOOD}${body}`);
      expect(response).toContain('secret');
    }
    expect(server.requests).toHaveLength(2);
    expect(server.requests.join('')).not.toMatch(/secret|content-length|transfer-encoding/i);
  });

  test('by a Host of another beside the target: question and way back name the host that is asked for', async () => {
    await send('GET http://all.test/x HTTP/1.1\r\nHost: open.test\r\n\r\n');
    expect(server.requests[0]).toContain('X-Original-URL: http://all.test/x\r\n');
    const response = await send('GET http://in.test/x HTTP/1.1\r\nHost: evil.test\r\n\r\n');
    expect(response).toContain('Location: https://login.test/start?rd=http://in.test%2Fx\r\n');
    expect(server.requests.join('')).not.toMatch(/open|evil/);
    expect(backend.requests).toEqual([]);
  });

  test('and what is said of hops in front is not told to the server', async () => {
    await get(
      'all.test',
      'X-Forwarded-Uri: /open\r\nX-Forwarded-Host: evil.test\r\nX-Original-URL: /open\r\nX-Real-IP: 1.1.1.1\r\n',
    );
    expect(server.requests[0]).not.toMatch(/open|evil|1\.1\.1\.1/);
  });
});

describe('what the server says', () => {
  test('401 has its challenge', async () => {
    const response = await get('all.test');
    expect(response).toContain('HTTP/1.1 401 Unauthorized\r\n');
    expect(response).toContain('WWW-Authenticate: Basic realm="there"\r\n');
    expect(response).toContain('<center><h1>401 Authorization Required</h1></center>');
  });

  test('401 leads to the sign-in, with the way back and nowhere else', async () => {
    const response = await get('in.test', '', '//evil.test/?a=b&c=d');
    expect(response).toContain('HTTP/1.1 302 Moved Temporarily\r\n');
    expect(response).toContain(
      'Location: https://login.test/start?rd=http://in.test%2F%2Fevil.test%2F%3Fa%3Db%26c%3Dd\r\n',
    );
    expect(response).not.toContain('WWW-Authenticate');
  });

  test('a password that is missing leads to the sign-in as well, and the server is not asked', async () => {
    const response = await get('both.test', GOOD);
    expect(statusOf(response)).toBe(302);
    expect(response).toContain('Location: https://login.test/start?rd=http://both.test%2F\r\n');
    expect(server.requests).toEqual([]);
    const password = `Authorization: Basic ${Buffer.from('ann:secret').toString('base64')}\r\n`;
    expect(statusOf(await get('both.test', GOOD + password))).toBe(200);
  });

  const statuses: [host: string, status: number, cookies: number][] = [
    ['s201.test', 200, 2],
    ['s302.test', 500, 0],
    ['s403.test', 403, 0],
    ['s404.test', 500, 0],
    ['s503.test', 500, 0],
    ['always.test', 403, 2],
    ['garbage.test', 500, 0],
    ['huge.test', 500, 0],
    ['dead.test', 500, 0],
    ['empty.test', 500, 0],
    ['nowhere.test', 500, 0],
  ];
  for (const [host, status, cookies] of statuses) {
    test(`${host} is ${status}`, async () => {
      const response = await get(host, GOOD);
      expect(statusOf(response)).toBe(status);
      expect(response.match(/^Set-Cookie: /gm) ?? []).toHaveLength(cookies);
      expect(backend.requests).toHaveLength(status === 200 ? 1 : 0);
    });
  }

  test('a client that goes takes its question with it', async () => {
    const client = await bench.connect(serin.httpPort);
    client.send('GET / HTTP/1.1\r\nHost: silent.test\r\n\r\n');
    await eventually(() => server.requests.length === 1);
    const socket = server.sockets.at(-1)!;
    const closed = new Promise((resolve) => {
      socket.on('close', resolve);
      socket.on('end', resolve);
    });
    client.socket.destroy();
    await closed;
    expect(backend.requests).toEqual([]);
  });
});

describe('what comes before', () => {
  test('a list: 403, and nobody is asked', async () =>
    expect(statusOf(await get('list.test', GOOD))).toBe(403));
  test('a redirect', async () => expect(statusOf(await get('moved.test'))).toBe(301));
  test('a preflight', async () => {
    const lines = 'Origin: https://b.test\r\nAccess-Control-Request-Method: PUT\r\nConnection: close\r\n';
    const client = await bench.connect(serin.httpPort);
    client.send(`OPTIONS / HTTP/1.1\r\nHost: cors.test\r\n${lines}\r\n`);
    expect(statusOf(await client.ended())).toBe(204);
  });
});

test('enable-auth-access-log gives each question a line of its own', async () => {
  const other = mkdtempSync(join(tmpdir(), 'serin-auth-log-'));
  const settings = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'a', name: 'settings' },
    data: {
      'enable-auth-access-log': 'true',
      'log-format-upstream': '[$request_uri $status $upstream_addr $proxy_upstream_name]',
    },
  };
  const all = [...objects, settings];
  writeFileSync(join(other, 'all.yaml'), all.map((object) => stringify(object)).join('---\n'));
  const logging = await startSerin([
    'serve',
    `--manifests=${other}`,
    '--configmap=a/settings',
    '--watch-ingress-without-class',
    '--workers=1',
  ]);
  try {
    const client = await bench.connect(logging.httpPort);
    client.send(`GET /x HTTP/1.1\r\nHost: all.test\r\n${GOOD}\r\n`);
    expect(statusOf(await client.response())).toBe(200);
    await logging.waitFor('/x 200 127.0.0.1:' + backend.endpoint.port);
    expect(logging.stdout().trim().split('\n')).toEqual([
      `[/x 200 127.0.0.1:${server.endpoint.port} a-web-80]`,
      `[/x 200 127.0.0.1:${backend.endpoint.port} a-web-80]`,
    ]);
  } finally {
    // First the connections that are kept, which would keep it from ending.
    await bench.close();
    await logging.stop();
    rmSync(other, { recursive: true, force: true });
  }
});
