import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { stringify } from 'yaml';
import { ingressOf, webObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/** Real clients of HTTP/2 against a Serin in its own process. Programs that are not installed are left out by name. */

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).stdout?.toString().includes('nghttp2') === true;
/** Since 1.24 it speaks HTTP/2 by prior knowledge. */
const hasGo = /go1\.(2[4-9]|[3-9]\d)/.test(spawnSync('go', ['version']).stdout?.toString() ?? '');
const hasH2spec = spawnSync('h2spec', ['--version']).status === 0;

const folder = mkdtempSync(join(tmpdir(), 'serin-http2-'));
const clients: ClientHttp2Session[] = [];
let backend: Server;
let serin: SerinProcess;

beforeAll(async () => {
  const sockets = new WebSocketServer({ noServer: true });
  backend = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end(`${request.method} ${request.url} ${request.headers.host}`));
  });
  backend.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (each: WebSocket) =>
      each.on('message', (message) => each.send(String(message))),
    ),
  );
  await once(backend.listen(0, '127.0.0.1'), 'listening');
  const objects = [
    ingressOf('any', '', '/', { 'ssl-redirect': 'false' }),
    ingressOf('web', 'web.test', '/', { 'ssl-redirect': 'false' }),
    ...webObjects((backend.address() as AddressInfo).port),
  ];
  writeFileSync(join(folder, 'objects.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--workers=1',
  ]);
}, 60_000);

afterAll(async () => {
  for (const client of clients) client.destroy();
  await serin?.stop();
  backend?.close();
  rmSync(folder, { recursive: true, force: true });
});

function opened(url: string): ClientHttp2Session {
  const client = connect(url, { rejectUnauthorized: false });
  clients.push(client);
  return client;
}

for (const offer of [['h2', 'http/1.1'], ['http/1.1'], ['h2']]) {
  test(`ALPN ${offer.join()}: the first of h2 and http/1.1 that is offered`, async () => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: serin.httpsPort,
      ALPNProtocols: offer,
      rejectUnauthorized: false,
    });
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe(offer[0]);
    socket.destroy();
  });
}

for (const scheme of ['http', 'https'] as const) {
  test(`node:http2 over ${scheme}: many at once, and the log`, async () => {
    const port = scheme === 'http' ? serin.httpPort : serin.httpsPort;
    const client = opened(`${scheme}://127.0.0.1:${port}`);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        text(client.request({ ':authority': 'web.test', ':path': `/${scheme}/${i}` })),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 100 }, (_, i) => `GET /${scheme}/${i} web.test`));
    await serin.waitFor(`"GET /${scheme}/99 HTTP/2.0" 200`);
  });
}

test('a WebSocket over HTTP/2 speaks to a server of HTTP/1.1', async () => {
  const client = opened(`https://127.0.0.1:${serin.httpsPort}`);
  await once(client, 'remoteSettings');
  const stream = client.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/socket',
    'sec-websocket-version': '13',
  });
  const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  expect(head[':status']).toBe(200);
  expect(head['sec-websocket-accept']).toBeUndefined();
  // One masked text message `ping`, with a mask of zeros.
  stream.write(Buffer.concat([Buffer.from([0x81, 0x84, 0, 0, 0, 0]), Buffer.from('ping')]));
  const [echo] = (await once(stream, 'data')) as [Buffer];
  expect(echo.subarray(2).toString()).toBe('ping');
  stream.close();
});

describe.skipIf(!hasCurl)('curl (with nghttp2)', () => {
  for (const [name, args] of [
    ['--http2', ['--http2', '-k', 'https://127.0.0.1:HTTPS/x']],
    ['--http2-prior-knowledge', ['--http2-prior-knowledge', 'http://127.0.0.1:HTTP/x']],
    ['a body', ['--http2-prior-knowledge', '-d', 'x'.repeat(100_000), 'http://127.0.0.1:HTTP/x']],
    ['HEAD', ['--http2-prior-knowledge', '-I', 'http://127.0.0.1:HTTP/x']],
  ] as const) {
    test(name, async () => {
      const { stdout } = await run('curl', [
        '-s',
        '-w',
        '%{http_version} %{http_code}',
        '-o',
        '/dev/null',
        ...args.map((arg) =>
          arg.replace('HTTPS', String(serin.httpsPort)).replace(':HTTP/', `:${serin.httpPort}/`),
        ),
      ]);
      expect(stdout).toBe('2 200');
    });
  }
});

describe.skipIf(!hasGo)('net/http of Go', () => {
  const program = join(folder, 'go-client');
  beforeAll(async () => {
    const source = new URL('../fixtures/go-client/main.go', import.meta.url).pathname;
    await run('go', ['build', '-o', program, source], { env: { ...process.env, GO111MODULE: 'off' } });
  }, 180_000);

  for (const scheme of ['https', 'http'] as const) {
    test(`a hundred at once and a body, over ${scheme}`, async () => {
      const port = scheme === 'https' ? serin.httpsPort : serin.httpPort;
      const { stdout } = await run(program, [`${scheme}://127.0.0.1:${port}`]);
      expect(stdout).toBe('100 answered, HTTP/2.0 POST /go/body web.test\n');
    });
  }
});

/**
 * h2spec was made for RFC 7540. What RFC 9113 dropped: a stream that depends on itself is an error no more, since there are no
 * dependencies (RFC 9113 §5.3.2).
 */
const DROPPED = ['Sends HEADERS frame that depend on itself', 'Sends PRIORITY frame that depend on itself'];

test.skipIf(!hasH2spec)(
  'h2spec passes over TLS, but for what RFC 9113 dropped',
  async () => {
    const report = join(folder, 'h2spec.xml');
    const args = ['-t', '-k', '-h', '127.0.0.1', '-p', String(serin.httpsPort), '-o', '2', '-j', report];
    const { stdout } = await run('h2spec', args).catch((error: unknown) => error as { stdout: string });
    const failed = [...stdout.matchAll(/× \d+: (.*)/g)].map(([, title]) => title!);
    expect(new Set(failed)).toEqual(new Set(DROPPED));
    expect(stdout).toMatch(/145 tests, 143 passed, 0 skipped, 2 failed/);
  },
  120_000,
);
