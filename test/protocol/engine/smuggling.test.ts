import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RequestParser } from '../../../src/proxy/http1/request-parser.ts';
import { LIMITS } from '../codec/drive.ts';
import { Bench, OK } from './harness.ts';

/*
 * Ways in which two parsers come to see different requests in the same bytes (RFC 9112 §11.2). Whatever a client sends, an upstream gets
 * nothing, or requests that every parser reads alike, and nothing behind a refused request is ever read.
 */

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const EVIL = 'GET /evil HTTP/1.1\r\nHost: a.test\r\n\r\n';
const head = (lines: string, method = 'POST', version = '1.1'): string =>
  `${method} /x HTTP/${version}\r\nHost: a.test\r\n${lines}\r\n`;

const CHUNKED_EVIL = `0\r\n\r\n${EVIL}`;

/** All of these are refused: one answer of that status, then the end. */
const REFUSED: readonly (readonly [name: string, bytes: string, status?: number])[] = [
  ['CL.TE', head('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n') + CHUNKED_EVIL],
  ['TE.CL', head('Transfer-Encoding: chunked\r\nContent-Length: 6\r\n') + CHUNKED_EVIL],
  ['TE.CL with a length of 0', head('Transfer-Encoding: chunked\r\nContent-Length: 0\r\n') + CHUNKED_EVIL],
  ['TE.TE', head('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n') + CHUNKED_EVIL],
  ['TE twice the same', head('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n') + CHUNKED_EVIL],
  ['chunked twice in one line', head('Transfer-Encoding: chunked, chunked\r\n') + CHUNKED_EVIL, 501],
  ['chunked not last', head('Transfer-Encoding: chunked, identity\r\n') + CHUNKED_EVIL, 501],
  ['chunked behind another coding', head('Transfer-Encoding: gzip, chunked\r\n') + CHUNKED_EVIL, 501],
  ['an empty coding', head('Transfer-Encoding:\r\n') + CHUNKED_EVIL, 501],
  ['a coding in quotes', head('Transfer-Encoding: "chunked"\r\n') + CHUNKED_EVIL, 501],
  ['a coding with a parameter', head('Transfer-Encoding: chunked;q=1\r\n') + CHUNKED_EVIL, 501],
  ['a coding with a comma', head('Transfer-Encoding: chunked,\r\n') + CHUNKED_EVIL, 501],
  ['a coding with a prefix', head('Transfer-Encoding: xchunked\r\n') + CHUNKED_EVIL, 501],
  ['a tab behind the coding', head('Transfer-Encoding: chunked\t\r\n') + CHUNKED_EVIL, 501],
  ['a tab behind a blank behind the coding', head('Transfer-Encoding: chunked \t\r\n') + CHUNKED_EVIL, 501],
  ['a vertical tab in the coding', head('Transfer-Encoding: \x0bchunked\r\n') + CHUNKED_EVIL],
  ['a blank before the colon', head('Transfer-Encoding : chunked\r\n') + CHUNKED_EVIL],
  ['a blank before the name', head(' Transfer-Encoding: chunked\r\n') + CHUNKED_EVIL],
  ['a folded coding', head('Transfer-Encoding:\r\n chunked\r\n') + CHUNKED_EVIL],
  ['a coding folded onto another header', head('X: y\r\n\tTransfer-Encoding: chunked\r\n') + CHUNKED_EVIL],
  ['a bare LF before the coding', head('X: y\nTransfer-Encoding: chunked\r\n') + CHUNKED_EVIL],
  ['a bare CR before the coding', head('X: y\rTransfer-Encoding: chunked\r\n') + CHUNKED_EVIL],
  ['NUL in the name of the coding', head('Transfer-Encoding\0: chunked\r\n') + CHUNKED_EVIL],
  ['a coding on HTTP/1.0', head('Transfer-Encoding: chunked\r\n', 'POST', '1.0') + CHUNKED_EVIL],
  ['two lengths', head('Content-Length: 0\r\nContent-Length: 38\r\n') + EVIL],
  ['two equal lengths', head('Content-Length: 38\r\nContent-Length: 38\r\n') + EVIL],
  ['a list of lengths', head('Content-Length: 38, 38\r\n') + EVIL],
  ['a length of nothing', head('Content-Length:\r\n') + EVIL],
  ['a negative length', head('Content-Length: -1\r\n') + EVIL],
  ['a length with a sign', head('Content-Length: +38\r\n') + EVIL],
  ['a hexadecimal length', head('Content-Length: 0x26\r\n') + EVIL],
  ['a length with an exponent', head('Content-Length: 3e1\r\n') + EVIL],
  ['a length with a point', head('Content-Length: 38.0\r\n') + EVIL],
  ['a length with a blank inside', head('Content-Length: 3 8\r\n') + EVIL],
  ['a length above 2^53', head('Content-Length: 9007199254740993\r\n') + EVIL],
  ['a length that wraps', head('Content-Length: 18446744073709551654\r\n') + EVIL],
  ['a length of other digits', head('Content-Length: \xb38\r\n') + EVIL],
  [
    'a chunk extension with a bare LF',
    `${head('Transfer-Encoding: chunked\r\n')}1;a\nb\r\nx\r\n${CHUNKED_EVIL}`,
  ],
  ['a chunk size with a sign', `${head('Transfer-Encoding: chunked\r\n')}-1\r\nx\r\n${CHUNKED_EVIL}`],
  [
    'a chunk size that overflows',
    `${head('Transfer-Encoding: chunked\r\n')}ffffffffffffffff\r\nx\r\n${CHUNKED_EVIL}`,
  ],
  [
    'a chunk size that wraps',
    `${head('Transfer-Encoding: chunked\r\n')}10000000000000001\r\nx\r\n${CHUNKED_EVIL}`,
  ],
  ['a chunk size with 0x', `${head('Transfer-Encoding: chunked\r\n')}0x1\r\nx\r\n${CHUNKED_EVIL}`],
  ['a blank behind a chunk size', `${head('Transfer-Encoding: chunked\r\n')}1 \r\nx\r\n${CHUNKED_EVIL}`],
  ['a bare LF behind a chunk size', `${head('Transfer-Encoding: chunked\r\n')}1\nx\r\n${CHUNKED_EVIL}`],
  [
    'chunk data that is longer than its size',
    `${head('Transfer-Encoding: chunked\r\n')}1\r\nxy\r\n${CHUNKED_EVIL}`,
  ],
  [
    'a length among the trailers',
    `${head('Transfer-Encoding: chunked\r\n')}0\r\nContent-Length: 38\r\n\r\n${EVIL}`,
  ],
  [
    'a coding among the trailers',
    `${head('Transfer-Encoding: chunked\r\n')}0\r\nTransfer-Encoding: chunked\r\n\r\n${EVIL}`,
  ],
  ['a request among the trailers', `${head('Transfer-Encoding: chunked\r\n')}0\r\n${EVIL}\r\n`],
  ['two Hosts', `GET /x HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n${EVIL}`],
  ['a folded Host', `GET /x HTTP/1.1\r\nHost:\r\n a.test\r\n\r\n${EVIL}`],
  ['a bad Host beside an absolute target', `GET http://a.test/x HTTP/1.1\r\nHost: a.test/x\r\n\r\n${EVIL}`],
  ['a line without a colon', head('garbage\r\n', 'GET') + EVIL],
  ['a head whose last line ends with a bare LF', `GET /x HTTP/1.1\r\nHost: a.test\n\n${EVIL}`],
  ['HTTP/0.9', `GET /x\r\n${EVIL}`],
  ['two versions', `GET /x HTTP/1.1 HTTP/1.1\r\nHost: a.test\r\n\r\n${EVIL}`],
];

