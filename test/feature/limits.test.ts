import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { webObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * Limits from manifests to the wire, over two workers: what docs/reference/annotations.md §6 promises, and the order in which limits and
 * other policies answer. Clients are addresses of the loopback. Rates are by the minute, so that none leaks while a test lasts.
 */

const PREFIX = 'nginx.ingress.kubernetes.io/';
const folder = mkdtempSync(join(tmpdir(), 'serin-limits-'));
const objects: object[] = [];
let backend: Server;
let serin: SerinProcess;

/** Requests under /held that wait for an answer, by path. */
const held = new Map<string, ServerResponse>();
const tunnels: Duplex[] = [];
let told: (() => void) | undefined;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => (told = resolve));
}

function ingress(name: string, hosts: readonly string[], annotations: Record<string, string>): void {
  const keys = Object.entries(annotations).map(([key, value]) => [PREFIX + key, value]);
  objects.push({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { namespace: 'a', name, annotations: Object.fromEntries(keys) },
    spec: {
      rules: hosts.map((host) => ({
        host,
        http: {
          paths: ['/', '/api'].map((path) => ({
            path,
            pathType: 'Prefix',
            backend: { service: { name: 'web', port: { number: 80 } } },
          })),
        },
      })),
    },
  });
}

interface Answer {
  readonly status: number;
  readonly message: IncomingMessage;
  readonly body: string;
}

interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly from?: string;
  readonly headers?: Record<string, string>;
  /** Of one kept connection: a request on it begins when the one before has given its place back. */
  readonly agent?: Agent;
}

function ask(
  host: string,
  { path = '/', method = 'GET', from = '127.0.0.1', headers = {}, agent }: Ask = {},
) {
  const sent = request({
    host: '127.0.0.1',
    port: serin.httpPort,
    localAddress: from,
    path,
    method,
    headers: { host, ...headers },
    agent: agent ?? false,
  });
  const answer = new Promise<Answer>((resolve, reject) => {
    sent.on('response', (message) => {
      let body = '';
      message.on('data', (chunk: Buffer) => (body += chunk.toString()));
      message.on('end', () => resolve({ status: message.statusCode!, message, body }));
      message.on('error', reject);
    });
    sent.on('error', reject);
  });
  sent.end();
  return { sent, answer };
}

async function statusOf(host: string, how?: Ask): Promise<number> {
  return (await ask(host, how).answer).status;
}

