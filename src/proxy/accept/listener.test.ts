import { redactBytes } from '../../lib/redacted-bytes.ts';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { ECHO } from '../../../test/fixtures/echo.ts';
import { makeAuthority, makeCertificate } from '../../../test/fixtures/certificates.ts';
import type { Listener } from '../../model/ports.ts';
import type { FromWorker } from '../../table/messages.ts';
import { DEFAULT_SETTINGS, type DataPlaneSettings } from '../../table/settings.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';
import { terminated } from '../../../test/fixtures/terminated.ts';
import { openListeners } from '../../../test/fixtures/open-listeners.ts';
import type { Listeners } from './listeners.ts';
import { createSocketTransport } from '../transport/socket-transport.ts';
import { type CertificateStore, createCertificateStore } from './certificate-store.ts';

const authority = makeAuthority();
const certificate = makeCertificate(['a.test'], { issuer: authority });
const fallback = makeCertificate(['default.test'], { issuer: authority });

interface Bench {
  readonly http: number;
  readonly https: number;
  readonly store: CertificateStore;
  readonly listeners: Listeners;
  readonly messages: readonly FromWorker[];
  readonly counts: { accepted: number; closed: number };
  settings: DataPlaneSettings;
}

const benches: Bench[] = [];
const clients: Socket[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const bench of benches.splice(0)) await bench.listeners.close();
});

/** Listeners whose engine answers each connection's info as one line of JSON, then echoes. */
async function openBench(change: Partial<DataPlaneSettings> = {}): Promise<Bench> {
  const settings = { ...DEFAULT_SETTINGS, ...change };
  const transport = createSocketTransport();
  const store = createCertificateStore(transport, settings.tls, () => {});
  store.apply({
    certificates: {
      set: [
        { id: 'a', certificate: certificate.certificate, key: redactBytes(Buffer.from(certificate.key)) },
        { id: 'default', certificate: fallback.certificate, key: redactBytes(Buffer.from(fallback.key)) },
      ],
      removed: [],
    },
    tls: { names: terminated([['a.test', 'a']]), defaultCertificateId: 'default' },
  });
  const messages: FromWorker[] = [];
  const counts = { accepted: 0, closed: 0 };
  const specs: readonly Listener[] = [
    { kind: 'http', name: 'http', host: '::', port: 0 },
    { kind: 'https', name: 'https', host: '::', port: 0 },
  ];
  const listeners = await openListeners(specs, {
    transport,
    settings: () => bench.settings,
    certificates: store,
    counters: {
      accepted: () => counts.accepted++,
      closed: () => counts.closed++,
      requested: () => {},
      reading: () => {},
      writing: () => {},
      waiting: () => {},
    },
    serve: (connection, info) => {
      connection.handler = ECHO;
      connection.write(`${JSON.stringify(info)}\n`);
    },
    post: (message) => messages.push(message),
    now: () => Date.UTC(2026, 10, 23, 12),
  });
  const portOf = (name: string) => {
    const message = messages.find((message) => message.kind === 'listening' && message.name === name);
    return message?.kind === 'listening' ? message.port : 0;
  };
  const bench: Bench = {
    http: portOf('http'),
    https: portOf('https'),
    store,
    listeners,
    messages,
    counts,
    settings,
  };
  benches.push(bench);
  return bench;
}

function openPlain(port: number, bytes: string | Buffer = '', host = '127.0.0.1'): Socket {
  const socket = connect({ port, host });
  socket.on('error', () => {});
  clients.push(socket);
  if (bytes.length > 0) socket.write(bytes);
  return socket;
}

function openTls(port: number, options: ConnectionOptions = {}): TLSSocket {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'a.test',
    ca: authority.certificate,
    ALPNProtocols: ['http/1.1'],
    ...options,
  });
  socket.on('error', () => {});
  clients.push(socket);
  return socket;
}

async function readInfo(socket: Socket): Promise<ConnectionInfo> {
  return JSON.parse(await readUntil(socket, '\n')) as ConnectionInfo;
}

async function readUntil(socket: Socket, end: string): Promise<string> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes(end)) return text.slice(0, text.indexOf(end));
  }
  throw new Error(`ended after "${text}"`);
}

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  await closed(socket);
  return text;
}