for (const isBuffered of [true, false]) {
  describe(`refused, and nothing behind it is read (${isBuffered ? 'bodies read first' : 'bodies streamed'})`, () => {
    for (const [name, bytes, status = 400] of REFUSED) {
      test(name, async () => {
        const upstream = await bench.answering(() => OK);
        const engine = await bench.engine({
          endpoints: [upstream.endpoint],
          body: { isRequestBuffered: isBuffered },
        });
        const client = await engine.connect();
        client.send(bytes);
        const text = await client.ended();
        expect(text.match(/^HTTP\/1\.1 \d+/gm)).toEqual([`HTTP/1.1 ${status}`]);
        expect(text).toContain('\r\nConnection: close\r\n');
        expect(upstream.requests.filter((request) => request.includes('evil'))).toEqual([]);
        expect(engine.faults).toEqual([]);
      });
    }
  });
}

/** These go on, as so many requests, each read alike by every parser. */
const PASSED: readonly (readonly [name: string, bytes: string, targets: readonly string[], body?: string])[] =
  [
    [
      'chunked in any case',
      `${head('TRANSFER-ENCODING: ChunKed\r\n')}5\r\nhello\r\n0\r\n\r\n`,
      ['/x'],
      'hello',
    ],
    ['a body that looks like a request', head(`Content-Length: ${EVIL.length}\r\n`) + EVIL, ['/x'], EVIL],
    [
      'a chunk that looks like the end',
      `${head('Transfer-Encoding: chunked\r\n')}5\r\n0\r\n\r\n\r\n0\r\n\r\n`,
      ['/x'],
      '0\r\n\r\n',
    ],
    ['a body behind GET', `${head('Content-Length: 2\r\n', 'GET')}hi`, ['/x'], 'hi'],
    [
      'names with underscores that would frame',
      head('Content_Length: 38\r\nTransfer_Encoding: chunked\r\n', 'GET'),
      ['/x'],
    ],
    ['leading zeros of a length', `${head('Content-Length: 0000002\r\n')}hi`, ['/x'], 'hi'],
    [
      'Connection that names Host and framing',
      `${head('Connection: Host, Content-Length, Transfer-Encoding\r\nContent-Length: 2\r\n')}hi`,
      ['/x'],
      'hi',
    ],
    [
      'an upgrade with a body',
      `${head('Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n')}hi`,
      ['/x'],
      'hi',
    ],
    [
      'an upgrade to HTTP/2',
      head('Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n', 'GET'),
      ['/x'],
    ],
    [
      'requests behind a body',
      `${head('Content-Length: 2\r\n')}hi${head('', 'GET')}${head('', 'GET')}`,
      ['/x', '/x', '/x'],
    ],
  ];

