import type { ExchangeEvents } from '../exchange/events.ts';
import { CHUNK, ChunkedDecoder } from './chunked-decoder.ts';
import type { Http1RequestHead } from './heads.ts';

const NONE = 0;
const LENGTH = 1;
const CHUNKED = 2;

/** So many octets cost one unit of a turn, as a power of two; a chunk costs one beside. */
const OCTET_BITS = 8;

/** What is left of a turn of the event loop. */
interface Units {
  left: number;
}

const ENDLESS: Units = { left: Number.POSITIVE_INFINITY };

/** Body bytes worth reading off to keep a connection. */
const MAX_DISCARDED_BYTES = 65_536;

/** Takes the bodies of the requests of one connection out of its bytes. */
export class BodyReader {
  #kind = NONE;
  /** Bytes of a body of declared length that are still to come. */
  remaining = 0;
  #decoder: ChunkedDecoder | undefined = undefined;
  #dueAtMs = 0;
  #pausedAtMs = 0;
  #minBytesPerMs = 0;
  /** Whether the exchange has asked for it. */
  #isWanted = false;
  /** Whether it wants no more of it for now. */
  isPaused = false;

  /** Whether more of it is to come, and may. */
  get isAwaited(): boolean {
    return this.#isWanted && !this.isPaused && this.#kind !== NONE;
  }

  /** Whether all of the present body was read, or there is none. */
  get isComplete(): boolean {
    return this.#kind === NONE;
  }

  /** Whether the next request can be found behind it, and the rest is worth reading off for that where it was answered without. */
  isEndKnown(isContinueDue: boolean): boolean {
    if (this.#kind === NONE) return true;
    // A client that waits for 100 may or may not send its body now: the bytes that follow cannot be told apart.
    return this.#kind === LENGTH && this.remaining <= MAX_DISCARDED_BYTES && !isContinueDue;
  }

  /** Somebody wants it from now on; it may come in so slowly once `graceMs` are over, and, with 0, as slowly as it likes. */
  want(nowMs: number, graceMs: number, minBytesPerSecond: number): void {
    this.#isWanted = true;
    this.#minBytesPerMs = minBytesPerSecond / 1_000;
    this.#dueAtMs = nowMs + graceMs;
  }

  /** Whether the body comes in so slowly that it only holds the connection. */
  isLate(nowMs: number): boolean {
    return this.#minBytesPerMs > 0 && nowMs > this.#dueAtMs;
  }

  /** No more of it is wanted for a time that does not count. */
  pause(nowMs: number): void {
    this.isPaused = true;
    this.#pausedAtMs = nowMs;
  }

  resume(nowMs: number): void {
    if (this.isPaused) this.#dueAtMs += nowMs - this.#pausedAtMs;
    this.isPaused = false;
  }

  /** Nobody wants it any more. */
  leave(): void {
    this.#isWanted = false;
    this.isPaused = false;
  }

  begin(head: Http1RequestHead): void {
    this.leave();
    switch (head.framing) {
      case 'none':
        this.#kind = NONE;
        return;
      case 'length':
        this.#kind = LENGTH;
        this.remaining = head.contentLength;
        return;
      default:
        this.#kind = CHUNKED;
        this.#decoder ??= new ChunkedDecoder();
        this.#decoder.reset();
    }
  }

  /** Says that there is no body. */
  clear(): void {
    this.leave();
    this.#kind = NONE;
  }

  /** Hands body bytes to the exchange for as long as that is the one they are for, and units of the turn are left; answers the offset behind what was used. */
  read(events: ExchangeEvents, buffer: Buffer, start: number, end: number, share: Units = ENDLESS): number {
    const position =
      this.#kind === LENGTH
        ? this.#readLength(events, buffer, start, end)
        : this.#readChunks(events, buffer, start, end, share);
    share.left -= (position - start) >> OCTET_BITS;
    if (this.#minBytesPerMs > 0) this.#dueAtMs += (position - start) / this.#minBytesPerMs;
    return position;
  }

  #readLength(events: ExchangeEvents, buffer: Buffer, start: number, end: number): number {
    const taken = Math.min(this.remaining, end - start);
    const isLast = this.discard(taken);
    if (events.onBodyData(buffer, start, start + taken)) {
      if (isLast) events.onBodyEnd();
      else events.onBodyRead();
    }
    return start + taken;
  }

  #readChunks(events: ExchangeEvents, buffer: Buffer, start: number, end: number, share: Units): number {
    const decoder = this.#decoder!;
    let position = start;
    for (;;) {
      const event = decoder.next(buffer, position, end);
      position = decoder.position;
      switch (event) {
        case CHUNK.data:
          if (!events.onBodyData(buffer, decoder.dataStart, decoder.dataEnd)) return position;
          if (--share.left > 0) break;
          events.onBodyRead();
          return position;
        case CHUNK.done:
          this.#kind = NONE;
          events.onBodyEnd();
          return position;
        case CHUNK.bad:
          events.onBodyRefused(decoder.error);
          return end;
        default:
          events.onBodyRead();
          return position;
      }
    }
  }

  /** Takes bytes of a body of declared length as read; answers whether they were its last. */
  discard(bytes: number): boolean {
    this.remaining -= bytes;
    if (this.remaining > 0) return false;
    this.#kind = NONE;
    return true;
  }
}
