import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import type { ListenerModel, StreamModel } from '../../src/model/model.ts';
import { redactBytes } from '../../src/lib/redacted-bytes.ts';
import { DEFAULT_SETTINGS, type DataPlaneSettings } from '../../src/table/settings.ts';
import { makeCertificate } from '../fixtures/certificates.ts';
import { hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';
import { connectTo, startTcpServer, type TestServer } from '../fixtures/streams.ts';
import { endpointsAt, startNamedServer, startWorkerRig, type WorkerRig } from '../fixtures/worker-rig.ts';

const SOURCE = { kind: 'Ingress', namespace: 'test', name: 'secret' };
const closers: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const passed = (serverName: string, isProxyProtocolSent = false): StreamModel => ({
  kind: 'passthrough',
  serverName,
  upstreamId: 'secret',
  isProxyProtocolSent,
  source: SOURCE,
});

/** Passes secret.test and *.many.test through; web.test and own.many.test are hosts whose TLS ends here. */
function model(isProxyProtocolSent: boolean) {
  const listeners: ListenerModel[] = [
    { kind: 'http', name: 'http', host: '127.0.0.1', port: 0, source: SOURCE },
    { kind: 'passthrough', name: 'https', host: '127.0.0.1', port: 0, source: SOURCE },
  ];
  const streams = [passed('secret.test', isProxyProtocolSent), passed('*.many.test', isProxyProtocolSent)];
  const names = ['secret.test', '*.many.test', 'web.test', 'own.many.test'];
  const hosts = names.map((name) => hostModel(name, [routeModel('/', { upstreamId: 'web' })]));
  return modelOf(hosts, [upstreamModel('web'), upstreamModel('secret')], { listeners, streams });
}

interface Rig {
  readonly rig: WorkerRig;
  readonly port: number;
  readonly backend: TestServer;
}

/** The backend says what it was sent. */
async function start(settings: Partial<DataPlaneSettings> = {}, isProxyProtocolSent = false): Promise<Rig> {
  const web = await startNamedServer('web');
  const backend = await startTcpServer((socket) => socket.pipe(socket));
  closers.push(
    () => web.close(),
    () => backend.close(),
  );
  const endpoints = [endpointsAt('web', [web]), endpointsAt('secret', [backend])];
  const rig = await startWorkerRig(2, model(isProxyProtocolSent), endpoints, { settings });
  closers.push(() => rig.stop());
  return { rig, port: rig.portOf('https')!, backend };
}

/** The hello that Node's client sends. */
async function helloOf(servername: string): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connectTls({ port: (server.address() as AddressInfo).port, servername });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [import('node:net').Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return bytes;
}

/** The hello with a message of type `value` as first extension, as browsers send values that nobody knows (RFC 8701). */
function withGrease(hello: Buffer): Buffer {
  const grease = Buffer.of(0x3a, 0x3a, 0, 1, 0);
  let at = 5 + 4 + 34;
  at += 1 + hello[at]!;
  at += 2 + hello.readUInt16BE(at);
  at += 1 + hello[at]!;
  const out = Buffer.concat([hello.subarray(0, at + 2), grease, hello.subarray(at + 2)]);
  out.writeUInt16BE(hello.readUInt16BE(at) + grease.length, at);
  out.writeUIntBE(hello.readUIntBE(6, 3) + grease.length, 6, 3);
  out.writeUInt16BE(hello.readUInt16BE(3) + grease.length, 3);
  return out;
}

function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let start = 0; start < message.length; start += size) {
    const part = message.subarray(start, start + size);
    records.push(Buffer.of(22, 3, 1, part.length >> 8, part.length & 255), part);
  }
  return Buffer.concat(records);
}

describe('a hello for a name that is passed through reaches the backend byte by byte', () => {
  const forms: readonly { name: string; of: (hello: Buffer) => Buffer; serverName?: string }[] = [
    { name: 'as it is', of: (hello) => hello },
    { name: 'in records of 50 bytes', of: (hello) => inRecords(hello, 50) },
    { name: 'with an extension that nobody knows', of: withGrease },
    { name: 'with bytes behind it', of: (hello) => Buffer.concat([hello, Buffer.from('early data')]) },
    { name: 'in upper case', of: (hello) => hello, serverName: 'SECRET.test' },
    { name: 'for a name of a wildcard', of: (hello) => hello, serverName: 'a.many.test' },
  ];
  for (const { name, of, serverName = 'secret.test' } of forms) {
    test(name, async () => {
      const { port } = await start();
      const sent = of(await helloOf(serverName));
      const client = connectTo(port);
      client.socket.write(sent);
      expect(Buffer.from(await client.received(sent.length), 'latin1').equals(sent)).toBe(true);
    });
  }

  test('a byte at a time', async () => {
    const { port } = await start();
    const sent = await helloOf('secret.test');
    const client = connectTo(port);
    for (let i = 0; i < sent.length; i++) {
      await new Promise<void>((resolve) => client.socket.write(sent.subarray(i, i + 1), () => resolve()));
    }
    expect(Buffer.from(await client.received(sent.length), 'latin1').equals(sent)).toBe(true);
  });
});

