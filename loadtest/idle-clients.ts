/*
 * Connections that make one request each and stay; prints `open` when all have their answer, and ends on SIGTERM.
 *   node loadtest/idle-clients.ts '{"port":8080,"isTls":false,"count":2000,"curve":"X25519"}'
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { headers, settings } from '../src/proxy/http2/testing.ts';
import { PREFACE } from '../src/proxy/http2/wire-codes.ts';

interface IdleOptions {
  readonly port: number;
  readonly isTls: boolean;
  readonly count: number;
  readonly curve: string;
  readonly isHttp2: boolean;
}

const { port, isTls, count, curve, isHttp2 } = JSON.parse(process.argv[2] ?? '{}') as IdleOptions;
/** So many at a time. */
const AT_ONCE = 50;
const REQUEST = isHttp2
  ? Buffer.concat([
      PREFACE,
      settings(),
      headers(1, [
        [':method', 'GET'],
        [':scheme', 'https'],
        [':authority', 'load.test'],
        [':path', '/512'],
        ['user-agent', 'idle/1'],
        ['accept', '*/*'],
      ]),
    ])
  : 'GET /512 HTTP/1.1\r\nHost: load.test\r\nUser-Agent: idle/1\r\nAccept: */*\r\n\r\n';
/** What no settings of the other side are as long as. */
const ANSWER_BYTES = 512;

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const address = { host: '127.0.0.1', port };
    const socket = isTls
      ? connectTls({
          ...address,
          servername: 'load.test',
          rejectUnauthorized: false,
          ecdhCurve: curve,
          ALPNProtocols: [isHttp2 ? 'h2' : 'http/1.1'],
        })
      : connectTcp(address);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
    socket.once(isTls ? 'secureConnect' : 'connect', () => socket.write(REQUEST));
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes >= ANSWER_BYTES) resolve(socket);
    });
  });
}

process.once('SIGTERM', () => process.exit(0));
const sockets: Socket[] = [];
while (sockets.length < count) {
  const batch = Math.min(AT_ONCE, count - sockets.length);
  sockets.push(...(await Promise.all(Array.from({ length: batch }, open))));
}
console.log('open');
