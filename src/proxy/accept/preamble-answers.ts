import type { Socket } from 'node:net';
import { stockPage } from '../exchange/stock-page.ts';
import { dateLine } from '../message/http-date.ts';

const { reason: REASON, body: PAGE } = stockPage(400, 'plain-http-on-tls');

/** Record of a fatal alert `unrecognized_name` (RFC 6066 §3) in TLS 1.2's clothes, which 1.3 wears as well. */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

/** How long a refused client may go on sending before it is cut, in milliseconds (nginx: lingering_timeout). */
const LINGER_MS = 5_000;

/** Answers plain HTTP on a TLS port as nginx does, without reading it, and closes. */
export function answerPlainOnTls(socket: Socket, nowMs: number): void {
  const fields = `Content-Type: text/html\r\nContent-Length: ${PAGE.length}\r\nConnection: close\r\n\r\n`;
  endAndLinger(socket, `HTTP/1.1 400 ${REASON}\r\n${dateLine(nowMs)}${fields}${PAGE}`);
}

/** Refuses a handshake for a name that no certificate is configured for. */
export function refuseServerName(socket: Socket): void {
  endAndLinger(socket, UNRECOGNIZED_NAME);
}

/** Closing while bytes are unread would reset the connection, and the answer with it. */
function endAndLinger(socket: Socket, answer: string | Buffer): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroy());
  socket.resume();
  if (typeof answer === 'string') socket.end(answer, 'latin1');
  else socket.end(answer);
}
