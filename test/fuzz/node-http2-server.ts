import { createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { answerOf } from './frame-answer.ts';

/* A server of node:http2 in a process of its own, since some of what it is sent ends it; tells its port. */

const server = createServer();
server.on('session', (session: Http2Session) => void session.on('error', () => {}));
server.on('sessionError', () => {});
server.on('stream', (stream: ServerHttp2Stream, { ':method': method, ':path': path }) => {
  let octets = 0;
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => (octets += chunk.length));
  stream.on('end', () => {
    if (stream.closed || stream.destroyed) return;
    stream.respond({ ':status': 200 });
    stream.end(method === 'HEAD' ? undefined : answerOf(method!, path!, octets));
  });
});
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());
