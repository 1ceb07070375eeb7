import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/* Error pages from a manifest to the wire. */

interface Asked {
  readonly by: string;
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const folder = mkdtempSync(join(tmpdir(), 'serin-pages-'));
const servers: Server[] = [];
const objects: object[] = [];
let asked: Asked[] = [];
let serin: SerinProcess;

async function service(name: string, answer: RequestListener): Promise<void> {
  const server = createServer((incoming, response) => {
    let body = '';
    incoming.setEncoding('utf8');
    incoming.on('data', (text: string) => (body += text));
    incoming.on('end', () => {
      asked.push({ by: name, line: `${incoming.method} ${incoming.url}`, headers: incoming.headers, body });
      answer(incoming, response);
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  serviceAt(name, [(server.address() as AddressInfo).port]);
}

function serviceAt(name: string, ports: readonly number[]): void {
  objects.push(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'a', name },
      spec: { clusterIP: '10.0.0.1', ports: [{ name: 'http', port: 80 }] },
    },
    ...ports.map((port) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace: 'a', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    })),
  );
}

/** A page as ingress-nginx's own image makes it: the status is that of X-Code. */
const page =
  (name: string): RequestListener =>
  ({ headers }, response) => {
    response.writeHead(Number(headers['x-code'] ?? 200), { 'x-page': name });
    response.end(`${name} ${headers['x-code']}`);
  };

beforeAll(async () => {
  await service('web', ({ url }, response) => {
    response.statusCode = Number(url!.slice(1, 4)) || 200;
    response.end('web');
  });
  await service('auth', (_, response) => void response.end());
  await service('pages', page('own'));
  await service('all', page('all'));
  serviceAt('gone', []);
  const gone = (ingress: object) =>
    JSON.parse(JSON.stringify(ingress).replaceAll('"web","port"', '"gone","port"')) as object;
  objects.push(
    ingressOf('own', 'own.test', '/', {
      'custom-http-errors': '404,413,503',
      'default-backend': 'pages',
      'proxy-body-size': '8',
      'enable-cors': 'true',
    }),
    ingressOf('all', 'all.test', '/'),
    ingressOf('but', 'but.test', '/', { 'disable-proxy-intercept-errors': 'true' }),
    gone(ingressOf('nobody', 'nobody.test', '/', { 'custom-http-errors': '503' })),
    gone(ingressOf('instead', 'instead.test', '/', { 'default-backend': 'pages' })),
    ingressOf('in', 'in.test', '/', {
      'custom-http-errors': '401,404',
      'default-backend': 'pages',
      'auth-url': 'http://auth.a.svc.cluster.local/',
      'auth-signin': 'https://login.test/',
    }),
    ingressOf('lost', 'lost.test', '/', {
      'auth-url': 'http://auth.a.svc.cluster.local/',
      'auth-signin': 'https://login.test/',
    }),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'a', name: 'settings' },
      data: { 'custom-http-errors': '502' },
    },
  );
  writeFileSync(join(folder, 'objects.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--configmap=a/settings',
    '--default-backend-service=a/all',
    '--watch-ingress-without-class',
  ]);
}, 30_000);

afterAll(async () => {
  await serin?.stop();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The answer, and who was asked what for it. */
async function ask(
  host: string,
  path: string,
  method = 'GET',
  body = '',
): Promise<{ answer: string; by: string[]; headers: IncomingHttpHeaders }> {
  asked = [];
  const headers = { host, accept: 'text/html', origin: 'https://b.test', 'x-code': 'forged' };
  const sent = request({ host: '127.0.0.1', port: serin.httpPort, path, method, headers, agent: false });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return {
    answer: `${response.statusCode} ${text}`,
    by: asked.map(({ by, line, body }) => `${by} ${line} ${body}`.trim()),
    headers: response.headers,
  };
}

test('an error of the upstream has the page of default-backend, without what the route adds', async () => {
  const { answer, by, headers } = await ask('own.test', '/404/x?a=b', 'POST', 'body');
  expect(answer).toBe('404 own 404');
  expect(by).toEqual(['web POST /404/x?a=b body', 'pages POST /?a=b body']);
  expect(headers).toMatchObject({ 'x-page': 'own' });
  expect(headers).not.toHaveProperty('access-control-allow-origin');
  expect(asked[1]!.headers).toMatchObject({
    host: 'own.test',
    'x-code': '404',
    'x-format': 'text/html',
    'x-original-uri': '/404/x?a=b',
    'x-namespace': 'a',
    'x-ingress-name': 'own',
    'x-service-name': 'web',
    'x-service-port': 'http',
    'x-forwarded-for': '127.0.0.1',
    'x-request-id': asked[0]!.headers['x-request-id'],
  });
  for (const name of ['x-real-ip', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-scheme'])
    expect(asked[1]!.headers).not.toHaveProperty(name);
});

test('a body that is too long has one too, and goes nowhere', async () => {
  const { answer, by } = await ask('own.test', '/x', 'PUT', 'more than eight');
  expect([answer, by]).toEqual(['413 own 413', ['pages PUT /']]);
});

test('a status that is not listed is passed on', async () => {
  expect((await ask('own.test', '/500')).answer).toBe('500 web');
});

test('without default-backend the page is that of the global one, for the upstream’s answers and for Serin’s', async () => {
  expect(await ask('all.test', '/502')).toMatchObject({
    answer: '502 all 502',
    by: ['web GET /502', 'all GET /'],
  });
  expect(await ask('nobody.test', '/x')).toMatchObject({ answer: '503 all 503', by: ['all GET /'] });
  expect((await ask('but.test', '/502')).answer).toBe('502 web');
});

test('default-backend takes the requests of a Service without endpoints', async () => {
  expect(await ask('instead.test', '/x?a=b', 'POST', 'body')).toMatchObject({
    answer: '503 own 503',
    by: ['pages POST /x?a=b body'],
  });
  expect(asked[0]!.headers).toMatchObject({
    'x-code': '503',
    'x-service-name': 'gone',
    'x-real-ip': '127.0.0.1',
  });
});

test('HEAD asks for the page by HEAD', async () => {
  expect(await ask('own.test', '/404', 'HEAD')).toMatchObject({
    answer: '404 ',
    by: ['web HEAD /404', 'pages HEAD /'],
    headers: { 'x-page': 'own' },
  });
});

test('where one can sign in, the upstream’s 401 leads there, and the list of all does not count', async () => {
  const { answer, by, headers } = await ask('in.test', '/401/x');
  expect([answer.slice(0, 3), by]).toEqual(['302', ['auth GET /', 'web GET /401/x']]);
  expect(headers.location).toBe('https://login.test/?rd=http://in.test%2F401%2Fx');
  expect((await ask('in.test', '/404')).answer).toBe('404 own 404');
  expect((await ask('lost.test', '/502')).answer).toBe('502 web');
  expect((await ask('lost.test', '/401')).answer.slice(0, 3)).toBe('302');
});
