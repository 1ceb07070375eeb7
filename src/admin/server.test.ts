import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAdminServer, type AdminServer } from './server.ts';

let failure: string | undefined;
let server: AdminServer;

beforeEach(async () => {
  failure = undefined;
  server = await startAdminServer(
    {
      checks: [
        { name: 'ping', failure: () => undefined },
        { name: 'nginx-ingress-controller', failure: () => failure },
      ],
      healthPath: '/healthz',
      metrics: async () => ({ contentType: 'text/plain; version=0.0.4', pieces: [Buffer.from('up 1\n')] }),
      views: { generation: () => ({ generation: 7 }) },
    },
    '127.0.0.1',
    0,
  );
});
afterEach(() => server.close());

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
];
for (const [path, broken, status, body] of cases) {
  test(`${path}${broken === undefined ? '' : ` while ${broken}`} answers ${status}`, async () => {
    failure = broken;
    const response = await get(path);
    expect([response.status, await response.text()]).toEqual([status, body]);
  });
}

test('refuses other methods', async () => {
  const response = await get('/healthz', 'POST');
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});