/** How often each status was answered to that many requests, one after the other. */
async function countsOf(host: string, times: number, how?: Ask): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let i = 0; i < times; i++) {
    const status = await statusOf(host, how);
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

beforeAll(async () => {
  backend = createServer((req, response) => {
    if (!req.url!.startsWith('/held')) {
      response.end('x'.repeat(req.url === '/large' ? 20_000 : 2));
      return;
    }
    held.set(req.url!, response);
    told?.();
  });
  backend.on('upgrade', (_req, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    tunnels.push(socket);
    told?.();
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const { port } = backend.address() as AddressInfo;
  objects.push(...webObjects(port), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'ingress-nginx', name: 'ingress-nginx-controller' },
    data: { 'limit-conn-status-code': '429' },
  });
  ingress('minute', ['minute.test', 'same.test'], { 'limit-rpm': '1' });
  ingress('other', ['other.test'], { 'limit-rpm': '1', 'limit-burst-multiplier': '2' });
  ingress('second', ['second.test'], { 'limit-rps': '5' });
  ingress('exempt', ['exempt.test'], { 'limit-rpm': '1', 'limit-whitelist': '127.0.0.8/30' });
  const one = { 'limit-rpm': '1', 'limit-burst-multiplier': '1' };
  ingress('list', ['list.test'], { ...one, 'whitelist-source-range': '192.0.2.0/24' });
  ingress('https', ['https.test'], { ...one, 'force-ssl-redirect': 'true' });
  ingress('away', ['away.test'], { ...one, 'permanent-redirect': 'https://new.test' });
  ingress('cors', ['cors.test'], { ...one, 'enable-cors': 'true' });
  ingress('three', ['three.test'], { 'limit-connections': '3' });
  ingress('slow', ['slow.test'], { 'limit-rate': '64' });
  writeFileSync(join(folder, 'objects.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--workers=2',
    '--configmap=ingress-nginx/ingress-nginx-controller',
  ]);
}, 30_000);

afterAll(async () => {
  await serin?.stop();
  backend.closeAllConnections();
  for (const socket of tunnels) socket.destroy();
  await new Promise((resolve) => backend.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

describe('rates', () => {
  test('are the Ingress’s, whatever worker, host and path', async () => {
    const counts = [
      await countsOf('minute.test', 3),
      await countsOf('same.test', 2, { path: '/api/x' }),
      await countsOf('minute.test', 15),
    ];
    expect(counts).toEqual([{ 200: 3 }, { 200: 2 }, { 200: 1, 503: 14 }]);
    // Each client for itself, and each Ingress.
    expect(await countsOf('minute.test', 20, { from: '127.0.0.2' })).toEqual({ 200: 6, 503: 14 });
    expect(await countsOf('other.test', 20)).toEqual({ 200: 3, 503: 17 });
  });

  test('answer with the stock page and nothing else', async () => {
    await countsOf('minute.test', 6, { from: '127.0.0.3' });
    const { message, body } = await ask('minute.test', { from: '127.0.0.3' }).answer;
    expect(message.statusCode).toBe(503);
    expect(body.length).toBe(190);
    expect(message.headers['retry-after']).toBeUndefined();
  });

  test('by the second let in what the formula says', async () => {
    const startedAtMs = performance.now();
    const all = await Promise.all(Array.from({ length: 60 }, () => statusOf('second.test')));
    const leaked = Math.ceil((5 * (performance.now() - startedAtMs)) / 1_000);
    const taken = all.filter((status) => status === 200).length;
    expect(taken).toBeGreaterThanOrEqual(26);
    expect(taken).toBeLessThanOrEqual(Math.min(60, 26 + leaked));
  });

  test('do not concern who is exempt', async () => {
    expect(await countsOf('exempt.test', 20, { from: '127.0.0.9' })).toEqual({ 200: 20 });
    expect(await countsOf('exempt.test', 20, { from: '127.0.0.12' })).toEqual({ 200: 6, 503: 14 });
  });
});

describe('the order of evaluation', () => {
  const cases: [host: string, counts: Record<number, number>, how?: Ask][] = [
    ['list.test', { 403: 2, 503: 6 }],
    ['https.test', { 308: 8 }],
    ['away.test', { 301: 8 }],
    ['cors.test', { 204: 8 }, { method: 'OPTIONS', headers: { origin: 'https://x.test' } }],
  ];
  for (const [host, counts, how] of cases) {
    test(`${host}: ${JSON.stringify(counts)}`, async () =>
      expect(await countsOf(host, 8, how)).toEqual(counts));
  }
});

describe('connections', () => {
  test('are requests in flight, a tunnel for as long as it lives', async () => {
    const from = '127.0.0.20';
    const [one, another] = [0, 1].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
    const first = [0, 1].map((i) => ask('three.test', { path: `/held/${i}`, from }));
    await until(() => held.size === 2);
    const tunnel = ask('three.test', {
      from,
      headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'k' },
    });
    tunnel.answer.catch(() => {});
    const [, socket] = (await once(tunnel.sent, 'upgrade')) as [unknown, Duplex];
    await until(() => tunnels.length === 1);
    expect(await countsOf('three.test', 10, { from })).toEqual({ 429: 10 });
    expect(await statusOf('three.test', { from: '127.0.0.21' })).toBe(200);

    held.get('/held/0')!.end();
    await first[0]!.answer;
    // The client has its answer a moment before the place is free.
    await untilLetIn('three.test', { from, agent: one! });
    expect(await countsOf('three.test', 5, { from, agent: one! })).toEqual({ 200: 5 });

    const third = ask('three.test', { path: '/held/2', from, agent: one! });
    await until(() => held.has('/held/2'));
    expect(await statusOf('three.test', { from })).toBe(429);
    const closed = once(tunnels[0]!, 'close');
    socket.destroy();
    await closed;
    await untilLetIn('three.test', { from, agent: another! });

    // A client that leaves takes its place with it.
    third.answer.catch(() => {});
    const fourth = ask('three.test', { path: '/held/3', from, agent: another! });
    await until(() => held.has('/held/3'));
    expect(await statusOf('three.test', { from })).toBe(429);
    const gone = once(held.get('/held/2')!, 'close');
    third.sent.destroy();
    await gone;
    await untilLetIn('three.test', { from });
    for (const response of held.values()) response.end();
    await Promise.all([first[1]!.answer, fourth.answer]);
    for (const agent of [one!, another!]) agent.destroy();
  });
});

/** A place is free once its worker has seen the end. */
async function untilLetIn(host: string, how: Ask): Promise<void> {
  while ((await statusOf(host, how)) !== 200);
}

test('limit-rate lets a response through whole', async () => {
  const { status, body } = await ask('slow.test', { path: '/large' }).answer;
  expect([status, body.length]).toEqual([200, 20_000]);
});
