import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * Annotations from a manifest to the wire: every feature that has no end-to-end test of its own, over a Serin in its own process and
 * a backend that tells what it was sent.
 */

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What the backend was sent; undefined when the answer is not the backend's. */
  readonly seen: Seen | undefined;
}

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** `/status/<n>` answers so, `/late` after a second and a half, `/moved` with a Location of its own, `/flaky` fails every other time. */
function answerOf(
  server: { turn: number },
  url: string,
): { status: number; location?: string; delayMs?: number } {
  const status = /\/status\/(\d{3})/.exec(url)?.[1];
  if (status !== undefined) return { status: Number(status) };
  if (url.endsWith('/late')) return { status: 200, delayMs: 1_500 };
  if (url.endsWith('/moved')) return { status: 302, location: 'http://inside.test/there' };
  if (url.endsWith('/flaky')) return { status: server.turn++ % 2 === 0 ? 503 : 200 };
  return { status: 200 };
}

const PREFIX = 'nginx.ingress.kubernetes.io/';
const folder = mkdtempSync(join(tmpdir(), 'serin-annotations-'));
const objects: object[] = [];
let backend: Server;
let serin: SerinProcess;

function host(name: string, annotations: Record<string, string>, path = '/', service = 'web'): void {
  const keys = Object.entries(annotations).map(([key, value]) => [PREFIX + key, value]);
  objects.push({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { namespace: 'a', name: name.replaceAll('.', '-'), annotations: Object.fromEntries(keys) },
    spec: {
      rules: [
        {
          host: name,
          http: {
            paths: [
              {
                path,
                pathType: 'ImplementationSpecific',
                backend: { service: { name: service, port: { name: 'http' } } },
              },
            ],
          },
        },
      ],
    },
  });
}