/** Unlike `once`, not put off by an error before the close. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

const V2_TCP4 = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000201c6336401dc0401bb', 'hex');
const V1_TCP4 = 'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n';
const proxyLine = (client: string) => `PROXY TCP4 ${client} 198.51.100.1 1 80\r\n`;
const PROXY = { isProxyProtocolUsed: true, trustedNetworks: ['127.0.0.0/8'] };

describe('plain listener', () => {
  test('serves both address families and names IPv4 peers as such', async () => {
    const { http } = await openBench();
    const info = await readInfo(openPlain(http));
    expect(info).toMatchObject({
      listener: 'http',
      scheme: 'http',
      peerAddress: '127.0.0.1',
      localPort: http,
    });
    expect(info.clientAddress).toBe('127.0.0.1');
    expect((await readInfo(openPlain(http, '', '::1'))).peerAddress).toBe('::1');
  });

  test('hands on bytes that came with the connection', async () => {
    const { http } = await openBench();
    const socket = openPlain(http, 'hello');
    expect(await readUntil(socket, 'hello')).toContain('"scheme":"http"');
  });

  test('a port that is taken is reported and the other listeners accept', async () => {
    const taken = await openBench();
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const messages: FromWorker[] = [];
    const listeners = await openListeners(
      [
        { kind: 'http', name: 'taken', host: '127.0.0.1', port },
        { kind: 'http', name: 'bad', host: '203.0.113.1', port: 0 },
        { kind: 'http', name: 'good', host: '127.0.0.1', port: 0 },
      ],
      {
        transport: createSocketTransport(),
        settings: () => taken.settings,
        certificates: taken.store,
        counters: { accepted() {}, closed() {}, requested() {}, reading() {}, writing() {}, waiting() {} },
        serve: (connection) => {
          connection.handler = ECHO;
          connection.write('served');
          connection.end();
        },
        post: (message) => messages.push(message),
        now: Date.now,
      },
    );
    expect(messages.slice(0, 2)).toEqual([
      { kind: 'listen-failed', name: 'taken', of: 'http', message: expect.stringContaining('EADDRINUSE') },
      { kind: 'listen-failed', name: 'bad', of: 'http', message: expect.stringContaining('EADDRNOTAVAIL') },
    ]);
    holder.close();
    const bound = messages[2];
    if (bound?.kind !== 'listening') throw new Error('not bound');
    expect(await readAll(openPlain(bound.port))).toBe('served');
    await listeners.close();
  });

  test('a connection that waits to be accepted when its port closes is served, not reset', async () => {
    const { http, listeners } = await openBench();
    const waiting = openPlain(http);
    const closed = listeners.close();
    const info = await readInfo(waiting);
    expect(info.listener).toBe('http');
    await closed;
  });

  test('closing refuses new connections and keeps the open ones', async () => {
    const { http, listeners } = await openBench();
    const socket = openPlain(http);
    await readInfo(socket);
    await listeners.close();
    const refused = openPlain(http);
    const [error] = await once(refused, 'error').catch((error: unknown) => [error]);
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNREFUSED');
    socket.write('still here\n');
    expect(await readUntil(socket, '\n')).toBe('still here');
  });
});

describe('connection ceilings', () => {
  test('an address over its ceiling is cut, and let in when one of its connections ended', async () => {
    const bench = await openBench({ maxConnectionsPerAddress: 2 });
    const first = openPlain(bench.http);
    await readInfo(first);
    await readInfo(openPlain(bench.http));
    expect(await readAll(openPlain(bench.http))).toBe('');
    expect((await readInfo(openPlain(bench.http, '', '::1'))).peerAddress).toBe('::1');
    first.end();
    await expect.poll(() => bench.counts.closed).toBe(2);
    expect((await readInfo(openPlain(bench.http))).peerAddress).toBe('127.0.0.1');
  });

  test('handshakes count, and a failed one gives its place back', async () => {
    const bench = await openBench({ maxConnectionsPerAddress: 1 });
    openTls(bench.https, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' });
    await expect.poll(() => bench.counts.closed).toBe(1);
    const secure = openTls(bench.https);
    expect((await readInfo(secure)).scheme).toBe('https');
    expect(await readAll(openPlain(bench.http))).toBe('');
  });

  test('the ceiling of the worker', async () => {
    const bench = await openBench({ maxConnections: 1 });
    const first = openPlain(bench.http);
    await readInfo(first);
    expect(await readAll(openPlain(bench.http, '', '::1'))).toBe('');
    expect(bench.counts).toEqual({ accepted: 1, closed: 0 });
  });

  test('behind a balancer the client counts, not the balancer', async () => {
    const bench = await openBench({ ...PROXY, maxConnectionsPerAddress: 1 });
    expect((await readInfo(openPlain(bench.http, proxyLine('192.0.2.1')))).clientAddress).toBe('192.0.2.1');
    expect((await readInfo(openPlain(bench.http, proxyLine('192.0.2.2')))).clientAddress).toBe('192.0.2.2');
    expect(await readAll(openPlain(bench.http, proxyLine('192.0.2.1')))).toBe('');
  });
});

describe('TLS listener', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`serves ${version}`, async () => {
      const { https } = await openBench();
      const socket = openTls(https, { minVersion: version, maxVersion: version });
      const info = await readInfo(socket);
      expect(info).toMatchObject({
        listener: 'https',
        scheme: 'https',
        serverName: 'a.test',
        tlsProtocol: version,
      });
      expect(info.tlsCipher).toBe(
        version === 'TLSv1.3' ? 'TLS_AES_256_GCM_SHA384' : 'ECDHE-ECDSA-AES128-GCM-SHA256',
      );
      expect(socket.authorized).toBe(true);
      expect(socket.alpnProtocol).toBe('http/1.1');
    });
  }

  test('keeps half-closed connections open for the answer', async () => {
    const { https, counts } = await openBench();
    const socket = openTls(https, { allowHalfOpen: true } as ConnectionOptions);
    socket.end('question');
    expect(await readAll(socket)).toContain('}\nquestion');
    await expect.poll(() => counts).toEqual({ accepted: 1, closed: 1 });
  });

  test('plain HTTP gets the page that says so', async () => {
    const { https, counts } = await openBench();
    const answer = await readAll(openPlain(https, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'));
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head.split('\r\n')).toEqual([
      'HTTP/1.1 400 Bad Request',
      'Date: Mon, 23 Nov 2026 12:00:00 GMT',
      'Content-Type: text/html',
      'Content-Length: 248',
      'Connection: close',
    ]);
    expect(body).toHaveLength(248);
    expect(body).toContain('<title>400 The plain HTTP request was sent to HTTPS port</title>');
    expect(counts.accepted).toBe(1);
  });

  test('a silent client is cut at the deadline', async () => {
    const { https } = await openBench({ headerTimeoutMs: 40 });
    const socket = openPlain(https);
    await once(socket, 'connect');
    expect(await readAll(socket)).toBe('');
  });

  test('a client that begins a handshake and stops is cut at the deadline', async () => {
    const { https, counts } = await openBench({ headerTimeoutMs: 40 });
    expect(await readAll(openPlain(https, Buffer.from('16030100', 'hex')))).toBe('');
    await expect.poll(() => counts).toEqual({ accepted: 1, closed: 1 });
  });

  test('garbage that looks like TLS gets an alert, and others are served', async () => {
    const { https } = await openBench();
    const garbage = openPlain(https, Buffer.concat([Buffer.from('160301ffff', 'hex'), Buffer.alloc(100)]));
    await readAll(garbage);
    expect((await readInfo(openTls(https))).serverName).toBe('a.test');
  });

  test('a hello cut into single bytes is put together', async () => {
    const settings = { ...DEFAULT_SETTINGS.tls, isUnknownNameRejected: true };
    const { https } = await openBench({ tls: settings });
    const through = openPlain(https);
    through.setNoDelay(true);
    const socket = openTls(https, {
      socket: trickle(through),
      host: undefined,
      port: undefined,
    } as ConnectionOptions);
    expect((await readInfo(socket)).serverName).toBe('a.test');
  });
});

describe('ssl-reject-handshake', () => {
  const tls = { ...DEFAULT_SETTINGS.tls, isUnknownNameRejected: true };
  for (const [what, servername] of [
    ['an unknown name', 'unknown.test'],
    ['no name', ''],
  ] as const) {
    test(`${what} gets the alert unrecognized_name`, async () => {
      const { https } = await openBench({ tls });
      const socket = openTls(https, { servername, rejectUnauthorized: false });
      const [error] = (await once(socket, 'error').catch((error: unknown) => [error])) as [
        NodeJS.ErrnoException,
      ];
      expect(error.code).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    });
  }

  test('a known name is served', async () => {
    const { https } = await openBench({ tls });
    expect((await readInfo(openTls(https, { servername: 'A.test' }))).serverName).toBe('A.test');
  });
});

describe('PROXY protocol', () => {
  for (const [version, header] of [
    ['v1', V1_TCP4],
    ['v2', V2_TCP4],
  ] as const) {
    test(`${version} on the plain listener, bytes behind it kept`, async () => {
      const { http } = await openBench(PROXY);
      const socket = openPlain(http, Buffer.concat([Buffer.from(header), Buffer.from('hello')]));
      const [line = ''] = (await readUntil(socket, 'hello')).split('\n');
      expect(JSON.parse(line)).toMatchObject({
        peerAddress: '127.0.0.1',
        clientAddress: '192.0.2.1',
        clientPort: 56_324,
        proxiedPort: 443,
        localPort: http,
      });
    });

    test(`${version} before TLS`, async () => {
      const { https } = await openBench(PROXY);
      const socket = openTls(https, { socket: openPlain(https, header) });
      const info = await readInfo(socket);
      expect(info).toMatchObject({ clientAddress: '192.0.2.1', proxiedPort: 443, serverName: 'a.test' });
    });
  }

  test('of a peer that is not trusted the destination counts, the client does not', async () => {
    const { http } = await openBench({ ...PROXY, trustedNetworks: ['10.0.0.0/8'] });
    const info = await readInfo(openPlain(http, V1_TCP4));
    expect(info).toMatchObject({ clientAddress: '127.0.0.1', proxiedPort: 443 });
    expect(info.proxied).toMatchObject({ sourceAddress: '192.0.2.1', destinationPort: 443 });
  });

  test('LOCAL means the peer itself', async () => {
    const { http } = await openBench(PROXY);
    const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
    expect((await readInfo(openPlain(http, local))).clientAddress).toBe('127.0.0.1');
  });

  for (const [what, bytes] of [
    ['a request without header', 'GET / HTTP/1.1\r\n\r\n'],
    ['a malformed header', 'PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n'],
    ['nothing in time', ''],
    ['half a header in time', 'PROXY TCP4 '],
  ] as const) {
    test(`${what}: closed without an answer`, async () => {
      const { http, https } = await openBench({ ...PROXY, proxyProtocolTimeoutMs: 40 });
      expect(await readAll(openPlain(http, bytes))).toBe('');
      expect(await readAll(openPlain(https, bytes))).toBe('');
    });
  }

  test('is switched on and off while listening', async () => {
    const bench = await openBench();
    expect((await readInfo(openPlain(bench.http))).clientAddress).toBe('127.0.0.1');
    bench.settings = { ...bench.settings, ...PROXY };
    expect((await readInfo(openPlain(bench.http, V1_TCP4))).clientAddress).toBe('192.0.2.1');
  });
});

/** A socket whose writes leave one byte at a time. */
function trickle(socket: Socket): Socket {
  const write = socket.write.bind(socket);
  socket.write = ((bytes: Buffer, ...rest: never[]) => {
    for (const byte of bytes.subarray(0, -1)) write(Buffer.of(byte));
    return write(bytes.subarray(-1), ...rest);
  }) as Socket['write'];
  return socket;
}

test('whatever is thrown at it, every connection gives its place back and the next one is served', async () => {
  const bench = await openBench({ headerTimeoutMs: 50 });
  const { https, counts } = bench;
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom(
        Buffer.from('16030100', 'hex'),
        Buffer.from('160301002f0100002b0303', 'hex'),
        Buffer.from('GET / '),
      ),
      fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 3 },
  );
  const end = fc.constantFrom('end', 'reset', 'wait');
  await fc.assert(
    fc.asyncProperty(pieces, end, async (bytes, how) => {
      const socket = openPlain(https, Buffer.concat(bytes));
      socket.resume();
      const isGone = closed(socket);
      if (how !== 'wait') await once(socket, 'connect');
      if (how === 'end') socket.end();
      if (how === 'reset') socket.resetAndDestroy();
      await isGone;
    }),
    { numRuns: 60 },
  );
  await expect.poll(() => counts.closed).toBe(counts.accepted);
  // A busy machine may take more than those 50 ms for a whole handshake.
  bench.settings = DEFAULT_SETTINGS;
  expect((await readInfo(openTls(https))).serverName).toBe('a.test');
});