describe('passed on as what it is', () => {
  for (const [name, bytes, targets, body] of PASSED) {
    test(name, async () => {
      const upstream = await bench.answering(() => OK);
      const engine = await bench.engine({ endpoints: [upstream.endpoint] });
      const client = await engine.connect();
      client.send(`${bytes}GET /last HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
      const text = await client.ended();
      expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(targets.length + 1);
      const seen = upstream.requests.map((request) => {
        const parser = new RequestParser(LIMITS);
        const octets = Buffer.from(request, 'latin1');
        const end = parser.parse(octets, 0, octets.length);
        expect(end).toBeGreaterThan(0);
        const { target, framing, contentLength, host, upgrade } = parser.head;
        expect({ host, upgrade }).toEqual({ host: 'a.test', upgrade: undefined });
        if (framing !== 'chunked') expect(request.length - end).toBe(Math.max(contentLength, 0));
        return { target, body: request.slice(end) };
      });
      expect(seen.map(({ target }) => target)).toEqual([...targets, '/last']);
      if (body !== undefined) expect(seen[0]!.body).toBe(body);
    });
  }
});

/** Responses that are no answer: a 502, and none of it for the client or for the next request. */
const BAD_RESPONSES: readonly (readonly [name: string, response: string, method?: string])[] = [
  ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok'],
  ['equal lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok'],
  ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok'],
  ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok'],
  [
    'codings twice',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a coding on HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['chunked not last', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n'],
  [
    'conflicting framing on HEAD',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n',
    'HEAD',
  ],
  [
    'conflicting framing on 304',
    'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n',
  ],
  ['a line break folded into a status', 'HTTP/1.1 200\r\n OK\r\nContent-Length: 2\r\n\r\nok'],
  ['a blank before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok'],
  ['NUL in a value', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok'],
  ['a bare CR in a value', 'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b=c\r\nContent-Length: 2\r\n\r\nok'],
  ['a bare CR in a head of bare LFs', 'HTTP/1.1 200 OK\nX: a\rSet-Cookie: b=c\nContent-Length: 2\n\nok'],
];

describe('of an upstream', () => {
  for (const [name, response, method = 'GET'] of BAD_RESPONSES) {
    test(`${name}: a 502, and its connection is used no more`, async () => {
      const upstream = await bench.answering((_request, _socket, index) => (index === 0 ? response : OK));
      const engine = await bench.engine({ endpoints: [upstream.endpoint], retry: { tries: 1 } });
      const client = await engine.connect();
      client.send(head('', method));
      client.send('GET /next HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
      const text = await client.ended();
      expect(text.match(/HTTP\/1\.1 \d+ /g)).toEqual(['HTTP/1.1 502 ', 'HTTP/1.1 200 ']);
      expect(text).not.toContain('Set-Cookie');
      expect(upstream.sockets).toHaveLength(2);
    });
  }
});
