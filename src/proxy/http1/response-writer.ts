import type { ResponseBodyKind } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import {
  contentLengthLine,
  CHUNKED_LINE,
  type HeadText,
  NO_LINES,
  statusLine,
} from '../message/head-text.ts';
import { dateLine } from '../message/http-date.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK, lastChunk } from './chunked-encoder.ts';
import type { HeaderBlock } from '../message/heads.ts';
import type { Connection } from '../transport/transport.ts';

/** Pieces up to this go into the same text as the head; longer ones are written as bytes. */
const MAX_TEXT_BYTES = 16_384;

/** Turns responses into as few writes as they need: a head and a short body are one text and one write. */
export class ResponseWriter {
  /** Whether the body lasts until the connection ends. */
  isUntilClose = false;
  readonly #connection: Connection;
  #out = '';
  #isCorked = false;
  #isChunked = false;
  /** Set while nothing of the present response was given to the connection. */
  #isUnsent = false;
  #isUsed = false;
  #bytesSentBefore = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sends a head that another one follows. */
  interim(exchange: Exchange, status: number, reason: string, lines: HeadText): void {
    const text = `${statusLine(status, reason)}${lines}\r\n`;
    exchange.accounting.bytesSent += text.length;
    this.#connection.write(text);
  }

  /** Chooses the framing that the client understands; before `head`. */
  begin(exchange: Exchange, kind: ResponseBodyKind, isChunkable: boolean): void {
    const isStream = kind === 'stream';
    this.#isChunked = isStream && isChunkable;
    this.isUntilClose = isStream && !isChunkable;
    this.#isUnsent = true;
    this.#bytesSentBefore = exchange.accounting.bytesSent;
  }

  head(
    exchange: Exchange,
    status: number,
    reason: string,
    lines: HeadText,
    trailingLines: HeadText,
    contentLength: number,
    isKeptAlive: boolean,
  ): void {
    const framing = this.#isChunked
      ? CHUNKED_LINE
      : contentLength >= 0 && !this.isUntilClose
        ? contentLengthLine(contentLength)
        : NO_LINES;
    const text =
      statusLine(status, reason) +
      exchange.routing.rules.serverLine +
      dateLine(exchange.startedAtMs) +
      lines +
      framing +
      (trailingLines === ''
        ? isKeptAlive
          ? 'Connection: keep-alive\r\n\r\n'
          : 'Connection: close\r\n\r\n'
        : `${isKeptAlive ? 'Connection: keep-alive\r\n' : 'Connection: close\r\n'}${trailingLines}\r\n`);
    exchange.accounting.bytesSent += text.length;
    this.#out += text;
  }

  /** Bytes may be needed after the call only when `isOwned`. */
  body(exchange: Exchange, buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    const length = end - start;
    exchange.accounting.bytesSent += length;
    if (this.#isChunked) {
      const size = chunkHead(length);
      exchange.accounting.bytesSent += size.length + CHUNK_END.length;
      this.#out += size;
    }
    if (length <= MAX_TEXT_BYTES && this.#out.length <= MAX_TEXT_BYTES) {
      this.#out += buffer.toString('latin1', start, end);
    } else {
      const connection = this.#connection;
      this.#isUnsent = false;
      if (!this.#isCorked) {
        this.#isCorked = true;
        connection.cork();
      }
      connection.write(this.#out, buffer, start, end, isOwned);
      this.#out = '';
    }
    if (this.#isChunked) this.#out += CHUNK_END;
  }

  /** Text holds one byte per character. */
  text(exchange: Exchange, text: string): void {
    exchange.accounting.bytesSent += text.length;
    this.#out += text;
  }

  /** Adds what ends the body. */
  end(exchange: Exchange, trailers: HeaderBlock | undefined): void {
    if (!this.#isChunked) return;
    const end = trailers === undefined ? LAST_CHUNK : lastChunk(trailers);
    exchange.accounting.bytesSent += end.length;
    this.#out += end;
  }

  /** Sends what there is; false: the connection wants no more for now. */
  flush(): boolean {
    const connection = this.#connection;
    let isTaken = true;
    this.#isUsed = true;
    if (this.#out !== '') {
      this.#isUnsent = false;
      isTaken = connection.write(this.#out);
      this.#out = '';
    }
    if (this.#isCorked) {
      this.#isCorked = false;
      isTaken = connection.uncork();
    }
    return isTaken;
  }

  /** Whether anything was sent since this was asked last. */
  takeIsUsed(): boolean {
    const isUsed = this.#isUsed;
    this.#isUsed = false;
    return isUsed;
  }

  /** Sends the head of a 101; nothing is framed behind it. */
  tunnelHead(exchange: Exchange, reason: string, lines: HeadText): void {
    const text = `${statusLine(101, reason)}${dateLine(exchange.startedAtMs)}${lines}\r\n`;
    exchange.accounting.bytesSent += text.length;
    this.#connection.write(text);
  }

  /** Sends bytes of a tunnel; false: the connection wants no more for now. */
  tunnel(exchange: Exchange, buffer: Buffer, start: number, end: number): boolean {
    exchange.accounting.bytesSent += end - start;
    return this.#connection.write('', buffer, start, end);
  }

  /** Forgets the present response; false when some of it was sent. */
  retract(exchange: Exchange): boolean {
    if (!this.#isUnsent) return false;
    this.#out = '';
    exchange.accounting.bytesSent = this.#bytesSentBefore;
    return true;
  }

  /** Forgets what was not sent. */
  clear(): void {
    this.#out = '';
  }
}
