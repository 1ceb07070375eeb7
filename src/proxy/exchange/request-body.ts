import type { Exchange } from './exchange.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK } from '../http1/chunked-encoder.ts';
import { CHUNKED_LINE, contentLengthLine, type HeadText, NO_LINES } from '../message/head-text.ts';

/** A body of declared length up to this is read whole before the upstream is contacted; a longer one streams. */
const MAX_COLLECTED_LENGTH = 65_536;
/** A streamed body up to this is kept until the response begins, so that another try can send it. */
const MAX_KEPT_BYTES = 1_048_576;
/** A chunked body is collected up to this to be sent with its length; what is longer streams on in chunks. */
const MAX_COLLECTED_CHUNKED = 1_048_576;

const NONE = 0;
const COLLECTING = 1;
const COLLECTED = 2;
const STREAMING = 3;

/** The request body of one exchange: collected, so that it can be sent again, or passed on as it comes. */
export class RequestBody {
  readonly #exchange: Exchange;
  #state = NONE;
  /** Not sent yet on the present try. */
  #parts: Buffer[] = [];
  /** Sent while streaming, for another try. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #bytes = 0;
  #isEnded = false;
  #lastPart = '';
  /** Set when part of it is gone and no other try can send it. */
  #isConsumed = false;
  #isPaused = false;
  /** Whether the upstream takes no more for now. */
  #isBlocked = false;
  #isRestSent = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Whether another try can send all of it. */
  get isReplayable(): boolean {
    return !this.#isConsumed;
  }

  /** Framing lines for the upstream head. */
  get framingLine(): HeadText {
    const { head } = this.#exchange;
    if (this.#state === STREAMING) {
      return head.framing === 'chunked' ? CHUNKED_LINE : contentLengthLine(head.contentLength);
    }
    if (this.#state === COLLECTED) return contentLengthLine(this.#bytes);
    return head.contentLength === 0 ? contentLengthLine(0) : NO_LINES;
  }

  /** Begins to read it as the route's policy says; goes on to the upstream as soon as that may be contacted. */
  begin(): void {
    const { head, route, downstream } = this.#exchange;
    this.#parts = [];
    this.#kept = [];
    this.#keptBytes = 0;
    this.#bytes = 0;
    this.#isEnded = false;
    this.#lastPart = '';
    this.#isConsumed = false;
    this.#isPaused = false;
    this.#isBlocked = false;
    if (head.framing === 'none') {
      this.#state = NONE;
      this.#exchange.forwarding.begin();
      return;
    }
    const isCollected =
      (route!.body.isRequestBuffered &&
        (head.framing === 'chunked' || head.contentLength <= MAX_COLLECTED_LENGTH)) ||
      (head.framing === 'chunked' && route!.body.upstreamHttpMinor === 0);
    this.#state = isCollected ? COLLECTING : STREAMING;
    const { sequence } = this.#exchange;
    if (this.#state === STREAMING) this.#exchange.forwarding.begin();
    if (this.#exchange.isActive && this.#exchange.sequence === sequence) downstream.readBody();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    const exchange = this.#exchange;
    const { body } = exchange.route!;
    this.#bytes += end - start;
    if (body.maxBodyBytes > 0 && this.#bytes > body.maxBodyBytes) {
      exchange.onBodyRefused('body_too_large');
      return;
    }
    const part = buffer.subarray(start, end);
    if (this.#state === STREAMING) {
      this.#stream(part);
      return;
    }
    this.#parts.push(part);
    if (this.#bytes <= MAX_COLLECTED_CHUNKED || exchange.head.framing !== 'chunked') return;
    if (body.upstreamHttpMinor === 0) {
      // HTTP/1.0 has no chunks, and a body without end cannot be counted first.
      exchange.onBodyRefused('body_too_large');
      return;
    }
    this.#state = STREAMING;
    exchange.forwarding.begin();
  }

  /** All of it is there. Its trailers, if it had any, go nowhere: no policy has seen them. */
  onEnd(): void {
    this.#isEnded = true;
    if (this.#state === COLLECTING) {
      this.#state = COLLECTED;
      if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts, this.#bytes)];
      this.#exchange.forwarding.begin();
      return;
    }
    if (this.#exchange.head.framing === 'chunked') this.#lastPart = LAST_CHUNK;
    this.#sendRest();
  }

  /** Sends the head with what is at hand of the body. */
  sendWith(headText: HeadText): void {
    const connection = this.#exchange.forwarding.connection!;
    if (this.#state === NONE) {
      connection.completeRequest();
      connection.sendText(headText);
      return;
    }
    if (this.#state === COLLECTED) {
      connection.completeRequest();
      if (this.#bytes === 0) connection.sendText(headText);
      else connection.sendBoth(headText, this.#parts[0]!);
      return;
    }
    this.#isRestSent = false;
    connection.sendText(headText);
    const parts = this.#kept.concat(this.#parts);
    this.#parts = [];
    this.#kept = [];
    this.#keptBytes = 0;
    this.#isBlocked = false;
    for (const part of parts) this.#sendPart(part);
    this.#sendRest();
    this.#resumeWhereTaken();
  }

  /** Lets go of what was kept for another try: there will be none. */
  forget(): void {
    if (this.#kept.length === 0) return;
    this.#isConsumed = true;
    this.#kept = [];
  }

  /** The upstream takes more. */
  onUpstreamDrain(): void {
    this.#isBlocked = false;
    this.#resumeWhereTaken();
  }

  /** Has the client's bytes come again. They come at once: never while parts that were kept are being sent, or they overtake them. */
  #resumeWhereTaken(): void {
    if (!this.#isPaused || this.#isBlocked) return;
    this.#isPaused = false;
    this.#exchange.downstream.resumeReading();
  }

  #stream(part: Buffer): void {
    const connection = this.#exchange.forwarding.connection;
    if (connection !== undefined && this.#exchange.forwarding.isRequestBegun) {
      this.#sendPart(part);
      this.#resumeWhereTaken();
      return;
    }
    // Not connected yet.
    this.#parts.push(part);
    this.#pause();
  }

  #sendPart(part: Buffer): void {
    const connection = this.#exchange.forwarding.connection!;
    this.#keptBytes += part.length;
    if (this.#keptBytes <= MAX_KEPT_BYTES) this.#kept.push(part);
    else this.forget();
    const isTaken =
      this.#exchange.head.framing === 'chunked'
        ? connection.sendChunk(chunkHead(part.length), part, CHUNK_END)
        : connection.sendBytes(part);
    this.#isBlocked = !isTaken;
    if (!isTaken) this.#pause();
  }

  #sendRest(): void {
    const { connection, isRequestBegun } = this.#exchange.forwarding;
    if (!this.#isEnded || this.#isRestSent || connection === undefined || !isRequestBegun) return;
    this.#isRestSent = true;
    if (this.#lastPart !== '') connection.sendText(this.#lastPart);
    connection.completeRequest();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#exchange.downstream.pauseReading();
  }
}
