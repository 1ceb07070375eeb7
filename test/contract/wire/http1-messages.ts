import { type Fields, PeerHead, type PeerStream } from './peers.ts';

/** Reads HTTP/1 messages one after another, as plainly as can be: what it tells the streams is what stands there. */
export class Http1Messages {
  #text = '';
  #stream: PeerStream | undefined = undefined;
  /** Bytes that the body still has; undefined: no body is being read. */
  #remaining: number | undefined = undefined;
  #isChunked = false;
  isTunnel = false;
  readonly #begin: (start: readonly string[]) => PeerStream;
  readonly #hasBody: (stream: PeerStream, start: readonly string[]) => boolean;
  readonly #isRequest: boolean;

  /** `begin` gives the stream of a message that begins with these words; `hasBody` is asked where the fields say that it may have one. */
  constructor(
    isRequest: boolean,
    begin: (start: readonly string[]) => PeerStream,
    hasBody: (stream: PeerStream, start: readonly string[]) => boolean,
  ) {
    this.#isRequest = isRequest;
    this.#begin = begin;
    this.#hasBody = hasBody;
  }

  /** Everything from here on belongs to this stream. */
  beginTunnel(stream: PeerStream): void {
    this.#stream = stream;
    this.isTunnel = true;
    this.#flushTunnel();
  }

  push(text: string): void {
    this.#text += text;
    while (this.#step());
  }

  /** The connection ended, by a FIN or not. */
  end(isClean: boolean): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined) return;
    const isUntilClose = !this.#isChunked && this.#remaining === Infinity;
    if (isClean && (this.isTunnel || isUntilClose)) stream.onEnd(undefined);
    else stream.onCut();
  }

  /** Whether a message is being read. */
  get isBusy(): boolean {
    return this.#stream !== undefined;
  }

  #step(): boolean {
    if (this.isTunnel) return this.#flushTunnel();
    if (this.#isChunked) return this.#readChunk();
    if (this.#remaining !== undefined) return this.#readBody(this.#remaining);
    return this.#readHead();
  }

  #flushTunnel(): boolean {
    const text = this.#text;
    this.#text = '';
    if (text !== '') this.#stream!.onBody(text);
    return false;
  }

  #readHead(): boolean {
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [first = '', ...lines] = this.#text.slice(0, end).split('\r\n');
    this.#text = this.#text.slice(end + 4);
    const fields = fieldsOf(lines);
    const words = first.split(' ');
    const start = this.#isRequest ? words.slice(0, 2) : [words[1]!];
    const head = new PeerHead(start, fields);
    const stream = this.#begin(start);
    if (!this.#isRequest && start[0]!.startsWith('1') && start[0] !== '101') {
      stream.onInterim(head);
      return true;
    }
    this.#stream = stream;
    const length = head.field('content-length');
    this.#isChunked = head.field('transfer-encoding') === 'chunked';
    this.#remaining = length === undefined ? (this.#isRequest ? 0 : Infinity) : Number(length);
    if (!this.#hasBody(stream, start)) {
      this.#isChunked = false;
      this.#remaining = 0;
    }
    stream.onHead(head);
    if (!this.isTunnel && !this.#isChunked && this.#remaining === 0) this.#finish(undefined);
    return true;
  }

  #readBody(remaining: number): boolean {
    const text = this.#text.slice(0, remaining);
    if (text === '') return false;
    this.#text = this.#text.slice(text.length);
    this.#remaining = remaining - text.length;
    this.#stream!.onBody(text);
    if (this.#remaining === 0) this.#finish(undefined);
    return true;
  }

  #readChunk(): boolean {
    const lineEnd = this.#text.indexOf('\r\n');
    if (lineEnd < 0) return false;
    const size = Number.parseInt(this.#text.slice(0, lineEnd), 16);
    if (size > 0) {
      const start = lineEnd + 2;
      if (this.#text.length < start + size + 2) return false;
      const data = this.#text.slice(start, start + size);
      this.#text = this.#text.slice(start + size + 2);
      this.#stream!.onBody(data);
      return true;
    }
    const end = this.#text.indexOf('\r\n\r\n', lineEnd);
    if (end < 0) return false;
    const lines = this.#text.slice(lineEnd + 2, end + 2).split('\r\n');
    this.#text = this.#text.slice(end + 4);
    this.#finish(end === lineEnd ? undefined : new PeerHead([], fieldsOf(lines)));
    return true;
  }

  #finish(trailers: PeerHead | undefined): void {
    const stream = this.#stream!;
    this.#stream = undefined;
    this.#isChunked = false;
    this.#remaining = undefined;
    stream.onEnd(trailers);
  }
}

/** A head with the framing that its body needs. */
export function http1Head(first: string, fields: Fields, framing: 'none' | 'stream' | number): string {
  const all =
    framing === 'none'
      ? fields
      : [
          ...fields,
          framing === 'stream'
            ? (['Transfer-Encoding', 'chunked'] as const)
            : (['Content-Length', String(framing)] as const),
        ];
  return `${first}\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

export function http1Chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

export function http1LastChunk(trailers: Fields = []): string {
  return `0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

function fieldsOf(lines: readonly string[]): Fields {
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    });
}
