/*
 * WebSocket messages: each socket sends one, waits for its echo, sends the next; prints what it counted as JSON.
 *   node loadtest/messages.ts '{"url":"http://127.0.0.1:8080/ws","connections":50,"seconds":4}'
 */
import { WebSocket } from 'ws';
import { percentile } from './percentile.ts';

interface MessageOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Record<string, string>;
}

const options = JSON.parse(process.argv[2] ?? '{}') as MessageOptions;
const MESSAGE = Buffer.alloc(64, 'm');
const OPEN_TIMEOUT_MS = 10_000;

const latenciesMs: number[] = [];
let other = 0;
let isOver = false;

function open(): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(options.url, {
      headers: options.headers ?? {},
      handshakeTimeout: OPEN_TIMEOUT_MS,
      perMessageDeflate: false,
    });
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => {});
  });
}

function exchangeOn(socket: WebSocket): void {
  let sentMs = 0;
  const send = () => {
    sentMs = performance.now();
    socket.send(MESSAGE);
  };
  socket.on('message', () => {
    latenciesMs.push(performance.now() - sentMs);
    if (!isOver) send();
  });
  socket.on('close', () => {
    if (!isOver) other++;
  });
  send();
}

const sockets = await Promise.all(Array.from({ length: options.connections }, open));
const startedMs = performance.now();
for (const socket of sockets) exchangeOn(socket);
await new Promise((resolve) => setTimeout(resolve, options.seconds * 1_000));
isOver = true;
const seconds = (performance.now() - startedMs) / 1_000;
for (const socket of sockets) socket.terminate();
latenciesMs.sort((a, b) => a - b);
const at = (share: number) => percentile(latenciesMs, share);
console.log(JSON.stringify({ requests: latenciesMs.length, other, seconds, p50: at(0.5), p99: at(0.99) }));
