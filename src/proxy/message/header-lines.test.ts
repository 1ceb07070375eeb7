import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../test/protocol/codec/drive.ts';
import type { Http1RequestHead } from '../http1/heads.ts';
import { INCOMPLETE } from './head-parser.ts';
import {
  HEADER,
  HEADER_NAMES,
  KNOWN_HEADER_COUNT,
  NEVER_FORWARDED,
  createDropTable,
  headerIdOf,
} from './known-headers.ts';
import { RequestParser } from '../http1/request-parser.ts';

function headOf(lines: string): Http1RequestHead {
  const parser = new RequestParser(LIMITS);
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a.test\r\n${lines}\r\n`, 'latin1');
  expect(parser.parse(bytes, 0, bytes.length)).toBe(bytes.length);
  return parser.head;
}

describe('known names', () => {
  test('numbers count through', () => {
    expect(Object.values(HEADER).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: KNOWN_HEADER_COUNT - 1 }, (_, i) => i + 1),
    );
    for (const [name, id] of Object.entries(HEADER)) expect(HEADER_NAMES[id]).toBe(name);
  });

  test('every one is recognised in any case', () => {
    for (const [name, id] of Object.entries(HEADER)) {
      if (id <= HEADER['transfer-encoding']) continue;
      const { headers } = headOf(`${name.toUpperCase()}: v\r\n`);
      expect(headers.idAt(1)).toBe(id);
      expect(headers.get(name)).toBe('v');
      expect(headers.byId(id)).toBe('v');
      expect(headers.has(id)).toBe(true);
    }
  });

  test('properties of every object have no number', () => {
    for (const name of ['__proto__', 'constructor', 'tostring', '']) expect(headerIdOf(name)).toBe(0);
  });
});

describe('reading', () => {
  test('occurrences are joined, cookies by semicolon', () => {
    const { headers } = headOf('X-A: 1\r\nCookie: a=1\r\nx-a: 2\r\nCOOKIE: b=2\r\nX-AB: 3\r\n');
    expect(headers.get('x-a')).toBe('1, 2');
    expect(headers.get('cookie')).toBe('a=1; b=2');
    expect(headers.get('x-b')).toBeUndefined();
    expect(headers.get('__proto__')).toBeUndefined();
    expect(headers.nameAt(4)).toBe('COOKIE');
    expect(headers.lowerNameAt(4)).toBe('cookie');
  });

  test('there is room for many lines', () => {
    const { headers } = headOf(Array.from({ length: 150 }, (_, i) => `X-${i}: v${i}\r\n`).join(''));
    expect(headers.count).toBe(151);
    expect(headers.get('x-149')).toBe('v149');
    expect(headers.get('x-0')).toBe('v0');
  });
});

describe('forwarding', () => {
  const none = new Uint8Array(KNOWN_HEADER_COUNT);

  test('framing, hop-by-hop and nominated lines stay behind, whatever the table says', () => {
    const { headers } = headOf(
      'Content-Length: 0\r\nConnection: X-B, close\r\nKeep-Alive: 1\r\nTE: trailers\r\nProxy-Connection: x\r\n' +
        'Expect: 100-continue\r\nHTTP2-Settings: x\r\nX-A: 1\r\nx-b: 2\r\nUpgrade: a\r\nAccept: *\r\n',
    );
    expect(headers.forwardable(none)).toBe('X-A: 1\r\nAccept: *\r\n');
  });

  test('what the table and the set drop stays behind', () => {
    const { headers } = headOf('X-Forwarded-For: 1\r\nX-A: 1\r\nX-C: 3\r\nX-Real-IP: 2\r\nX-D: 4\r\n');
    const table = createDropTable(['x-forwarded-for', 'x-real-ip']);
    expect(headers.forwardable(table)).toBe('X-A: 1\r\nX-C: 3\r\nX-D: 4\r\n');
    expect(headers.forwardable(table, new Set(['x-c']))).toBe('X-A: 1\r\nX-D: 4\r\n');
  });

  test('blanks around values are made one', () => {
    const { headers } = headOf('A:1\r\nB: 2\r\nC:  3 \t\r\nD:\t4\r\nE:\r\nF: 6\r\n');
    expect(headers.forwardable(NEVER_FORWARDED)).toBe('A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: \r\nF: 6\r\n');
  });

  test('dropped names leave no trace between lines that are kept', () => {
    const { headers } = headOf('A: 1\r\nX_Y: 2\r\nB: 3\r\n');
    expect(headers.forwardable(NEVER_FORWARDED)).toBe('A: 1\r\nB: 3\r\n');
  });
});

describe('an idle connection', () => {
  test('lets go of its last head and reads the next', () => {
    const parser = new RequestParser(LIMITS);
    const many = Array.from({ length: 100 }, (_, i) => `X-${i}: v\r\n`).join('');
    const first = Buffer.from(`GET /a HTTP/1.1\r\nHost: a.test\r\n${many}\r\n`);
    parser.parse(first, 0, first.length);
    parser.release();
    expect(parser.head).toMatchObject({ target: '', requestLine: '', host: undefined });
    expect(parser.head.headers.text).toBe('');
    const second = Buffer.from('GET /b HTTP/1.1\r\nHost: b.test\r\nX-A: 1\r\n\r\n');
    expect(parser.parse(second, 0, second.length)).toBe(second.length);
    expect(parser.head.target).toBe('/b');
    expect(parser.head.headers.get('x-a')).toBe('1');
  });

  test('keeps a head that is half there', () => {
    const parser = new RequestParser(LIMITS);
    const bytes = Buffer.from('GET /b HTTP/1.1\r\nHost: b.test\r\nX-A: 1\r\n\r\n');
    expect(parser.parse(bytes, 0, 40)).toBe(INCOMPLETE);
    expect(parser.hasBegun).toBe(true);
    parser.release();
    expect(parser.parse(bytes, 0, bytes.length)).toBe(bytes.length);
    expect(parser.head.headers.get('host')).toBe('b.test');
    expect(parser.hasBegun).toBe(false);
  });
});

test('thousands of nominated names cost no more than they are long', () => {
  const names = Array.from({ length: 2000 }, (_, i) => `a${i}`);
  const { headers, nominated } = headOf(
    `Connection: ${names.slice(0, 1000).join()}\r\nConnection: ${names.slice(1000).join()}\r\nA7: 1\r\nB: 2\r\nA1999: 3\r\n`,
  );
  expect(nominated).toEqual(names);
  expect(headers.forwardable(NEVER_FORWARDED)).toBe('B: 2\r\n');
});

test('names that are written anew do not pass with an underscore either', () => {
  const parser = new RequestParser({ ...LIMITS, areUnderscoresAllowed: true });
  const bytes = Buffer.from(
    'GET / HTTP/1.1\r\nHost: a.test\r\nX_User: root\r\nx-user: root\r\nX_Other: 1\r\n\r\n',
  );
  expect(parser.parse(bytes, 0, bytes.length)).toBe(bytes.length);
  expect(parser.head.headers.forwardable(NEVER_FORWARDED, new Set(['x-user']))).toBe('X_Other: 1\r\n');
});
