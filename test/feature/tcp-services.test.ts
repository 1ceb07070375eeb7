import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { ListenerModel, StreamModel } from '../../src/model/model.ts';
import { DEFAULT_SETTINGS, type DataPlaneSettings } from '../../src/table/settings.ts';
import { HTTP_ON_LOOPBACK, modelOf, upstreamModel } from '../fixtures/models.ts';
import { connectTo, freePort, startTcpServer, type TestServer } from '../fixtures/streams.ts';
import { endpointsAt, startWorkerRig, type WorkerRig } from '../fixtures/worker-rig.ts';

const SOURCE = { kind: 'ConfigMap', namespace: 'ingress-nginx', name: 'tcp-services' };

const closers: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function modelWith(port: number, over: Partial<Extract<StreamModel, { kind: 'tcp' }>> = {}) {
  const listeners: ListenerModel[] = [
    ...HTTP_ON_LOOPBACK.map((listener) => ({ ...listener, source: SOURCE })),
    { kind: 'tcp', name: 'tcp-5432', host: '127.0.0.1', port, source: SOURCE },
  ];
  const stream: StreamModel = {
    kind: 'tcp',
    listener: 'tcp-5432',
    upstreamId: 'db',
    isProxyProtocolRead: false,
    isProxyProtocolSent: false,
    source: SOURCE,
    ...over,
  };
  return modelOf([], [upstreamModel('db'), upstreamModel('other')], { listeners, streams: [stream] });
}

async function serve(answer: (socket: Socket) => void): Promise<TestServer> {
  const server = await startTcpServer(answer);
  closers.push(() => server.close());
  return server;
}

async function start(
  servers: readonly { readonly port: number }[],
  over: Parameters<typeof modelWith>[1] = {},
  settings: Partial<DataPlaneSettings> = {},
): Promise<{ rig: WorkerRig; port: number }> {
  const port = await freePort();
  const rig = await startWorkerRig(2, modelWith(port, over), [endpointsAt('db', servers)], { settings });
  closers.push(() => rig.stop());
  return { rig, port };
}

/** Says its name at once, then echoes. */
function named(name: string): (socket: Socket) => void {
  return (socket) => {
    socket.write(`${name} `);
    socket.pipe(socket);
  };
}

test('the server may speak first, and bytes go both ways', async () => {
  const { port } = await start([await serve(named('a'))]);
  const client = connectTo(port);
  expect(await client.received(2)).toBe('a ');
  client.socket.write('hello');
  expect(await client.received(7)).toBe('a hello');
  client.socket.end();
  expect(await client.ended).toBe('a hello');
  expect(await client.closed).toBe('closed');
});

test('a client that ends its half still gets the whole answer', async () => {
  const { port } = await start([
    await serve((socket) => {
      const hash = createHash('sha256');
      socket.on('data', (chunk) => hash.update(chunk));
      socket.on('end', () => socket.end(hash.digest('hex')));
    }),
  ]);
  const bytes = randomBytes(3_000_000);
  const client = connectTo(port);
  client.socket.end(bytes);
  expect(await client.ended).toBe(createHash('sha256').update(bytes).digest('hex'));
});

test('what a slow reader has not taken is not read from the other side', async () => {
  const total = 64 * 1024 * 1024;
  let sent = 0;
  const { port } = await start([
    await serve((socket) => {
      const chunk = Buffer.alloc(65_536, 'x');
      const more = (): void => {
        while (sent < total) {
          sent += chunk.length;
          if (!socket.write(chunk)) return;
        }
        socket.end();
      };
      socket.on('drain', more);
      more();
    }),
  ]);
  const client = connectTo(port);
  client.socket.pause();
  // It stands still when the buffers on the way are full: no more comes in three looks in a row.
  for (let still = 0, before = -1; still < 3;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    still = sent === before ? still + 1 : 0;
    before = sent;
  }
  expect(sent).toBeLessThan(total / 2);
  client.socket.resume();
  expect((await client.ended).length).toBe(total);
});

test('an endpoint that refuses is followed by the next one, and all that refuse end the connection', async () => {
  const dead = await freePort();
  const live = await serve(named('live'));
  const { rig, port } = await start([{ port: dead }, live]);
  for (let i = 0; i < 6; i++) {
    const client = connectTo(port);
    expect(await client.received(5)).toBe('live ');
    client.socket.destroy();
  }
  await rig.publishEndpoints([endpointsAt('db', [{ port: dead }])]);
  expect(await connectTo(port).closed).toBe('ECONNRESET');
});

test('connections take turns over the endpoints', async () => {
  const servers = await Promise.all(['a', 'b'].map((name) => serve(named(name))));
  const { port } = await start(servers);
  const counts = new Map<string, number>();
  for (let i = 0; i < 20; i++) {
    const client = connectTo(port);
    const name = await client.received(2);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    client.socket.destroy();
  }
  // Each of two workers goes round by itself.
  expect(counts.get('a ')).toBeGreaterThanOrEqual(8);
  expect(counts.get('b ')).toBeGreaterThanOrEqual(8);
});

