import { accepted, badResponse, get, goodResponse, ok, post, refused } from './case.ts';
import type { CodecCase } from './case.ts';

const chunked = (body: string): string => post('Transfer-Encoding: chunked\r\n', body);

const BAD_BODIES: readonly (readonly [what: string, body: string])[] = [
  ['7.1: no size', '\r\nabc\r\n0\r\n\r\n'],
  ['7.1: a size of letters', 'g\r\nabc\r\n0\r\n\r\n'],
  ['7.1: a signed size', '+3\r\nabc\r\n0\r\n\r\n'],
  ['7.1: a negative size', '-3\r\nabc\r\n0\r\n\r\n'],
  ['7.1: a size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
  ['7.1: a size with an underscore', '1_0\r\nabc\r\n0\r\n\r\n'],
  ['7.1: a blank before the size', ' 3\r\nabc\r\n0\r\n\r\n'],
  ['7.1: a size that overflows', 'ffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
  ['7.1: a size that wraps to 3', '10000000000000003\r\nabc\r\n0\r\n\r\n'],
  ['7.1: zeros without end', `${'0'.repeat(40)}3\r\nabc\r\n0\r\n\r\n`],
  ['7.1: a bare LF behind the size', '3\nabc\r\n0\r\n\r\n'],
  ['7.1: a bare CR behind the size', '3\rabc\r\n0\r\n\r\n'],
  ['7.1: a bare LF behind the data', '3\r\nabc\n0\r\n\r\n'],
  ['7.1: nothing behind the data', '3\r\nabc0\r\n\r\n'],
  ['7.1: more data than the size', '3\r\nabcd\r\n0\r\n\r\n'],
  ['7.1: two bytes that are no CRLF behind the data', '3\r\nabcxx0\r\n\r\n'],
  ['7.1.1: a bare LF in an extension (TERM.EXT)', '3;a\nabc\r\n0\r\n\r\n'],
  ['7.1.1: a bare CR in an extension', '3;a\rb\r\nabc\r\n0\r\n\r\n'],
  ['7.1.1: an extension without a name', '3;\r\nabc\r\n0\r\n\r\n'],
  ['7.1.1: an extension of only a value', '3;=b\r\nabc\r\n0\r\n\r\n'],
  ['7.1.1: an extension without its value', '3;a=\r\nabc\r\n0\r\n\r\n'],
  ['7.1.1: a quote that does not end', '3;a="b\r\nabc\r\n0\r\n\r\n'],
  ['7.1.1: a line end in quotes', '3;a="\r\n"\r\nabc\r\n0\r\n\r\n'],
  ['7.1.1: text behind a quote', '3;a="b"c\r\nabc\r\n0\r\n\r\n'],
  ['7.1.1: NUL in an extension', '3;a="\0"\r\nabc\r\n0\r\n\r\n'],
  ['7.1.1: an extension above its limit', `3;${'a'.repeat(300)}\r\nabc\r\n0\r\n\r\n`],
  ['7.1.1: extensions of a body above their limit', `1;${'a'.repeat(250)}\r\na\r\n`.repeat(70)],
];

/** Refused from clients, since what stands in front may read another size; taken from upstreams. */
const BLANKS: readonly (readonly [what: string, body: string])[] = [
  ['7.1: a blank behind the size', '3 \r\nabc\r\n0\r\n\r\n'],
  ['7.1: a tab behind the size', '3\t\r\nabc\r\n0\r\n\r\n'],
  ['7.1: a size in a field of fixed width', '3     \r\nabc\r\n0     \r\n\r\n'],
  ['7.1.1: a blank before an extension', '3 ;a\r\nabc\r\n0\r\n\r\n'],
];

/** Refused from either side. */
const BAD_BLANKS: readonly (readonly [what: string, body: string])[] = [
  ['7.1: a digit behind a blank', '3 0\r\nabc\r\n0\r\n\r\n'],
  ['7.1: a blank and a bare LF behind the size', '3 \nabc\r\n0\r\n\r\n'],
  ['7.1: blanks without end', `3${' '.repeat(300)}\r\nabc\r\n0\r\n\r\n`],
];

const BAD_TRAILERS: readonly (readonly [what: string, trailer: string])[] = [
  ['Content-Length', 'Content-Length: 3\r\n'],
  ['Transfer-Encoding', 'Transfer-Encoding: chunked\r\n'],
  ['a line without a colon', 'garbage\r\n'],
  ['a fold', 'X: a\r\n b\r\n'],
  ['a bare LF', 'X: a\n'],
  ['a blank before the colon', 'X : a\r\n'],
  ['NUL', 'X: a\0b\r\n'],
  ['too many', 'X: a\r\n'.repeat(65)],
  ['too large', `X: ${'a'.repeat(8192)}\r\n`],
  ['a request line', 'GET / HTTP/1.1\r\n'],
];

/** RFC 9112 §7: chunks, extensions, trailers. */
export const RFC9112_7: readonly CodecCase[] = [
  accepted('9112 §7.1: chunks', chunked(`3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n${get('')}`), [
    { body: 'abc0123456789' },
    {},
  ]),
  accepted('9112 §7.1: upper and lower case, leading zeros', chunked(`00a\r\n0123456789\r\n000\r\n\r\n`), [
    { body: '0123456789' },
  ]),
  accepted('9112 §7.1: data that looks like the end', chunked('5\r\n0\r\n\r\n\r\n0\r\n\r\n'), [
    { body: '0\r\n\r\n' },
  ]),
  accepted('9112 §7.1.1: extensions are dropped', chunked('3;a;b=c;d="e;\\"f"\r\nabc\r\n0;last\r\n\r\n'), [
    { body: 'abc' },
  ]),
  accepted('9112 §7.1.2: trailers are kept', chunked('0\r\nX-Sum: 1\r\ngrpc-status: 0\r\n\r\n'), [
    {
      trailers: [
        ['X-Sum', '1'],
        ['grpc-status', '0'],
      ],
    },
  ]),
  accepted(
    '9110 §6.5.1: trailers that must not be are dropped',
    chunked(
      '0\r\nHost: b.test\r\nAuthorization: x\r\nCookie: a\r\nX-Forwarded-For: 1\r\nConnection: close\r\nX-Sum: 1\r\n\r\n',
    ),
    [{ trailers: [['X-Sum', '1']] }],
  ),
  accepted('9112 §7.1: not complete before the last CRLF', chunked('3\r\nabc\r\n0\r\n\r'), [], {
    underWay: 'body',
  }),
  ...[...BAD_BODIES, ...BLANKS, ...BAD_BLANKS].map(([what, body]) =>
    refused(`9112 §${what}`, 'bad_chunk', chunked(body)),
  ),
  refused('9112 §7.1: a bare LF for the end', 'bad_trailer', chunked('0\r\n\n')),
  refused('9112 §7.1: CR and something else for the end', 'bad_trailer', chunked('0\r\n\rx')),
  ...BAD_TRAILERS.map(([what, trailer]) =>
    refused(`9112 §7.1.2: trailers with ${what}`, 'bad_trailer', chunked(`0\r\n${trailer}\r\n`)),
  ),
  goodResponse(
    '9112 §7.1: a chunked response',
    ok('Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\nX: y\r\n\r\n'),
    [{ body: 'abc', trailers: [['X', 'y']], isKeepAlive: true }],
  ),
  ...BLANKS.map(([what, body]) =>
    goodResponse(`9112 §${what}, from an upstream`, ok('Transfer-Encoding: chunked\r\n', body), [
      { body: 'abc' },
    ]),
  ),
  ...[...BAD_BODIES, ...BAD_BLANKS].map(([what, body]) =>
    badResponse(`9112 §${what}, from an upstream`, ok('Transfer-Encoding: chunked\r\n', body), {
      error: 'bad_chunk',
    }),
  ),
];
