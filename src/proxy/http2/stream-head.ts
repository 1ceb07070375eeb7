import { randomBytes } from 'node:crypto';
import { readUpgrade } from '../message/connection-field.ts';
import type { RequestHead } from '../message/heads.ts';
import { normaliseHost } from '../message/host.ts';
import { HEADER } from '../message/known-headers.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { FieldList } from './field-list.ts';
import type { Stream } from './stream.ts';

const SEEN_HOST = 1 << HEADER.host;
const TWICE = 12;
const SLASH = 47;
const SPACE = 32;
const DELETE = 127;
const LAST_OCTET = 255;
/** What HTTP/1.1's parser takes for a method, and for a target: what enters here leaves there. */
const METHOD = /^[A-Z_-]+$/;

/** The head of a stream's request as an exchange reads it; the same for every stream that its owner serves. */
export class StreamHead implements RequestHead {
  headers: FieldList;
  method = '';
  target = '';
  hasBody = false;
  contentLength = -1;
  upgrade: string | undefined = undefined;
  host: string | undefined = undefined;

  constructor(headers: FieldList) {
    this.headers = headers;
  }

  get requestLine(): string {
    const { headers, method, target } = this;
    // Of CONNECT the target is another one than the path.
    return headers.path === target ? headers.requestLine(method) : method + ' ' + target + ' HTTP/2.0';
  }

  get receivedLine(): string {
    return '';
  }

  get isContinueExpected(): boolean {
    const { headers } = this;
    return headers.has(HEADER.expect) && headers.byId(HEADER.expect)!.toLowerCase() === '100-continue';
  }

  /** Makes it that of the stream. Answers what the request is to be refused with. */
  read(stream: Stream): ProxyErrorCode | undefined {
    const { fields } = stream;
    this.headers = fields;
    this.method = fields.method ?? '';
    this.target = fields.path ?? '';
    this.contentLength = stream.expected;
    this.hasBody = !stream.isRemoteEnded && stream.expected !== 0;
    this.upgrade = undefined;
    this.host = undefined;
    if (fields.error !== undefined) return fields.error;
    return this.#readHost(fields) ?? this.#readTarget() ?? this.#readProtocol(stream);
  }

  /** What the authority is; Host may say the same and nothing else (RFC 9113 §8.3.1). */
  #readHost(fields: FieldList): ProxyErrorCode | undefined {
    const { authority, seen } = fields;
    if ((seen & (SEEN_HOST << TWICE)) !== 0) return 'repeated_host';
    if (authority === undefined) {
      if ((seen & SEEN_HOST) === 0) return 'missing_host';
      this.host = fields.byId(HEADER.host);
      return undefined;
    }
    this.host = authority;
    if ((seen & SEEN_HOST) !== 0) {
      const said = fields.byId(HEADER.host)!;
      if (said !== authority && normaliseHost(said) !== normaliseHost(authority)) return 'bad_host';
    }
    fields.takeAuthority();
    return undefined;
  }

  #readTarget(): ProxyErrorCode | undefined {
    const { method, target } = this;
    if (method !== 'GET' && !METHOD.test(method)) return 'bad_method';
    // A whole URI there would name another authority than the one that was said.
    if (target !== '' && target !== '*' && target.charCodeAt(0) !== SLASH) return 'bad_target';
    return isFitTarget(target) ? undefined : 'bad_target';
  }

  /** Extended CONNECT is to an exchange what it is in HTTP/1.1: a GET that asks for another protocol (RFC 8441 §5). */
  #readProtocol(stream: Stream): ProxyErrorCode | undefined {
    if (this.method !== 'CONNECT') return undefined;
    const { fields } = stream;
    const { protocol } = fields;
    if (protocol === undefined) {
      // The authority is the target (RFC 9113 §8.5).
      this.target = this.host!;
      this.hasBody = false;
      return undefined;
    }
    this.method = 'GET';
    this.hasBody = false;
    this.contentLength = -1;
    // What follows is no body, and its end is that of one half.
    stream.expected = -1;
    stream.isEndTold = false;
    this.upgrade = readUpgrade(protocol);
    if (this.upgrade === undefined) return 'unknown_protocol';
    if (protocol === 'websocket' && fields.get('sec-websocket-key') === undefined) {
      fields.append('sec-websocket-key', randomBytes(16).toString('base64'));
    }
    return undefined;
  }
}

/** Whether nothing in it would end a request line before its time; by hand, since most are too short for a regular expression to pay. */
function isFitTarget(target: string): boolean {
  for (let i = 0; i < target.length; i++) {
    const octet = target.charCodeAt(i);
    if (octet <= SPACE || octet === DELETE || octet > LAST_OCTET) return false;
  }
  return true;
}