test('live connections stay while endpoints and the stream change; new ones go where it leads now', async () => {
  const [a, b, c] = [await serve(named('a')), await serve(named('b')), await serve(named('c'))];
  const { rig, port } = await start([a!]);
  const first = connectTo(port);
  await first.received('a ');
  await rig.publishEndpoints([endpointsAt('db', [b!])]);
  const second = connectTo(port);
  expect(await second.received(2)).toBe('b ');
  await rig.publish(modelWith(port, { upstreamId: 'other' }), [endpointsAt('other', [c!])]);
  const third = connectTo(port);
  expect(await third.received(2)).toBe('c ');
  for (const [client, name] of [
    [first, 'a'],
    [second, 'b'],
    [third, 'c'],
  ] as const) {
    client.socket.write('still here');
    expect(await client.received('still here')).toBe(`${name} still here`);
  }
});

test('without endpoints the port is closed, and opens again with the first one', async () => {
  const a = await serve(named('a'));
  const { rig, port } = await start([a]);
  const live = connectTo(port);
  await live.received('a ');
  await rig.publishEndpoints([endpointsAt('db', [])]);
  expect(await connectTo(port).closed).toBe('ECONNREFUSED');
  live.socket.write('x');
  expect(await live.received('x')).toBe('a x');
  await rig.publishEndpoints([endpointsAt('db', [a])]);
  const again = connectTo(port);
  expect(await again.received(2)).toBe('a ');
});

test('a port that the table names no longer is closed, and its connections go on', async () => {
  const a = await serve(named('a'));
  const { rig, port } = await start([a]);
  const live = connectTo(port);
  await live.received('a ');
  await rig.publish(modelOf([], [upstreamModel('db')]));
  expect(await connectTo(port).closed).toBe('ECONNREFUSED');
  live.socket.write('x');
  expect(await live.received('x')).toBe('a x');
});

test('a PROXY header is read, and one is sent that names the client it tells of', async () => {
  const proxied = { isProxyProtocolRead: true, isProxyProtocolSent: true };
  const { port } = await start([await serve((socket) => socket.pipe(socket))], proxied);
  const client = connectTo(port);
  client.socket.write('PROXY TCP4 192.0.2.7 198.51.100.1 4711 5432\r\nSELECT');
  expect(await client.received('SELECT')).toBe('PROXY TCP4 192.0.2.7 198.51.100.1 4711 5432\r\nSELECT');
  const v6 = connectTo(port);
  const header = Buffer.concat([
    Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
    Buffer.of(0x21, 0x21, 0, 36),
    Buffer.from('20010db8000000000000000000000007', 'hex'),
    Buffer.from('20010db8000000000000000000000001', 'hex'),
    Buffer.of(4711 >> 8, 4711 & 255, 5432 >> 8, 5432 & 255),
  ]);
  v6.socket.write(Buffer.concat([header, Buffer.from('SELECT')]));
  expect(await v6.received('SELECT')).toBe('PROXY TCP6 2001:db8::7 2001:db8::1 4711 5432\r\nSELECT');
});

test('a PROXY header that is sent without one to read names the peer', async () => {
  const { port } = await start([await serve((socket) => socket.pipe(socket))], { isProxyProtocolSent: true });
  const client = connectTo(port);
  const text = await client.received('\r\n');
  expect(text).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${client.socket.localPort} ${port}\r\n`);
});

test('a connection without the PROXY header that is asked for is reset', async () => {
  const { port } = await start([await serve(named('a'))], { isProxyProtocolRead: true });
  const client = connectTo(port);
  client.socket.write('GET / HTTP/1.1\r\n\r\n');
  expect(await client.closed).toBe('ECONNRESET');
});

test('an endpoint that cuts its connection cuts the client’s', async () => {
  const server = await serve(named('a'));
  const { port } = await start([server]);
  const client = connectTo(port);
  await client.received('a ');
  for (const socket of server.sockets) socket.resetAndDestroy();
  expect(await client.closed).toBe('ECONNRESET');
});

test('sessions are closed when nothing moves, counted and logged', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'serin-streams-'));
  closers.push(() => rm(folder, { recursive: true }));
  const path = join(folder, 'stream.log');
  const { rig, port } = await start(
    [await serve(named('a'))],
    {},
    {
      streams: { ...DEFAULT_SETTINGS.streams, idleTimeoutMs: 100 },
      streamLog: {
        isEnabled: true,
        format: '$remote_addr $protocol $status $bytes_sent $bytes_received $proxy_upstream_name $nonsense',
        path,
      },
    },
  );
  const client = connectTo(port);
  await client.received('a ');
  client.socket.write('abc');
  await client.received('a abc');
  expect(await client.closed).toBe('ECONNRESET');
  const stats = rig.streams().find(({ kind }) => kind === 'tcp')!;
  expect(stats).toMatchObject({ open: 0, succeeded: 1, failed: 0, bytesReceived: 3, bytesSent: 5 });
  let text = '';
  while (text === '') {
    text = await readFile(path, 'latin1').catch(() => '');
    if (text === '') await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(text).toBe('127.0.0.1 TCP 200 5 3 db -\n');
});

test('a client that is gone takes its connection to the endpoint with it', async () => {
  const server = await serve(named('a'));
  const { port } = await start([server]);
  const client = connectTo(port);
  await client.received('a ');
  const [socket] = server.sockets;
  const closed = new Promise((resolve) => socket!.once('close', resolve));
  client.socket.resetAndDestroy();
  await closed;
});
