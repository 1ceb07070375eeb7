import { describe, expect, test } from 'vitest';
import { createDropTable } from '../message/known-headers.ts';
import { INCOMPLETE, REFUSED } from '../message/head-parser.ts';
import { ResponseParser } from './response-parser.ts';

const limits = {
  maxTargetBytes: 0,
  maxHeaderLineBytes: Number.MAX_SAFE_INTEGER,
  maxHeadBytes: 4096,
  maxHeaders: 100,
  areUnderscoresAllowed: true,
  areInvalidHeadersIgnored: true,
};
const NOTHING = createDropTable([]);
const head = (...lines: string[]) => `HTTP/1.1 ${lines.join('\r\n')}\r\n\r\n`;
const PLAIN = head('200 OK', 'Content-Type: text/plain', 'X-A: 1', 'Content-Length: 3');

/** What a parser makes of a head, in a buffer that holds other bytes the next time. */
const buffer = Buffer.alloc(8192);
function read(parser: ResponseParser, text: string, method = 'GET', behind = 'abc'): unknown {
  buffer.fill(0x21);
  const end = 5 + buffer.write(text + behind, 5, 'latin1');
  parser.expect(method);
  const next = parser.parse(buffer, 5, end);
  if (next < 0) return next === REFUSED ? parser.error : 'incomplete';
  const { status, reason, framing, contentLength, isKeepAlive, nominated, headers } = parser.head;
  return {
    bytes: next - 5,
    status,
    reason,
    framing,
    contentLength,
    isKeepAlive,
    nominated,
    text: headers.text,
    lines: headers.forwardable(NOTHING),
    type: headers.get('content-type'),
  };
}

const fresh = (text: string, method?: string) => read(new ResponseParser({ ...limits }), text, method);

describe('a head that comes again and again is read as for the first time', () => {
  const HEADS = [
    PLAIN,
    head('200 OK', 'Content-Type: text/plain', 'X-A: 2', 'Content-Length: 3'),
    head('404 Not Found', 'Content-Type: text/html', 'Connection: close, X-B', 'X-B: 1', 'Content-Length: 0'),
    head('200 OK', 'Transfer-Encoding: chunked'),
    head('204 No Content', 'Content-Length: 4'),
    head('200 OK'),
    head('200 OK', `X-Long: ${'a'.repeat(1500)}`, 'Content-Length: 1'),
    head('200 OK', 'Content-Length: 3', 'Content-Length: 3'),
    head('200 OK', 'Content-Length: 3', 'Transfer-Encoding: chunked'),
    'HTTP/1.1 200 OK\nContent-Length: 3\n\n',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n',
  ];

  for (const text of HEADS) {
    test(JSON.stringify(text.slice(0, 90)), () => {
      const parser = new ResponseParser({ ...limits });
      for (let i = 0; i < 4; i++) expect(read(parser, text)).toEqual(fresh(text));
      for (const method of ['HEAD', 'GET', 'HEAD', 'HEAD', 'HEAD', 'GET']) {
        expect(read(parser, text, method)).toEqual(fresh(text, method));
      }
      for (const other of HEADS) {
        for (let i = 0; i < 3; i++) expect(read(parser, other)).toEqual(fresh(other));
        expect(read(parser, text)).toEqual(fresh(text));
      }
    });
  }
});

test('a head that comes again may be too long now', () => {
  const own = { ...limits };
  const parser = new ResponseParser(own);
  for (let i = 0; i < 3; i++) expect(read(parser, PLAIN)).toMatchObject({ status: 200 });
  own.maxHeadBytes = PLAIN.length - 1;
  expect(read(parser, PLAIN)).toBe('upstream_head_too_large');
});

test('a head that comes again may come in pieces', () => {
  const parser = new ResponseParser({ ...limits });
  for (let i = 0; i < 3; i++) expect(read(parser, PLAIN)).toMatchObject({ status: 200 });
  const bytes = Buffer.from(PLAIN);
  for (let cut = 1; cut < bytes.length; cut++) {
    parser.expect('GET');
    expect(parser.parse(bytes, 0, cut)).toBe(INCOMPLETE);
    expect(parser.parse(bytes, 0, bytes.length)).toBe(bytes.length);
    expect(parser.head.headers.text).toBe(PLAIN);
    for (let i = 0; i < 2; i++) expect(read(parser, PLAIN)).toMatchObject({ status: 200, contentLength: 3 });
  }
});

test('a head that comes again behind one that was given up is read anew', () => {
  const parser = new ResponseParser({ ...limits });
  for (let i = 0; i < 3; i++) read(parser, PLAIN);
  expect(read(parser, 'HTTP/1.1 404 Not Found\r\nX-B: 1\r\nX-C', 'GET', '')).toBe('incomplete');
  expect(read(parser, PLAIN)).toEqual(fresh(PLAIN));
});

test('a long head is let go of, a short one is as good as new', () => {
  const parser = new ResponseParser({ ...limits });
  const long = head('200 OK', `X-Long: ${'a'.repeat(1500)}`, 'Content-Length: 1');
  read(parser, long);
  parser.release();
  expect(parser.head.headers.text).toBe('');
  for (let i = 0; i < 4; i++) {
    expect(read(parser, PLAIN)).toEqual(fresh(PLAIN));
    parser.release();
  }
});

test('what is left out of the lines may differ each time', () => {
  const parser = new ResponseParser({ ...limits });
  const withoutType = createDropTable(['content-type']);
  for (let i = 0; i < 4; i++) {
    read(parser, PLAIN);
    const { headers } = parser.head;
    expect(headers.forwardable(NOTHING)).toBe('Content-Type: text/plain\r\nX-A: 1\r\n');
    expect(headers.forwardable(withoutType)).toBe('X-A: 1\r\n');
    expect(headers.forwardable(withoutType, new Set(['x-a']))).toBe('');
    expect(headers.forwardable(NOTHING, new Set(['x-a']))).toBe('Content-Type: text/plain\r\n');
    expect(headers.forwardable(NOTHING)).toBe('Content-Type: text/plain\r\nX-A: 1\r\n');
  }
});
