import { stockPage } from '../exchange/stock-page.ts';
import { dateLine } from '../message/http-date.ts';
import type { Connection, ConnectionHandler } from '../transport/transport.ts';

const { reason: REASON, body: PAGE } = stockPage(400, 'plain-http-on-tls');

/** Record of a fatal alert `unrecognized_name` (RFC 6066 §3) in TLS 1.2's clothes, which 1.3 wears as well. */
const UNRECOGNIZED_NAME = '\x15\x03\x03\x00\x02\x02\x70';

/** How long a refused client may go on sending before it is cut, in milliseconds (nginx: lingering_timeout). */
const LINGER_MS = 5_000;

/** Answers plain HTTP on a TLS port as nginx does, without reading it, and closes. */
export function answerPlainOnTls(connection: Connection, nowMs: number): void {
  const fields = `Content-Type: text/html\r\nContent-Length: ${PAGE.length}\r\nConnection: close\r\n\r\n`;
  endAndLinger(connection, `HTTP/1.1 400 ${REASON}\r\n${dateLine(nowMs)}${fields}${PAGE}`);
}

/** Refuses a handshake for a name that no certificate is configured for. */
export function refuseServerName(connection: Connection): void {
  endAndLinger(connection, UNRECOGNIZED_NAME);
}

/** Closing while bytes are unread would reset the connection, and the answer with it. */
function endAndLinger(connection: Connection, answer: string): void {
  connection.handler = new Lingering(connection);
  connection.write(answer);
  connection.end();
}

/** Throws away what a refused client still sends, until it ends or the time is over. */
class Lingering implements ConnectionHandler {
  readonly #timer: NodeJS.Timeout;

  constructor(connection: Connection) {
    this.#timer = setTimeout(() => connection.destroy(), LINGER_MS);
  }

  onData(): void {}

  onEnd(connection: Connection): void {
    connection.destroy();
  }

  onDrain(): void {}

  onClose(): void {
    clearTimeout(this.#timer);
  }
}
