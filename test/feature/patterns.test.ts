import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { HOSTILE_PATHS, hostileText } from '../fixtures/hostile-patterns.ts';
import type { PatternTimes } from '../fixtures/pattern-times.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

test(
  'a text of double length takes a hostile pattern at most three times as long',
  { timeout: 120_000 },
  async () => {
    const script = fileURLToPath(new URL('../fixtures/pattern-times.ts', import.meta.url));
    const options = { timeout: 100_000, maxBuffer: 1 << 22 };
    const { stdout } = await promisify(execFile)(process.execPath, [script], options);
    const times = JSON.parse(stdout) as PatternTimes[];
    expect(times.length).toBeGreaterThanOrEqual(200);
    const slow = times.filter(({ isTimed, isSlow, ms: [, twice = 0] }) => (isTimed ? twice > 200 : isSlow));
    expect(slow).toEqual([]);
  },
);

const PREFIX = 'nginx.ingress.kubernetes.io/';
const folder = mkdtempSync(join(tmpdir(), 'serin-patterns-'));
const NESTED = '^(a+)+$';
let backend: Server;
let serin: SerinProcess;

function ingress(name: string, host: string, paths: readonly string[], annotations: Record<string, string>) {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      namespace: 'a',
      name,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [PREFIX + key, value]),
      ),
    },
    spec: {
      rules: [
        {
          host,
          http: {
            paths: paths.map((path) => ({
              path,
              pathType: 'ImplementationSpecific',
              backend: { service: { name: 'web', port: { number: 80 } } },
            })),
          },
        },
      ],
    },
  };
}

beforeAll(async () => {
  backend = createServer((_, response) => response.end('served'));
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const regex = { 'use-regex': 'true' };
  const paths = HOSTILE_PATHS.map(([pattern]) => pattern);
  const objects = [
    ingress('hostile', 'hostile.test', paths, regex),
    ingress('rewritten', 'rewritten.test', ['/(a+)+$'], { 'rewrite-target': '/x$1' }),
    ingress('back', 'back.test', ['/(a*)*\\1!'], regex),
    ingress('aliased', 'aliased.test', ['/'], { 'server-alias': `~${NESTED}` }),
    ingress('large', 'large.test', ['/'], { 'server-alias': `~${'[a-z]'.repeat(40_000)}` }),
    ingress('closed', 'closed.test', [`/closed/${'(a|b)'.repeat(500)}`, '/(.*)'], regex),
    ingress('main', 'split.test', ['/'], {}),
    ingress('canary', 'split.test', ['/'], {
      canary: 'true',
      'canary-by-header': 'x-choice',
      'canary-by-header-pattern': NESTED,
    }),
    ingress('innocent', 'innocent.test', ['/'], {}),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'a', name: 'web' },
      spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace: 'a', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['127.0.0.1'] }],
      ports: [{ port: (backend.address() as AddressInfo).port }],
    },
  ];
  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--workers=1',
    '--v=3',
    '--watch-ingress-without-class',
  ]);
});

afterAll(async () => {
  await serin?.stop();
  backend?.closeAllConnections();
  backend?.close();
  rmSync(folder, { recursive: true, force: true });
});

function get(host: string, path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port: serin.httpPort, path, headers: { host, ...headers }, agent: false },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

describe('one worker goes on serving', () => {
  const texts: [name: string, host: string, path: string, headers: Record<string, string>][] = [
    ...HOSTILE_PATHS.map(([pattern, unit]): [string, string, string, Record<string, string>] => [
      `path ${pattern}`,
      'hostile.test',
      hostileText(unit, 8_000).replace('?', '%3F'),
      {},
    ]),
    ['rewrite', 'rewritten.test', hostileText('a', 8_000).replace('?', '!'), {}],
    ['back-reference', 'back.test', `/${'a'.repeat(60)}`, {}],
    ['alias', `${'a'.repeat(60)}-`, '/', {}],
    ['canary header', 'split.test', '/', { 'x-choice': `${'a'.repeat(4_000)}!` }],
  ];
  for (const [name, host, path, headers] of texts) {
    test(`while hostile texts meet the ${name}`, async () => {
      const hostile = Array.from({ length: 10 }, () => get(host, path, headers));
      for (let i = 0; i < 5; i++) expect(await get('innocent.test', '/')).toBe(200);
      for (const status of await Promise.all(hostile)) expect([200, 404, 500]).toContain(status);
    });
  }
});

test('a match that takes too long is a 500 of that request alone, and no line of the log', async () => {
  expect(await get('back.test', `/${'a'.repeat(60)}`)).toBe(500);
  expect(await get('back.test', '/aa!')).toBe(200);
  expect(await get('innocent.test', '/')).toBe(200);
  expect(serin.stderr()).not.toContain('took too long');
});

test('what a refused pattern begins with is answered 503, and the host goes on', async () => {
  expect(await get('closed.test', '/closed/x')).toBe(503);
  expect(await get('closed.test', '/open')).toBe(200);
});

test('a regex alias too large to compile takes out itself alone', async () => {
  expect(await get('unknown.test', '/')).toBe(404);
  expect(await get('large.test', '/')).toBe(200);
  expect(await get('a'.repeat(40), '/')).toBe(200);
});