function ask(name: string, { method = 'GET', path = '/', headers = {}, body }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: serin.httpPort,
        method,
        path,
        headers: { host: name, ...headers, ...(body === undefined ? {} : { 'content-length': body.length }) },
        agent: false,
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          const isBackends = text.startsWith('{');
          const seen = isBackends ? (JSON.parse(text) as Seen) : undefined;
          resolve({ status: response.statusCode!, headers: response.headers, seen });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const cases: [
  name: string,
  annotations: Record<string, string>,
  path: string | undefined,
  check: (name: string) => Promise<void>,
][] = [
  [
    'app-root',
    { 'app-root': '/home' },
    undefined,
    async (name) => {
      const { status, headers } = await ask(name);
      expect([status, headers.location]).toEqual([302, `http://${name}/home`]);
      expect((await ask(name, { path: '/x' })).seen?.url).toBe('/x');
    },
  ],
  [
    'from-to-www-redirect',
    { 'from-to-www-redirect': 'true' },
    undefined,
    async (name) => {
      const { status, headers } = await ask(`www.${name}`, { path: '/x/' });
      expect([status, headers.location]).toEqual([308, `http://${name}:${serin.httpPort}/x`]);
      expect((await ask(name)).status).toBe(200);
    },
  ],
  [
    'permanent-redirect',
    { 'permanent-redirect': 'https://new.test/', 'permanent-redirect-code': '308' },
    undefined,
    async (name) => {
      const { status, headers } = await ask(name);
      expect([status, headers.location]).toEqual([308, 'https://new.test/']);
    },
  ],
  [
    'force-ssl-redirect',
    { 'force-ssl-redirect': 'true' },
    undefined,
    async (name) => {
      const { status, headers } = await ask(name, { path: '/x?y=1' });
      expect([status, headers.location]).toEqual([308, `https://${name}/x?y=1`]);
    },
  ],
  [
    'rewrite-target',
    { 'rewrite-target': '/in/$2', 'x-forwarded-prefix': '/out' },
    '/out(/|$)(.*)',
    async (name) => {
      const { seen } = await ask(name, { path: '/out/a?b=c' });
      expect(seen).toMatchObject({ url: '/in/a?b=c', headers: { 'x-forwarded-prefix': '/out' } });
    },
  ],
  [
    'a rewrite-target that is a redirect, before the https redirect and the list',
    {
      'rewrite-target': 'https://new.test/$1',
      'force-ssl-redirect': 'true',
      'whitelist-source-range': '192.0.2.0/24',
    },
    '/(.*)',
    async (name) => {
      const { status, headers } = await ask(name, { path: '/a/b?x=1' });
      expect([status, headers.location]).toEqual([302, 'https://new.test/a/b?x=1']);
    },
  ],
  [
    'captures in upstream-vhost, named and numbered, with the path as it is',
    { 'use-regex': 'true', 'upstream-vhost': '$1.$tenant.$service_name.$namespace.test' },
    '/([a-z]+)/(?<tenant>[a-z]+)',
    async (name) => {
      const { seen } = await ask(name, { path: '/shop/blue/x?y=1' });
      expect([seen?.headers.host, seen?.url]).toEqual(['shop.blue.web.a.test', '/shop/blue/x?y=1']);
    },
  ],
  [
    'upstream-vhost',
    { 'upstream-vhost': 'inside.test' },
    undefined,
    async (name) => {
      const { seen } = await ask(name);
      expect(seen?.headers).toMatchObject({ host: 'inside.test', 'x-forwarded-host': name });
    },
  ],
  [
    'proxy-redirect',
    { 'proxy-redirect-from': 'http://inside.test/', 'proxy-redirect-to': 'http://outside.test/' },
    undefined,
    async (name) => {
      const { status, headers } = await ask(name, { path: '/moved' });
      expect([status, headers.location]).toEqual([302, 'http://outside.test/there']);
    },
  ],
  [
    'proxy-cookie-domain and -path',
    { 'proxy-cookie-domain': 'inside.test outside.test', 'proxy-cookie-path': '/in/ /', affinity: 'cookie' },
    undefined,
    async (name) => {
      const { headers } = await ask(name, { path: '/cookies' });
      const [first, second, own] = headers['set-cookie'] ?? [];
      expect([first, second]).toEqual(['a=1; Domain=outside.test; Path=/x', 'b=2; Path=/y']);
      expect(own).toMatch(/^INGRESSCOOKIE=.*; Path=\//);
    },
  ],
  [
    'custom-headers, on every status',
    { 'custom-headers': 'b/headers', 'proxy-body-size': '1' },
    undefined,
    async (name) => {
      expect((await ask(name)).headers).toMatchObject({ 'x-backend': 'mine', 'x-more': '1' });
      const tooLarge = await ask(name, { method: 'POST', body: '12345' });
      expect([tooLarge.status, tooLarge.headers['x-more']]).toEqual([413, '1']);
    },
  ],
  [
    'enable-cors',
    { 'enable-cors': 'true', 'cors-allow-origin': 'https://app.test' },
    undefined,
    async (name) => {
      const origin = { origin: 'https://app.test' };
      const preflight = await ask(name, {
        method: 'OPTIONS',
        headers: { ...origin, 'access-control-request-method': 'PUT' },
      });
      expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([
        204,
        'https://app.test',
      ]);
      expect((await ask(name, { headers: origin })).headers['access-control-allow-origin']).toBe(
        'https://app.test',
      );
      const other = await ask(name, { headers: { origin: 'https://evil.test' } });
      expect([other.status, other.headers['access-control-allow-origin']]).toEqual([200, undefined]);
    },
  ],
  [
    'whitelist-source-range that has the client',
    { 'whitelist-source-range': '127.0.0.0/8' },
    undefined,
    async (name) => expect((await ask(name)).status).toBe(200),
  ],
  [
    'whitelist-source-range that does not',
    { 'whitelist-source-range': '192.0.2.0/24' },
    undefined,
    async (name) => expect((await ask(name)).status).toBe(403),
  ],
  [
    'denylist-source-range',
    { 'denylist-source-range': '127.0.0.1' },
    undefined,
    async (name) => expect((await ask(name)).status).toBe(403),
  ],
  [
    'proxy-body-size',
    { 'proxy-body-size': '4' },
    undefined,
    async (name) => {
      expect((await ask(name, { method: 'POST', body: '1234' })).status).toBe(200);
      expect((await ask(name, { method: 'POST', body: '12345' })).status).toBe(413);
    },
  ],
  [
    'proxy-read-timeout',
    { 'proxy-read-timeout': '1', 'proxy-next-upstream': 'off' },
    undefined,
    async (name) => expect((await ask(name, { path: '/late' })).status).toBe(504),
  ],
  [
    'proxy-next-upstream',
    { 'proxy-next-upstream': 'error http_503', 'proxy-next-upstream-tries': '2' },
    undefined,
    async (name) => {
      expect((await ask(name, { path: '/flaky' })).status).toBe(200);
      expect((await ask(name, { path: '/status/500' })).status).toBe(500);
    },
  ],
  [
    'server-alias',
    { 'server-alias': 'alias.test,~^x[0-9]+\\.test$' },
    undefined,
    async (name) => {
      for (const other of [name, 'alias.test', 'x12.test']) expect((await ask(other)).status).toBe(200);
      expect((await ask('xy.test')).status).toBe(404);
    },
  ],
  [
    'service-upstream',
    { 'service-upstream': 'true' },
    undefined,
    async (name) => expect((await ask(name)).status).toBe(200),
  ],
  [
    'enable-access-log',
    { 'enable-access-log': 'false' },
    undefined,
    async (name) => {
      await ask(name, { path: '/silent' });
      await ask(LOGGED, { path: '/loud' });
      await serin.waitFor('"GET /loud HTTP/1.1" 200');
      expect(serin.stdout()).not.toContain('/silent');
    },
  ],
  [
    'connection-proxy-header',
    { 'connection-proxy-header': 'close' },
    undefined,
    async (name) => expect((await ask(name)).seen?.headers.connection).toBe('close'),
  ],
  [
    'auth-type, which Serin does not have, closes the route',
    { 'auth-type': 'basic', 'auth-secret': 'a/users' },
    undefined,
    async (name) => expect((await ask(name)).status).toBe(503),
  ],
];

const LOGGED = 'logged.test';
const hostOf = (index: number): string => `case-${index}.test`;

beforeAll(async () => {
  const state = { turn: 0 };
  backend = createServer((incoming, response) => {
    const { status, location, delayMs = 0 } = answerOf(state, incoming.url!);
    incoming.resume();
    setTimeout(() => {
      if (incoming.url === '/cookies') {
        response.setHeader('Set-Cookie', ['a=1; Domain=inside.test; Path=/in/x', 'b=2; Path=/y']);
      }
      response.writeHead(status, { 'x-backend': 'yes', ...(location === undefined ? {} : { location }) });
      const { method, url, headers } = incoming;
      response.end(JSON.stringify({ method, url, headers }));
    }, delayMs);
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const { port } = backend.address() as AddressInfo;
  objects.push(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'a', name: 'web' },
      spec: { clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: port }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'a', name: 'direct' },
      // Without endpoints: only its own address serves.
      spec: { clusterIP: '127.0.0.1', ports: [{ name: 'http', port }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace: 'a', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port, protocol: 'TCP' }],
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    },
  );
  objects.push(
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'b', name: 'headers' },
      data: { 'X-Backend': 'mine', 'X-More': '1' },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'b', name: 'settings' },
      data: { 'global-allowed-response-headers': 'X-Backend,X-More' },
    },
  );
  host(LOGGED, {});
  for (const [index, [, annotations, path]] of cases.entries())
    host(hostOf(index), annotations, path, annotations['service-upstream'] === undefined ? 'web' : 'direct');

  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--configmap=b/settings',
    '--watch-ingress-without-class',
    '--workers=2',
  ]);
});

afterAll(async () => {
  await serin?.stop();
  backend?.closeAllConnections();
  backend?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('from an annotation to the wire', () => {
  for (const [index, [name, , , check]] of cases.entries()) test(name, () => check(hostOf(index)));
});
