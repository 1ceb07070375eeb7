// The upstream of gRPC calls: answers every call with one message as long as it was told to, by prior knowledge of HTTP/2, with Serin's own frames,
// so that it takes little of the core it shares.
//   node loadtest/grpc-upstream.ts <port> [message bytes]
import { createServer, type Socket } from 'node:net';
import { Timers } from '../src/lib/timer-wheel.ts';
import { NO_LINES, parsedLines } from '../src/proxy/message/head-text.ts';
import { type ServerTimes, ServerSession } from '../src/proxy/http2/server-session.ts';
import type { Stream, StreamHandler } from '../src/proxy/http2/stream.ts';
import { WireShared } from '../src/proxy/http2/wire-shared.ts';
import { DEFAULT_SETTINGS } from '../src/table/settings.ts';

const [port, messageBytes = '64'] = process.argv.slice(2);
const message = Buffer.alloc(5 + Number(messageBytes), 'x');
message.writeUInt8(0, 0);
message.writeUInt32BE(Number(messageBytes), 1);
const HEAD = parsedLines('content-type: application/grpc\r\n');
const TRAILERS = 'grpc-status: 0\r\n';

const HOURS = 3_600_000;
const TIMES: ServerTimes = {
  headerTimeoutMs: HOURS,
  bodyTimeoutMs: HOURS,
  minBodyBytesPerSecond: 0,
  sendTimeoutMs: HOURS,
  keepAliveTimeoutMs: HOURS,
  keepAliveRequests: Infinity,
};
const shared = new WireShared();
const timers = new Timers();

/** One connection: every call is answered when it has ended. */
function serve(socket: Socket): void {
  socket.setNoDelay(true);
  const handler: StreamHandler = {
    onHead: (stream: Stream) => stream.resume(),
    onInterimHead() {},
    onData() {},
    onRead() {},
    onEnd(stream: Stream) {
      session.respond(stream, 200, NO_LINES, HEAD, -1, NO_LINES);
      stream.write(message, 0, message.length);
      stream.end(TRAILERS);
      stream.release();
    },
    onDrain() {},
    onReset: (stream: Stream) => stream.release(),
    onLate() {},
  };
  const session = new ServerSession({
    sink: {
      write: (buffer, start, end) => socket.write(Buffer.from(buffer.subarray(start, end))),
      areBytesFree: true,
      end: () => socket.end(),
      setReading: (isReading) => void (isReading ? socket.resume() : socket.pause()),
    },
    shared,
    timers,
    now: () => performance.now(),
    limits: () => DEFAULT_SETTINGS,
    maxConcurrentStreams: 1_000,
    times: () => TIMES,
    handlerFor: () => handler,
  });
  socket.on('data', (chunk: Buffer) => {
    const rest = session.receive(chunk, 0, chunk.length);
    // More than its share of a turn: the session has stopped the socket until the next one.
    if (rest < chunk.length) socket.unshift(chunk.subarray(rest));
  });
  socket.on('drain', () => session.onDrain());
  socket.on('close', () => session.onClosed());
  socket.on('error', () => {});
}

createServer(serve).listen(Number(port), '127.0.0.1');
