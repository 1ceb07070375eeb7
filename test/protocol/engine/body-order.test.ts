import { createHash } from 'node:crypto';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Bench } from './harness.ts';

const bench = new Bench();
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await bench.close();
});

/** A backend that answers with the digest and the length of what it was sent, and keeps its connections or not. */
async function digesting(isKept: boolean, isSlow: boolean): Promise<{ address: string; port: number }> {
  const server = createServer((incoming, outgoing) => {
    const hash = createHash('sha1');
    let length = 0;
    incoming.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      length += chunk.length;
      if (!isSlow) return;
      incoming.pause();
      setImmediate(() => incoming.resume());
    });
    incoming.on('end', () => {
      if (!isKept) outgoing.setHeader('Connection', 'close');
      outgoing.end(`${hash.digest('hex')} ${length}`);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** Sends parts as chunks, or with their length; answers status and body. */
function upload(port: number, parts: readonly Buffer[], isChunked: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const headers = isChunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': length };
    const outgoing = request({ port, host: '127.0.0.1', method: 'PUT', path: '/', headers, agent: false });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming: IncomingMessage) => {
      let text = '';
      incoming.setEncoding('latin1');
      incoming.on('data', (chunk: string) => (text += chunk));
      incoming.on('end', () => resolve(`${incoming.statusCode} ${text}`));
    });
    for (const part of parts) outgoing.write(part);
    outgoing.end();
  });
}

const SIZES = [0, 1, 65_536, 1_048_575, 1_048_576, 1_048_577, 1_300_000, 3_000_001, 8_388_608];

describe('a request body arrives as it was sent, byte for byte and in order', () => {
  for (const isKept of [true, false]) {
    for (const isBuffered of [true, false]) {
      for (const isSlow of [true, false]) {
        const name = [
          isKept ? 'kept connections' : 'a connection for each request',
          isBuffered ? 'buffered' : 'unbuffered',
          isSlow ? 'a slow backend' : 'a fast backend',
        ].join(', ');
        test(name, async () => {
          const backend = await digesting(isKept, isSlow);
          const engine = await bench.engine({
            endpoints: [backend],
            body: { maxBodyBytes: 0, isRequestBuffered: isBuffered },
          });
          for (const isChunked of [true, false]) {
            for (const size of SIZES) {
              const parts: Buffer[] = [];
              const hash = createHash('sha1');
              for (let at = 0; at < size; at += 65_536) {
                const part = Buffer.alloc(Math.min(65_536, size - at), 65 + (parts.length % 26));
                hash.update(part);
                parts.push(part);
              }
              const want = `200 ${hash.digest('hex')} ${size}`;
              expect(await upload(engine.port, parts, isChunked), `${size} bytes`).toBe(want);
            }
          }
        });
      }
    }
  }
});
