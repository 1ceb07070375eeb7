import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { oneApplication } from '../fixtures/one-application.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

let folder: string;
let backend: Server;
let serin: SerinProcess | undefined;
/** Requests that have come to the backend and wait for their answer. */
const held: ServerResponse[] = [];

beforeEach(async () => {
  backend = createServer((_request, response) => {
    held.push(response);
    backend.emit('held');
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  folder = mkdtempSync(join(tmpdir(), 'serin-shutdown-'));
});
afterEach(async () => {
  serin?.child.kill('SIGKILL');
  held.length = 0;
  backend.closeAllConnections();
  backend.close();
  rmSync(folder, { recursive: true });
});

/** Makes a process throw where nobody catches it, when it is sent SIGUSR2. */
const THROWING = `process.on('SIGUSR2', () => { throw new Error('thrown by a test') })`;
const FAULTY = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(THROWING)}` };

async function start(settings: Readonly<Record<string, string>>, ...more: string[]): Promise<SerinProcess> {
  const { port } = backend.address() as AddressInfo;
  writeFileSync(join(folder, 'web.yaml'), oneApplication(port));
  const data = JSON.stringify(settings);
  writeFileSync(
    join(folder, 'config.yaml'),
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: serin, namespace: default }\ndata: ${data}\n`,
  );
  const args = [
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--configmap=default/serin',
    '--workers=1',
  ];
  serin = await startSerin([...args, ...more], FAULTY);
  return serin;
}

/** Sends a request and resolves when it is with the backend. */
async function sendOne(port: number): Promise<{ readonly response: Promise<IncomingMessage> }> {
  const isHeld = once(backend, 'held');
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get({ host: '127.0.0.1', port, headers: { host: 'web.test' } }, resolve).on('error', reject);
  promise.catch(() => undefined);
  await isHeld;
  return { response: promise };
}

test('a second SIGTERM cuts no request', async () => {
  const { child, httpPort, waitFor } = await start({});
  const sent = await sendOne(httpPort);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await waitFor('Serin stops');
  child.kill('SIGTERM');
  child.kill('SIGTERM');
  // The ports are closed: the signals before were dealt with.
  await refused(httpPort);
  held[0]!.end('late');
  const response = await sent.response;
  expect(response.statusCode).toBe(200);
  expect(await text(response)).toBe('late');
  expect(await exited).toEqual([0, null]);
});

test('worker-shutdown-timeout bounds the drain', async () => {
  const { child, httpPort, stderr } = await start({ 'worker-shutdown-timeout': '300ms' });
  await sendOne(httpPort);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  expect(stderr()).toContain('all workers have drained connectionsCut=1');
});

test('an exception in the control thread that nobody caught cuts no request, and ends Serin with 1', async () => {
  const { child, httpPort, healthPort, waitFor, stderr } = await start({});
  const sent = await sendOne(httpPort);
  const exited = once(child, 'exit');
  child.kill('SIGUSR2');
  await waitFor('Serin stops');
  await refused(httpPort);
  expect((await fetch(`http://127.0.0.1:${healthPort}/healthz`)).status).toBe(500);
  held[0]!.end('late');
  expect(await text(await sent.response)).toBe('late');
  expect(await exited).toEqual([1, null]);
  expect(stderr()).toContain(
    'nobody caught this: Serin ends in order, to be started anew error="thrown by a test"',
  );
});

test('a TLS handshake that begins while Serin drains is finished, and its request answered', async () => {
  const { child, httpsPort, waitFor } = await start({});
  const socket = connect({ host: '127.0.0.1', port: httpsPort });
  await once(socket, 'connect');
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await waitFor('Serin stops');
  await refused(httpsPort);
  const secure = connectTls({ socket, servername: 'web.test', rejectUnauthorized: false });
  secure.write('GET / HTTP/1.1\r\nHost: other.test\r\n\r\n');
  expect(await text(secure)).toMatch(/^HTTP\/1\.1 404 [^]*\r\nConnection: close\r\n/);
  expect(await exited).toEqual([0, null]);
});

test('within --shutdown-grace-period new connections are served, and kept', async () => {
  const { child, httpPort, healthPort, waitFor } = await start({}, '--shutdown-grace-period=1');
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await waitFor('Serin stops');
  const health = await fetch(`http://127.0.0.1:${healthPort}/healthz`);
  expect(health.status).toBe(500);
  const sent = await sendOne(httpPort);
  held[0]!.end('served');
  const response = await sent.response;
  expect([response.statusCode, response.headers.connection]).toEqual([200, 'keep-alive']);
  response.destroy();
  expect(await exited).toEqual([0, null]);
});

/** Resolves when nothing listens on the port any more. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true));
      socket.on('error', () => resolve(false));
    });
    socket.destroy();
    if (!isOpen) return;
  }
}
