import { INCOMPLETE, REFUSED } from '../message/head-parser.ts';
import type { HeaderBlock } from '../message/heads.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import { CHUNK, ChunkedDecoder, UPSTREAM_CHUNK_LIMITS } from './chunked-decoder.ts';
import type { Framing, Http1ResponseHead } from './heads.ts';
import { InputBuffer } from './input-buffer.ts';
import { ResponseParser } from './response-parser.ts';

/** Interim responses before a final one, and bytes of them; more are not worth waiting for. */
const MAX_INTERIM_RESPONSES = 32;
const MAX_INTERIM_BYTES = 65_536;
/** Readers kept for the next responses; more are left to the collector. */
const MAX_SPARE = 64;
/** Line limits do not apply to responses: the whole head is limited instead. */
const MAX_RESPONSE_HEADERS = 1000;

/** Told what a response consists of. Where it answers with a boolean, false ends the reading: there is nobody who wants more. */
export interface ResponseUser {
  onInterim(head: Http1ResponseHead): boolean;
  /** The final head, or a 101. */
  onHead(head: Http1ResponseHead): boolean;
  onBody(buffer: Buffer, start: number, end: number): boolean;
  /** Bytes behind a 101. */
  onUpgraded(buffer: Buffer, start: number, end: number): void;
  /** `hasMoreBytes`: some came that answer nothing. */
  onComplete(trailers: HeaderBlock | undefined, hasMoreBytes: boolean): void;
  onRefused(code: ProxyErrorCode): void;
}

/** Readers that no response is read with at the moment, of one worker: a connection that waits has none, and few are used again and again. */
export class ResponseReaders {
  readonly #spare: ResponseReader[] = [];

  take(): ResponseReader {
    return this.#spare.pop() ?? new ResponseReader();
  }

  /** Takes one back whose response is complete, and that nobody reads the head of any more. */
  give(reader: ResponseReader): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(reader);
  }
}

/** Takes responses, one after another, out of the bytes of a connection. */
export class ResponseReader {
  #user: ResponseUser | undefined = undefined;
  readonly #limits = {
    maxTargetBytes: 0,
    maxHeaderLineBytes: Number.MAX_SAFE_INTEGER,
    maxHeadBytes: 4096,
    maxHeaders: MAX_RESPONSE_HEADERS,
    areUnderscoresAllowed: true,
    areInvalidHeadersIgnored: true,
  };
  readonly #parser = new ResponseParser(this.#limits);
  #decoder: ChunkedDecoder | undefined = undefined;
  #pending: InputBuffer | undefined = undefined;
  #isInHead = false;
  #framing: Framing = 'none';
  #remaining = 0;
  #interimCount = 0;
  #interimBytes = 0;

  /** Whether the connection can be used again behind the present response, as far as that says. */
  get isKeepAlive(): boolean {
    return this.#parser.head.isKeepAlive;
  }

  /** Whether the present response lasts until its connection ends. */
  get isUntilClose(): boolean {
    return this.#framing === 'close';
  }

  /** Begins a response to a request of that method. */
  expect(user: ResponseUser, method: string, maxHeadBytes: number): void {
    this.#user = user;
    this.#limits.maxHeadBytes = maxHeadBytes;
    this.#interimCount = 0;
    this.#interimBytes = 0;
    this.#isInHead = true;
    this.#parser.expect(method);
  }

  /** Lets go of the response, and of its head unless that is short. */
  release(): void {
    this.#user = undefined;
    this.#pending = undefined;
    this.#parser.release();
  }

  read(buffer: Buffer, start: number, end: number): void {
    if (this.#isInHead) this.#readHead(buffer, start, end);
    else this.#readBody(buffer, start, end);
  }

  #readHead(chunk: Buffer, chunkStart: number, chunkEnd: number): void {
    let buffer = chunk;
    let position = chunkStart;
    let end = chunkEnd;
    const pending = this.#pending;
    if (pending !== undefined) {
      pending.append(chunk, chunkStart, chunkEnd);
      ({ buffer, position, end } = pending);
    }
    const { head } = this.#parser;
    const user = this.#user!;
    for (;;) {
      const next = this.#parser.parse(buffer, position, end);
      if (next === INCOMPLETE) {
        if (pending === undefined) {
          this.#pending = new InputBuffer();
          this.#pending.append(buffer, position, end);
        } else {
          pending.position = position;
        }
        return;
      }
      if (next === REFUSED) {
        user.onRefused(this.#parser.error);
        return;
      }
      const bytes = next - position;
      position = next;
      if (head.status >= 200 || head.status === 101) break;
      this.#interimBytes += bytes;
      if (++this.#interimCount > MAX_INTERIM_RESPONSES || this.#interimBytes > MAX_INTERIM_BYTES) {
        user.onRefused('upstream_malformed');
        return;
      }
      if (!user.onInterim(head)) return;
    }
    this.#pending = undefined;
    this.#isInHead = false;
    this.#framing = head.framing;
    this.#remaining = head.contentLength;
    if (head.framing === 'chunked') {
      this.#decoder ??= new ChunkedDecoder(UPSTREAM_CHUNK_LIMITS);
      this.#decoder.reset();
    }
    if (!user.onHead(head)) return;
    if (head.status !== 101) this.#readBody(buffer, position, end);
    else if (position < end) user.onUpgraded(buffer, position, end);
  }

  #readBody(buffer: Buffer, start: number, end: number): void {
    const user = this.#user!;
    switch (this.#framing) {
      case 'none':
        user.onComplete(undefined, start < end);
        return;
      case 'length': {
        const available = end - start;
        const taken = available < this.#remaining ? available : this.#remaining;
        this.#remaining -= taken;
        if (taken > 0 && !user.onBody(buffer, start, start + taken)) return;
        if (this.#remaining === 0) user.onComplete(undefined, taken < available);
        return;
      }
      case 'chunked':
        this.#readChunks(buffer, start, end);
        return;
      default:
        if (start < end) user.onBody(buffer, start, end);
    }
  }

  #readChunks(buffer: Buffer, start: number, end: number): void {
    const user = this.#user!;
    const decoder = this.#decoder!;
    let position = start;
    for (;;) {
      const event = decoder.next(buffer, position, end);
      position = decoder.position;
      switch (event) {
        case CHUNK.data:
          if (!user.onBody(buffer, decoder.dataStart, decoder.dataEnd)) return;
          break;
        case CHUNK.done:
          user.onComplete(decoder.trailers, position < end);
          return;
        case CHUNK.bad:
          user.onRefused('upstream_malformed');
          return;
        default:
          return;
      }
    }
  }
}
