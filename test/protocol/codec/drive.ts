import type { ProxyErrorCode } from '../../../src/proxy/message/proxy-errors.ts';
import { type HeadLimits, INCOMPLETE, REFUSED } from '../../../src/proxy/message/head-parser.ts';
import type { HeaderBlock } from '../../../src/proxy/message/heads.ts';
import {
  CHUNK,
  ChunkedDecoder,
  DEFAULT_CHUNK_LIMITS,
  UPSTREAM_CHUNK_LIMITS,
  type ChunkLimits,
} from '../../../src/proxy/http1/chunked-decoder.ts';
import { RequestParser } from '../../../src/proxy/http1/request-parser.ts';
import { ResponseParser } from '../../../src/proxy/http1/response-parser.ts';
import { createResolvedTarget, resolveTarget } from '../../../src/proxy/message/target.ts';

export const LIMITS: HeadLimits = {
  maxTargetBytes: 8192,
  maxHeaderLineBytes: 8192,
  maxHeadBytes: 32_768,
  maxHeaders: 200,
  areUnderscoresAllowed: false,
  areInvalidHeadersIgnored: true,
};

/** One message as the codec understood it; bytes as latin1. */
export interface Message {
  readonly startLine: readonly [string, string, string];
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly framing: string;
  readonly contentLength: number;
  readonly isKeepAlive: boolean;
  readonly upgrade: string | undefined;
  readonly path: string;
  readonly host: string;
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
}

/** What a stream of bytes came to: whole messages, then an error, or what was under way when the bytes ended. */
export interface Reading {
  readonly messages: readonly Message[];
  readonly error: ProxyErrorCode | undefined;
  readonly underWay: 'nothing' | 'head' | 'body';
  /** Bytes never looked at: behind an upgrade or a last message, when nothing is under way. */
  readonly unread: number;
}

interface Stream {
  readonly chunks: ChunkLimits;
  parse(buffer: Buffer, start: number, end: number): number;
  readonly error: ProxyErrorCode;
  readonly hasBegun: boolean;
  /** The message whose head was just parsed, or why it is refused after all. */
  accept(): Message | ProxyErrorCode;
  /** Whether the stream goes on behind the message. */
  hasNext(message: Message): boolean;
}

/** Reads requests off one connection the way the engine does, the bytes cut at `cuts`. */
export function readRequests(
  bytes: Buffer,
  cuts: readonly number[] = [],
  limits: HeadLimits = LIMITS,
): Reading {
  const parser = new RequestParser(limits);
  const resolved = createResolvedTarget();
  return read(bytes, cuts, {
    chunks: DEFAULT_CHUNK_LIMITS,
    parse: (buffer, start, end) => parser.parse(buffer, start, end),
    get error() {
      return parser.error;
    },
    get hasBegun() {
      return parser.hasBegun;
    },
    accept() {
      const { head } = parser;
      const error = resolveTarget(head.method, head.target, head.host, resolved);
      if (error !== undefined) return error;
      return {
        startLine: [head.method, head.target, `1.${head.minorVersion}`],
        headers: linesOf(head.headers),
        framing: head.framing,
        contentLength: head.contentLength,
        isKeepAlive: head.isKeepAlive,
        upgrade: head.upgrade,
        path: resolved.path,
        host: resolved.host,
        body: '',
        trailers: [],
      };
    },
    hasNext: (message) => message.isKeepAlive && message.upgrade === undefined,
  });
}

/** Reads the responses to requests of these methods, in order. The stream ends behind the last byte. */
export function readResponses(
  bytes: Buffer,
  methods: readonly string[],
  cuts: readonly number[] = [],
  limits: HeadLimits = LIMITS,
): Reading {
  const parser = new ResponseParser(limits);
  let answered = 0;
  parser.expect(methods[0]!);
  return read(bytes, cuts, {
    chunks: UPSTREAM_CHUNK_LIMITS,
    parse: (buffer, start, end) => parser.parse(buffer, start, end),
    get error() {
      return parser.error;
    },
    get hasBegun() {
      return parser.hasBegun;
    },
    accept() {
      const { head } = parser;
      return {
        startLine: [`1.${head.minorVersion}`, String(head.status), head.reason],
        headers: linesOf(head.headers),
        framing: head.framing,
        contentLength: head.contentLength,
        isKeepAlive: head.isKeepAlive,
        upgrade: head.upgrade,
        path: '',
        host: '',
        body: '',
        trailers: [],
      };
    },
    hasNext(message) {
      const status = Number(message.startLine[1]);
      if (status === 101) return false;
      if (status < 200) return true;
      answered++;
      if (answered >= methods.length || !message.isKeepAlive) return false;
      parser.expect(methods[answered]!);
      return true;
    },
  });
}

export function linesOf(block: HeaderBlock): [string, string][] {
  return Array.from({ length: block.count }, (_, i) => [block.nameAt(i), block.valueAt(i)]);
}

function read(bytes: Buffer, cuts: readonly number[], stream: Stream): Reading {
  const decoder = new ChunkedDecoder(stream.chunks);
  const messages: Message[] = [];
  let message: Message | undefined;
  let body = '';
  let remaining = 0;
  let position = 0;
  const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < bytes.length), bytes.length])].toSorted(
    (a, b) => a - b,
  );
  const result = (error: ProxyErrorCode | undefined, underWay: Reading['underWay']): Reading => ({
    messages,
    error,
    underWay,
    unread: error === undefined && underWay === 'nothing' ? bytes.length - position : 0,
  });
  for (const end of ends) {
    // Every buffer is another one, with other bytes around: nothing may hang on where the bytes lie.
    let base = position;
    const buffer = Buffer.concat([Buffer.from('x\r\n'), bytes.subarray(base, end), Buffer.from('\r\n\r\n')]);
    base -= 3;
    while (position < end || (message !== undefined && remaining === 0 && message.framing !== 'chunked')) {
      if (message === undefined) {
        const next = stream.parse(buffer, position - base, end - base);
        if (next === INCOMPLETE) break;
        if (next === REFUSED) return result(stream.error, 'nothing');
        const accepted = stream.accept();
        if (typeof accepted === 'string') return result(accepted, 'nothing');
        position = next + base;
        message = accepted;
        body = '';
        remaining =
          message.framing === 'length' ? message.contentLength : message.framing === 'close' ? Infinity : 0;
        decoder.reset();
        continue;
      }
      let trailers: [string, string][] = [];
      if (message.framing === 'chunked') {
        const event = decoder.next(buffer, position - base, end - base);
        if (event === CHUNK.bad) return result(decoder.error, 'nothing');
        if (event === CHUNK.data) body += buffer.toString('latin1', decoder.dataStart, decoder.dataEnd);
        position = decoder.position + base;
        if (event !== CHUNK.done) continue;
        trailers = linesOf(decoder.trailers);
      } else if (remaining > 0) {
        const taken = Math.min(remaining, end - position);
        body += bytes.toString('latin1', position, position + taken);
        position += taken;
        remaining -= taken;
        if (remaining > 0) continue;
      }
      const done: Message = { ...message, body, trailers };
      messages.push(done);
      message = undefined;
      if (!stream.hasNext(done)) return result(undefined, 'nothing');
    }
  }
  if (message?.framing === 'close') {
    messages.push({ ...message, body });
    return result(undefined, 'nothing');
  }
  return result(undefined, message !== undefined ? 'body' : stream.hasBegun ? 'head' : 'nothing');
}
