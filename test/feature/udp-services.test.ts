import { afterEach, expect, test } from 'vitest';
import type { ListenerModel, StreamModel } from '../../src/model/model.ts';
import { DEFAULT_SETTINGS } from '../../src/table/settings.ts';
import { HTTP_ON_LOOPBACK, modelOf, upstreamModel } from '../fixtures/models.ts';
import { startUdpClient, startUdpServer, type TestUdpServer } from '../fixtures/streams.ts';
import { endpointsAt, startWorkerRig, type WorkerRig } from '../fixtures/worker-rig.ts';

const SOURCE = { kind: 'ConfigMap', namespace: 'ingress-nginx', name: 'udp-services' };

const closers: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function freeUdpPort(): Promise<number> {
  const server = await startUdpServer(() => []);
  await server.close();
  return server.port;
}

function modelWith(port: number | undefined) {
  const listeners: ListenerModel[] = HTTP_ON_LOOPBACK.map((listener) => ({ ...listener, source: SOURCE }));
  const streams: StreamModel[] = [];
  if (port !== undefined) {
    listeners.push({ kind: 'udp', name: 'udp-53', host: '127.0.0.1', port, source: SOURCE });
    streams.push({ kind: 'udp', listener: 'udp-53', upstreamId: 'dns', source: SOURCE });
  }
  return modelOf([], [upstreamModel('dns')], { listeners, streams });
}

async function start(
  servers: readonly { readonly port: number }[],
  streams: Partial<(typeof DEFAULT_SETTINGS)['streams']> = {},
  workers = 2,
): Promise<{ rig: WorkerRig; port: number }> {
  const port = await freeUdpPort();
  const settings = { streams: { ...DEFAULT_SETTINGS.streams, ...streams } };
  const rig = await startWorkerRig(workers, modelWith(port), [endpointsAt('dns', servers)], { settings });
  closers.push(() => rig.stop());
  return { rig, port };
}

async function serve(answer: (text: string) => readonly string[]): Promise<TestUdpServer> {
  const server = await startUdpServer(answer);
  closers.push(() => server.close());
  return server;
}

async function clientOf(port: number) {
  const client = await startUdpClient(port);
  closers.push(() => client.close());
  return client;
}

const udpOf = (rig: WorkerRig) => rig.streams().find(({ kind }) => kind === 'udp')!;

/** Resolves when sessions are as the test says; they are counted in shared memory, which tells nobody. */
async function sessions(rig: WorkerRig, holds: (totals: ReturnType<typeof udpOf>) => boolean): Promise<void> {
  while (!holds(udpOf(rig))) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('each client gets the answers to what it asked', async () => {
  const { port } = await start([await serve((text) => [`re: ${text}`])]);
  const clients = await Promise.all(Array.from({ length: 20 }, () => clientOf(port)));
  for (const [i, client] of clients.entries()) client.send(`question ${i}`);
  for (const [i, client] of clients.entries()) expect(await client.next()).toBe(`re: question ${i}`);
});

test('what a client sends while its session is open stays in it, with several workers on the port', async () => {
  const servers = [await serve((text) => [text]), await serve((text) => [text])];
  const { port, rig } = await start(servers, { responses: 1_000 }, 3);
  const clients = await Promise.all(Array.from({ length: 8 }, () => clientOf(port)));
  for (let round = 0; round < 10; round++) {
    for (const client of clients) client.send(`${round}`);
    for (const client of clients) expect(await client.next()).toBe(`${round}`);
  }
  const heard = servers.flatMap(({ peers }) => [...peers]);
  expect(heard.length).toBe(80);
  expect(new Set(heard).size).toBe(8);
  expect(udpOf(rig).open).toBe(8);
});

test('a session is over when each datagram was answered as often as settings say', async () => {
  const { port, rig } = await start([await serve((text) => [text, `${text} again`])], { responses: 2 });
  const client = await clientOf(port);
  client.send('a');
  expect([await client.next(), await client.next()]).toEqual(['a', 'a again']);
  await sessions(rig, ({ open, succeeded }) => open === 0 && succeeded === 1);
  expect(udpOf(rig)).toMatchObject({ bytesReceived: 1, bytesSent: 8, failed: 0 });
});

test('with no answers to wait for, a session is over once it was sent', async () => {
  const server = await serve(() => []);
  const { port, rig } = await start([server], { responses: 0 });
  const client = await clientOf(port);
  client.send('a line of a log');
  await sessions(rig, ({ open, succeeded }) => open === 0 && succeeded === 1);
  while (server.peers.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('a session in which nothing moves is over after the time that settings say', async () => {
  const { port, rig } = await start([await serve(() => [])], { idleTimeoutMs: 100 });
  const client = await clientOf(port);
  client.send('a');
  await sessions(rig, ({ open, succeeded }) => open === 0 && succeeded === 1);
});

test('an endpoint that does not listen is followed by the next one, with what was asked', async () => {
  const dead = await freeUdpPort();
  const { port } = await start([{ port: dead }, await serve((text) => [`live ${text}`])]);
  for (let i = 0; i < 4; i++) {
    const client = await clientOf(port);
    client.send(`${i}`);
    expect(await client.next()).toBe(`live ${i}`);
  }
});

test('when none listens the session has failed', async () => {
  // Below the ports that sockets of other tests are given at the same time.
  const { port, rig } = await start([{ port: 9 }]);
  const client = await clientOf(port);
  client.send('a');
  await sessions(rig, ({ open, failed }) => open === 0 && failed === 1);
});

test('an empty datagram is passed on and may be an answer', async () => {
  const { port } = await start([await serve((text) => [text])]);
  const client = await clientOf(port);
  client.send('');
  expect(await client.next()).toBe('');
});

test('a port that the table names no longer is closed, and is there again with it', async () => {
  const { port, rig } = await start([await serve((text) => [text])]);
  const client = await clientOf(port);
  client.send('a');
  expect(await client.next()).toBe('a');
  await rig.publish(modelWith(undefined));
  expect(rig.portOf('udp-53')).toBeUndefined();
  await rig.publish(modelWith(port));
  client.send('b');
  expect(await client.next()).toBe('b');
  expect(rig.faults).toEqual([]);
});

test('without endpoints the port is closed', async () => {
  const server = await serve((text) => [text]);
  const { port, rig } = await start([server]);
  await rig.publishEndpoints([endpointsAt('dns', [])]);
  expect(rig.portOf('udp-53')).toBeUndefined();
  await rig.publishEndpoints([endpointsAt('dns', [server])]);
  const client = await clientOf(port);
  client.send('b');
  expect(await client.next()).toBe('b');
});
