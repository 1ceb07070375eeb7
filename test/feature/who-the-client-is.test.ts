import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, webObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * Who the client is and what it used, from a ConfigMap to the wire: Serin in its own process, raw sockets that begin with a PROXY header,
 * a backend that tells what it was sent. The peer is the balancer, 127.0.0.1.
 */

let backend: Server;
let serin: SerinProcess | undefined;
const folders: string[] = [];

beforeAll(async () => {
  backend = createServer((request, response) => response.end(JSON.stringify(request.headers)));
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
});
afterEach(async () => {
  await serin?.stop();
  serin = undefined;
});
afterAll(() => {
  backend.close();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

async function serve(data: Record<string, string>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'serin-client-'));
  folders.push(folder);
  const { port } = backend.address() as AddressInfo;
  const objects = [
    ingressOf('open-test', 'open.test', '/', {}),
    ingressOf('listed-test', 'listed.test', '/', { 'whitelist-source-range': '192.0.2.0/24' }),
    ingressOf('secured-test', 'secured.test', '/', { 'force-ssl-redirect': 'true' }),
    ingressOf('shop-test', 'shop.test', '/', { 'from-to-www-redirect': 'true' }),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'a', name: 'serin' }, data },
    ...webObjects(port),
  ];
  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--workers=1',
    '--configmap=a/serin',
    '--watch-ingress-without-class',
  ]);
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  /** What the backend was sent, when it answered. */
  readonly seen: Record<string, string>;
}

async function ask(host: string, proxyLine: string, headers: Record<string, string> = {}): Promise<Answer> {
  const socket = connect(serin!.httpPort, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  const lines = Object.entries({ Host: host, Connection: 'close', ...headers });
  socket.write(`${proxyLine}GET /x HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`);
  await once(socket, 'close');
  const [head = '', body = ''] = text.split('\r\n\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]),
    location: /^Location: (.*)$/m.exec(head)?.[1]?.trim(),
    seen: body.startsWith('{') ? (JSON.parse(body) as Record<string, string>) : {},
  };
}

const PROXY_80 = 'PROXY TCP4 203.0.113.9 10.0.0.1 40000 80\r\n';
const PROXY_443 = 'PROXY TCP4 203.0.113.9 10.0.0.1 40000 443\r\n';
const FORGED = { 'X-Forwarded-For': '192.0.2.77' };

describe('use-proxy-protocol and enable-real-ip, without use-forwarded-headers', () => {
  test('a forged X-Forwarded-For does not pass an allow list behind a PROXY balancer', async () => {
    await serve({
      'use-proxy-protocol': 'true',
      'enable-real-ip': 'true',
      'log-format-upstream':
        '$remote_addr - - $realip_remote_addr $proxy_protocol_addr $scheme $pass_access_scheme $server_port;',
    });
    expect((await ask('listed.test', PROXY_80, FORGED)).status).toBe(403);
    const open = await ask('open.test', PROXY_80, FORGED);
    expect(open.status).toBe(200);
    expect(open.seen).toMatchObject({
      'x-real-ip': '203.0.113.9',
      'x-forwarded-for': '203.0.113.9',
      'x-original-forwarded-for': '192.0.2.77',
    });
    expect((await ask('listed.test', 'PROXY TCP4 192.0.2.9 10.0.0.1 40000 80\r\n')).status).toBe(200);
    await serin!.waitFor(`203.0.113.9 - - 127.0.0.1 203.0.113.9 http http ${serin!.httpPort};`);
    expect(serin!.stdout()).not.toContain('192.0.2.77');
  });
});

describe('a balancer outside proxy-real-ip-cidr', () => {
  test('is itself the client, and still says which port was asked: no redirect for ever', async () => {
    await serve({ 'use-proxy-protocol': 'true', 'proxy-real-ip-cidr': '172.16.0.0/12' });
    expect(await ask('secured.test', PROXY_80)).toMatchObject({
      status: 308,
      location: 'https://secured.test/x',
    });
    const secured = await ask('secured.test', PROXY_443);
    expect(secured.status).toBe(200);
    expect(secured.seen).toMatchObject({
      'x-real-ip': '127.0.0.1',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
    });
  });
});

describe('use-proxy-protocol and use-forwarded-headers', () => {
  const both = { 'use-proxy-protocol': 'true', 'use-forwarded-headers': 'true' };

  test('a chain behind a PROXY address that is a trusted hop counts, and goes out once more', async () => {
    await serve({ ...both, 'proxy-real-ip-cidr': '127.0.0.0/8,203.0.113.0/24' });
    const { seen } = await ask('open.test', PROXY_80, { 'X-Forwarded-For': '198.51.100.1, 192.0.2.77' });
    expect(seen).toMatchObject({
      'x-real-ip': '192.0.2.77',
      'x-forwarded-for': '192.0.2.77',
      'x-forwarded-for-proxy-protocol': '198.51.100.1, 192.0.2.77',
    });
    const absent = await ask('open.test', PROXY_80, { 'X-Forwarded-For-Proxy-Protocol': '192.0.2.77' });
    expect(absent.seen['x-real-ip']).toBe('203.0.113.9');
    expect(absent.seen).not.toHaveProperty('x-forwarded-for-proxy-protocol');
  });

  test('a chain behind any other PROXY address is forged', async () => {
    const name = { 'forwarded-for-proxy-protocol-header': 'X-Hops' };
    await serve({ ...both, ...name, 'proxy-real-ip-cidr': '127.0.0.0/8' });
    expect((await ask('listed.test', PROXY_80, FORGED)).status).toBe(403);
    const { seen } = await ask('open.test', PROXY_80, { ...FORGED, 'X-Hops': '192.0.2.77' });
    expect(seen['x-real-ip']).toBe('203.0.113.9');
    expect(seen).not.toHaveProperty('x-hops');
    expect(seen).not.toHaveProperty('x-forwarded-for-proxy-protocol');
  });

  test('the full chain ends with the client of the PROXY header, whose port wins over X-Forwarded-Proto', async () => {
    await serve({ ...both, 'compute-full-forwarded-for': 'true' });
    const { seen } = await ask('open.test', PROXY_443, { ...FORGED, 'X-Forwarded-Proto': 'http' });
    expect(seen).toMatchObject({
      'x-forwarded-for': '192.0.2.77, 203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-scheme': 'https',
      'x-scheme': 'https',
      'x-forwarded-port': '443',
    });
    expect((await ask('open.test', PROXY_443)).seen['x-forwarded-for']).toBe('203.0.113.9');
  });

  test('from-to-www leads to the port of the balancer', async () => {
    await serve(both);
    expect((await ask('www.shop.test', PROXY_443)).location).toBe('https://shop.test:443/x');
    expect((await ask('www.shop.test', PROXY_80)).location).toBe('http://shop.test:80/x');
    const https = { 'X-Forwarded-Proto': 'https' };
    expect((await ask('www.shop.test', PROXY_80, https)).location).toBe('https://shop.test:443/x');
    const told = { ...https, 'X-Forwarded-Port': '8443' };
    expect((await ask('www.shop.test', PROXY_80, told)).location).toBe('https://shop.test:8443/x');
  });
});
