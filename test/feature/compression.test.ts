import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, webObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/* Compression from the ConfigMap to the wire, over both versions of HTTP. */

const folder = mkdtempSync(join(tmpdir(), 'serin-compression-'));
const TEXT = JSON.stringify(Array.from({ length: 500 }, (_, id) => ({ id, name: `item ${id}` })));
let server: Server;
let serin: SerinProcess;

function write(settings: Readonly<Record<string, string>>): void {
  const { port } = server.address() as AddressInfo;
  const objects = [
    ...webObjects(port),
    ingressOf('web', 'a.test', '/', { 'custom-http-errors': '500', 'default-backend': 'web' }),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'a', name: 'settings' }, data: settings },
  ];
  writeFileSync(join(folder, 'objects.new'), objects.map((object) => stringify(object)).join('---\n'));
  renameSync(join(folder, 'objects.new'), join(folder, 'objects.yaml'));
}

beforeAll(async () => {
  server = createServer(({ url, headers }, response) => {
    const status = url === '/broken' ? 500 : headers['x-code'] === undefined ? 200 : 404;
    response.writeHead(status, { 'content-type': 'application/json', etag: '"a"' });
    response.end(TEXT);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  write({ 'use-gzip': 'true' });
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--configmap=a/settings',
    '--watch-ingress-without-class',
  ]);
}, 30_000);

afterAll(async () => {
  await serin?.stop();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(path: string): Promise<{ response: IncomingMessage; body: Buffer }> {
  const headers = { host: 'a.test', 'accept-encoding': 'gzip' };
  const sent = get({ host: '127.0.0.1', port: serin.httpPort, path, headers, agent: false });
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { response, body: Buffer.concat(chunks) };
}

test('responses, and error pages from elsewhere, are compressed', async () => {
  for (const [path, status] of [
    ['/', 200],
    ['/broken', 404],
  ] as const) {
    const { response, body } = await ask(path);
    expect(response.statusCode).toBe(status);
    expect(response.headers).toMatchObject({
      'content-encoding': 'gzip',
      vary: 'Accept-Encoding',
      etag: 'W/"a"',
    });
    expect(gunzipSync(body).toString()).toBe(TEXT);
  }
});

test('over HTTP/2 as well', async () => {
  const session = connect(`http://127.0.0.1:${serin.httpPort}`);
  const stream = session.request({ ':authority': 'a.test', 'accept-encoding': 'gzip' });
  const [headers] = (await once(stream, 'response')) as [Record<string, string>];
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
  expect(headers).not.toHaveProperty('content-length');
  expect(gunzipSync(Buffer.concat(chunks)).toString()).toBe(TEXT);
  session.close();
});

test('a ConfigMap that changes counts without a restart', async () => {
  write({ 'use-gzip': 'true', 'gzip-types': 'text/css' });
  for (;;) {
    const { response, body } = await ask('/');
    if (response.headers['content-encoding'] !== undefined) continue;
    expect(response.headers).not.toHaveProperty('vary');
    expect(response.headers.etag).toBe('"a"');
    expect(body.toString()).toBe(TEXT);
    break;
  }
}, 20_000);
