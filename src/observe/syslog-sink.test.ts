import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { createSyslogSink } from './syslog-sink.ts';

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

async function startDaemon(): Promise<{
  readonly socket: Socket;
  readonly port: number;
  readonly lines: string[];
}> {
  const socket = createSocket('udp4');
  open.push(socket);
  const lines: string[] = [];
  socket.on('message', (message) => lines.push(message.toString('latin1')));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, port: socket.address().port, lines };
}

const NOW = new Date(2026, 10, 6, 4, 7, 3).getTime();
const HEAD = `<190>Nov  6 04:07:03 ${hostname()} nginx: `;

test('each line is a datagram, as nginx heads it', async () => {
  const { port, lines } = await startDaemon();
  const sink = createSyslogSink({ server: { host: '127.0.0.1', port }, now: () => NOW });
  sink.write('10.0.0.1 - "GET /caf\u00c3\u00a9" 200\n');
  sink.write('second\n');
  await sink.close();
  await expect
    .poll(() => lines, { interval: 1 })
    .toEqual([`${HEAD}10.0.0.1 - "GET /caf\u00c3\u00a9" 200`, `${HEAD}second`]);
  expect(sink.droppedLines).toBe(0);
});

test('a host name is looked up', async () => {
  const { port, lines } = await startDaemon();
  const sink = createSyslogSink({ server: { host: 'localhost', port }, now: () => NOW });
  sink.write('a\n');
  await sink.close();
  await expect.poll(() => lines, { interval: 1 }).toEqual([`${HEAD}a`]);
});

test('a server that nobody knows loses its lines, is told once, and is tried again a second later', async () => {
  const errors: unknown[] = [];
  let nowMs = NOW;
  const sink = createSyslogSink({
    server: { host: 'no.such.name.invalid', port: 514 },
    report: (error) => errors.push(error),
    now: () => nowMs,
  });
  sink.write('a\n');
  sink.write('b\n');
  await sink.flush();
  expect(sink.droppedLines).toBe(2);
  sink.write('c\n');
  expect(sink.droppedLines).toBe(3);
  nowMs += 1_000;
  sink.write('d\n');
  await sink.close();
  expect(sink.droppedLines).toBe(4);
  expect(errors.length).toBe(1);
});

test('lines beyond what waits for the server are lost', async () => {
  const { port } = await startDaemon();
  const sink = createSyslogSink({ server: { host: 'localhost', port } });
  for (let i = 0; i < 4_100; i++) sink.write('a\n');
  expect(sink.droppedLines).toBe(4);
  await sink.close();
});

test('a line longer than a datagram is cut', async () => {
  const { port, lines } = await startDaemon();
  const sink = createSyslogSink({ server: { host: '127.0.0.1', port }, now: () => NOW });
  sink.write(`${'x'.repeat(70_000)}\n`);
  await sink.close();
  await expect.poll(() => lines.map(({ length }) => length), { interval: 1 }).toEqual([65_507]);
});
