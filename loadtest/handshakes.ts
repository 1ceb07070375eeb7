/*
 * Full TLS 1.3 handshakes, each on a connection of its own with one request on it; prints what it counted as JSON.
 *   node loadtest/handshakes.ts '{"url":"https://127.0.0.1:8443/","servername":"a.test","connections":16,"seconds":4}'
 */
import type { TcpNetConnectOpts } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { percentile } from './percentile.ts';

interface HandshakeOptions {
  readonly url: string;
  readonly servername: string;
  readonly connections: number;
  readonly seconds: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as HandshakeOptions;
const { port, pathname } = new URL(options.url);
const head = Buffer.from(
  `GET ${pathname} HTTP/1.1\r\nHost: ${options.servername}\r\nConnection: close\r\n\r\n`,
);
const EXCHANGE_TIMEOUT_MS = 10_000;
/** Source addresses in turn: the ports of one would run out while closed connections linger. */
const SOURCE_ADDRESSES = 8;

const latenciesMs: number[] = [];
let other = 0;
let next = 0;

/** One connection from SYN to its end; no session is offered, so that every handshake is a full one. */
function exchange(): Promise<void> {
  return new Promise((resolve) => {
    const beganMs = performance.now();
    let handshakeMs = 0;
    let answer = '';
    const to: ConnectionOptions & TcpNetConnectOpts = {
      port: Number(port),
      host: '127.0.0.1',
      localAddress: `127.0.0.${2 + (next++ % SOURCE_ADDRESSES)}`,
      servername: options.servername,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      // The same key exchange with every peer, whatever newer ones its TLS library would choose.
      ecdhCurve: 'X25519',
    };
    const socket = connect(to);
    socket.setTimeout(EXCHANGE_TIMEOUT_MS, () => socket.destroy());
    socket.once('secureConnect', () => {
      handshakeMs = performance.now() - beganMs;
      socket.write(head);
    });
    socket.on('data', (chunk: Buffer) => {
      if (answer.length < 12) answer += chunk.toString('latin1', 0, 12);
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      if (answer.startsWith('HTTP/1.1 200')) latenciesMs.push(handshakeMs);
      else other++;
      resolve();
    });
  });
}

const startedMs = performance.now();
const endsMs = startedMs + options.seconds * 1_000;
await Promise.all(
  Array.from({ length: options.connections }, async () => {
    while (performance.now() < endsMs) await exchange();
  }),
);
const seconds = (performance.now() - startedMs) / 1_000;
latenciesMs.sort((a, b) => a - b);
const at = (share: number) => percentile(latenciesMs, share);
console.log(JSON.stringify({ requests: latenciesMs.length, other, seconds, p50: at(0.5), p99: at(0.99) }));