test('behind the PROXY protocol the header is read, and one is sent where the stream says so', async () => {
  const { port } = await start({ isProxyProtocolUsed: true }, true);
  const hello = await helloOf('secret.test');
  const header = 'PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n';
  const client = connectTo(port);
  client.socket.write(Buffer.concat([Buffer.from(header), hello]));
  const text = await client.received(header.length + hello.length);
  expect(text).toBe(header + hello.toString('latin1'));
});

/** What a client sees that speaks TLS for real: the certificate's name, and the answer. */
async function speak(port: number, servername: string): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', (error: NodeJS.ErrnoException) => (text += error.code));
  socket.once('secureConnect', () => {
    text += `${socket.getPeerCertificate().subject.CN} `;
    socket.write(`GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n`);
  });
  // An error is part of what is seen.
  await new Promise((resolve) => socket.once('close', resolve));
  return text.replace(/HTTP[^]*\r\n\r\n/, '');
}

test('a name of a wildcard that is a host of its own is terminated, and so is every other name', async () => {
  const { rig, port, backend } = await start();
  const here = makeCertificate(['here.test']);
  const there = makeCertificate(['there.test']);
  const tls = createTlsServer({ cert: there.certificate, key: there.key }, (socket) => socket.end('backend'));
  tls.listen(0, '127.0.0.1');
  await once(tls, 'listening');
  closers.push(() => void tls.close());
  const certificates = [
    {
      id: 'default',
      certificate: here.certificate,
      key: redactBytes(Buffer.from(here.key)),
      source: SOURCE,
      facts: {
        names: ['here.test'],
        notBeforeMs: 0,
        notAfterMs: 0,
        serial: '1',
        issuerCommonName: '',
        issuerOrganization: '',
        publicKeyAlgorithm: 'ECDSA',
      },
    },
  ];
  await rig.publish({ ...model(false), certificates }, [
    endpointsAt('secret', [{ port: (tls.address() as AddressInfo).port }]),
  ]);
  expect(await speak(port, 'secret.test')).toBe('there.test backend');
  expect(await speak(port, 'x.many.test')).toBe('there.test backend');
  for (const name of ['own.many.test', 'web.test', 'nobody.test', 'a.b.many.test', ''])
    expect(await speak(port, name), name).toMatch(/^here\.test .*web/s);
  // Nobody left: TLS for the name is not terminated in its place.
  await rig.publishEndpoints([endpointsAt('secret', [])]);
  expect(await speak(port, 'secret.test')).toMatch(/ECONNRESET/);
  expect(await speak(port, 'web.test')).toMatch(/^here\.test .*web/s);
  expect(backend.sockets.size).toBe(0);
  expect(rig.faults).toEqual([]);
});

describe('what is no hello goes nowhere near the backend', () => {
  const record = (...body: number[]) => Buffer.of(22, 3, 1, body.length >> 8, body.length & 255, ...body);
  const cases: readonly { name: string; bytes: Buffer }[] = [
    { name: 'plain HTTP', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: secret.test\r\n\r\n') },
    { name: 'a record of no length', bytes: Buffer.of(22, 3, 1, 0, 0) },
    { name: 'a record that is too long', bytes: Buffer.of(22, 3, 1, 255, 255, 1, 0) },
    { name: 'another handshake message', bytes: record(2, 0, 0, 1, 0) },
    { name: 'a hello that says it is 16 MB long', bytes: record(1, 255, 255, 255) },
    {
      name: 'a hello whose lengths overrun it',
      bytes: record(1, 0, 0, 40, ...Array.from({ length: 40 }, () => 255)),
    },
    { name: 'an alert', bytes: Buffer.of(21, 3, 1, 0, 2, 2, 40) },
  ];
  for (const { name, bytes } of cases) {
    test(name, async () => {
      const { rig, port, backend } = await start({ headerTimeoutMs: 300 });
      const client = connectTo(port);
      client.socket.end(bytes);
      await Promise.race([client.closed, client.ended]);
      client.socket.destroy();
      expect(backend.sockets.size).toBe(0);
      expect(rig.streams().find(({ kind }) => kind === 'passthrough')).toMatchObject({
        succeeded: 0,
        failed: 0,
      });
      expect(rig.faults).toEqual([]);
    });
  }

  test('half of one has so long', async () => {
    const { port } = await start({ headerTimeoutMs: 200 });
    const client = connectTo(port);
    client.socket.write((await helloOf('secret.test')).subarray(0, 100));
    expect(await client.ended).toBe('');
  });
});

test('a session of passthrough ends after the time that settings say, and has no deadline before', async () => {
  const streams = { ...DEFAULT_SETTINGS.streams, idleTimeoutMs: 600 };
  const { port, rig } = await start({ headerTimeoutMs: 100, streams });
  const hello = await helloOf('secret.test');
  const client = connectTo(port);
  client.socket.write(hello);
  await client.received(hello.length);
  // Longer than the hello had: a deadline that was left behind would end it.
  await new Promise((resolve) => setTimeout(resolve, 250));
  client.socket.write('on');
  await client.received(hello.length + 2);
  expect(await client.closed).toBe('ECONNRESET');
  expect(rig.streams().find(({ kind }) => kind === 'passthrough')).toMatchObject({ succeeded: 1, open: 0 });
});
