import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, webObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/* Spans from a request to a collector that speaks OTLP over gRPC. */

const folder = mkdtempSync(join(tmpdir(), 'serin-otel-'));
/** Messages as they came, each a protobuf of many spans. */
const exported: { readonly path: string; readonly message: Buffer }[] = [];
const traceparents: (string | undefined)[] = [];
let backend: Server;
let collector: Http2Server;
let serin: SerinProcess;

async function portOf(server: NetServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  backend = createServer(({ headers }, response) => {
    traceparents.push(headers['traceparent'] as string | undefined);
    response.end('served');
  });
  collector = createHttp2Server();
  collector.on('stream', (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      exported.push({ path: String(headers[':path']), message: Buffer.concat(chunks) });
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(5));
    });
  });
  const collectorPort = await portOf(collector);
  const objects = [
    ingressOf('web', 'a.test', '/shop', {
      'enable-opentelemetry': 'true',
      'opentelemetry-operation-name': 'shop-front',
    }),
    ingressOf('plain', 'b.test', '/'),
    ...webObjects(await portOf(backend)),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'a', name: 'settings' },
      data: {
        'otlp-collector-host': '127.0.0.1',
        'otlp-collector-port': String(collectorPort),
        'otel-service-name': 'the-edge',
        'otel-schedule-delay-millis': '3600000',
      },
    },
  ];
  writeFileSync(join(folder, 'objects.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--configmap=a/settings',
    '--watch-ingress-without-class',
    '--workers=1',
  ]);
}, 30_000);

afterAll(async () => {
  await serin?.stop();
  backend.close();
  collector.close();
  rmSync(folder, { recursive: true, force: true });
});

function ask(host: string, path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: serin.httpPort,
      path,
      headers: { host, ...headers },
      agent: false,
    };
    const sent = request(options, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode!));
    });
    sent.on('error', reject);
    sent.end();
  });
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

test('spans of traced routes reach the collector, at the latest when Serin ends; others have none', async () => {
  const traceparent = `00-${TRACE}-${SPAN}-01`;
  // The library is loaded beside the first requests.
  while ((traceparents.at(-1) ?? '') === '') await ask('a.test', '/shop/first');
  expect(await ask('a.test', '/shop/cart?item=1', { traceparent })).toBe(200);
  const seen = traceparents.at(-1)!;
  expect(seen).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  expect(seen).not.toContain(SPAN);
  expect(await ask('b.test', '/untraced', { traceparent })).toBe(200);
  expect(traceparents.at(-1)).toBe(traceparent);

  await serin.stop();
  expect(exported.map(({ path }) => path)).toEqual([
    '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  ]);
  const { message } = exported[0]!;
  const has = (text: string) => message.includes(text);
  expect(
    ['the-edge', 'shop-front', 'http.target', '/shop/cart?item=1', 'ingress.name', 'a-web-http'].filter(
      (text) => !has(text),
    ),
  ).toEqual([]);
  expect(has('/untraced')).toBe(false);
  const [, traceId, spanId] = seen.split('-');
  for (const id of [traceId!, spanId!, SPAN]) expect(message.includes(Buffer.from(id, 'hex'))).toBe(true);
});
