import type { ProxyErrorCode } from '../../../src/proxy/message/proxy-errors.ts';
import type { HeadLimits } from '../../../src/proxy/message/head-parser.ts';
import type { Message } from './drive.ts';

/** Raw bytes in, verdict out. */
export interface CodecCase {
  /** RFC clause and what is tried, e.g. `9112 §2.2: a bare LF ends no line`. */
  readonly name: string;
  readonly kind: 'request' | 'response';
  /** Bytes as latin1. */
  readonly raw: string;
  /** Methods of the requests that responses answer; default one GET. */
  readonly methods?: readonly string[];
  readonly limits?: Partial<HeadLimits>;
  /** Why it is refused; undefined: it is not. */
  readonly error?: ProxyErrorCode;
  /** What the messages read before that are, field by field; none by default when there is an error. */
  readonly messages?: readonly Partial<Message>[];
  readonly underWay?: 'nothing' | 'head' | 'body';
  readonly unread?: number;
}

const HOST = 'Host: a.test\r\n';

/** A request for `/` with these header lines (CRLF included) behind a Host, then this body. */
export const get = (lines: string, body = ''): string => `GET / HTTP/1.1\r\n${HOST}${lines}\r\n${body}`;
export const post = (lines: string, body = ''): string => `POST / HTTP/1.1\r\n${HOST}${lines}\r\n${body}`;
export const ok = (lines: string, body = ''): string => `HTTP/1.1 200 OK\r\n${lines}\r\n${body}`;

export const refused = (
  name: string,
  error: ProxyErrorCode,
  raw: string,
  more: Partial<CodecCase> = {},
): CodecCase => ({ name, kind: 'request', raw, error, messages: [], ...more });

export const accepted = (
  name: string,
  raw: string,
  messages: readonly Partial<Message>[] = [{}],
  more: Partial<CodecCase> = {},
): CodecCase => ({ name, kind: 'request', raw, messages, ...more });

export const badResponse = (name: string, raw: string, more: Partial<CodecCase> = {}): CodecCase => ({
  name,
  kind: 'response',
  raw,
  error: 'upstream_malformed',
  messages: [],
  ...more,
});

export const goodResponse = (
  name: string,
  raw: string,
  messages: readonly Partial<Message>[] = [{}],
  more: Partial<CodecCase> = {},
): CodecCase => ({ name, kind: 'response', raw, messages, ...more });
