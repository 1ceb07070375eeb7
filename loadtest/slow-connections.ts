/*
 * Clients that cost a proxy memory and patience: idle connections, and connections that send a byte of a head each second.
 *   node loadtest/slow-connections.ts '{"port":8080,"idle":10000,"trickling":2000,"seconds":60}'
 * Prints one JSON line when all are open, and another, with how many still are, when it ends: after `seconds`, or on SIGTERM.
 */
import { connect, type Socket } from 'node:net';

interface SlowOptions {
  readonly port: number;
  readonly idle: number;
  readonly trickling: number;
  readonly seconds: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as SlowOptions;
/** Source addresses in turn, each with ports of its own: 127.0.0.2 and on. */
const SOURCE_ADDRESSES = 24;
/** So many connections are being opened at a time; a listener's queue is not endless. */
const OPENING = 100;
/** Trickling connections take turns in so many slots of a second, so that their bytes do not come in one burst. */
const SLOTS = 50;
const HEAD = `GET / HTTP/1.1\r\nHost: load.test\r\nX-Slow: ${'s'.repeat(2_000)}`;

const sockets = new Set<Socket>();
let failed = 0;

function open(index: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const localAddress = `127.0.0.${2 + (index % SOURCE_ADDRESSES)}`;
    const socket = connect({ port: options.port, host: '127.0.0.1', localAddress, noDelay: true });
    socket.once('connect', () => {
      sockets.add(socket);
      resolve(socket);
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      if (!sockets.delete(socket)) failed++;
      resolve(undefined);
    });
    socket.resume();
  });
}

const total = options.idle + options.trickling;
const trickling: Socket[] = [];
let next = 0;
await Promise.all(
  Array.from({ length: OPENING }, async () => {
    for (let index = next++; index < total; index = next++) {
      const socket = await open(index);
      if (socket !== undefined && index >= options.idle) trickling.push(socket);
    }
  }),
);
console.log(JSON.stringify({ opened: sockets.size, failed }));

let slot = 0;
const timer = setInterval(() => {
  const at = Math.floor(slot / SLOTS) % HEAD.length;
  for (let index = slot % SLOTS; index < trickling.length; index += SLOTS) {
    const socket = trickling[index]!;
    if (socket.writable) socket.write(HEAD[at]!);
  }
  slot++;
}, 1_000 / SLOTS);

function end(): void {
  clearInterval(timer);
  clearTimeout(bound);
  const stillTrickling = trickling.filter((socket) => sockets.has(socket)).length;
  console.log(JSON.stringify({ open: sockets.size, stillTrickling }));
  for (const socket of sockets) socket.destroy();
}
const bound = setTimeout(end, options.seconds * 1_000);
process.once('SIGTERM', end);
